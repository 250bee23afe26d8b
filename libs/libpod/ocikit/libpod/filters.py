"""``--filter`` for containers (podman-ps(1); libpod.md section 10): values of one key OR, keys AND."""

from __future__ import annotations

import time

from ocikit.common.errors import OcikitError
from ocikit.libpod import times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocikit.libpod.container.record import Container
    from ocikit.libpod.runtime import Runtime

    Test = Callable[[Container], bool]


def parse(texts: Sequence[str]) -> dict[str, list[str]]:
    """``key=value`` texts by key; ``label!=x`` has the key ``label!``."""
    result: dict[str, list[str]] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals:
            raise OcikitError(f'filters should be in the form "filter=value": {text} is an invalid filter')
        result.setdefault(key, []).append(value)
    return result


def container_filters(runtime: Runtime, texts: Sequence[str]) -> Test:
    """One test for all filters."""
    tests = [_any_of(runtime, key, values) for key, values in parse(texts).items()]
    return lambda container: all(test(container) for test in tests)


def _any_of(runtime: Runtime, key: str, values: Sequence[str]) -> Test:
    if key in ("label", "label!"):
        # labels are AND, unlike everything else
        tests = [_label(value) for value in values]
        if key == "label":
            return lambda container: all(test(container) for test in tests)
        return lambda container: not all(test(container) for test in tests)
    maker = _MAKERS.get(key)
    if maker is None:
        raise OcikitError(f"{key} is an invalid filter")
    made = [maker(runtime, value) for value in values]
    return lambda container: any(test(container) for test in made)


def _label(value: str) -> Test:
    key, equals, wanted = value.partition("=")
    if "*" in key:
        from fnmatch import fnmatchcase

        return lambda c: any(fnmatchcase(k, key) and (not equals or v == wanted) for k, v in c.labels.items())
    return lambda c: key in c.labels and (not equals or c.labels[key] == wanted)


def _id(_: Runtime, value: str) -> Test:
    if value and set(value) <= set("0123456789abcdef"):
        return lambda c: c.id.startswith(value)
    import re

    return lambda c: re.search(value, c.id) is not None


def _name(_: Runtime, value: str) -> Test:
    import re

    try:
        pattern = re.compile(value.removeprefix("/"))
    except re.error as error:
        raise OcikitError(f"invalid name filter {value!r}: {error}") from None
    return lambda c: pattern.search(c.name) is not None


def _exited(_: Runtime, value: str) -> Test:
    if not value.lstrip("-").isdigit():
        raise OcikitError(f'exited code out of range "{value}": must be an integer')
    return lambda c: (
        c.status in ("exited", "stopped") and c.exit_code == int(value) and bool(c.state.get("exited", True))
    )


_STATUSES = ("created", "initialized", "running", "stopped", "paused", "exited", "removing", "stopping", "unknown")


def _status(_: Runtime, value: str) -> Test:
    if value not in _STATUSES:
        raise OcikitError(f"{value} is not a valid status")
    return lambda c: c.status == value or (value == "exited" and c.status == "stopped")


def _ancestor(runtime: Runtime, value: str) -> Test:
    from ocikit.image.local.lookup import find

    found = find(runtime.store, value)
    image = found.id if found is not None else ""

    def test(container: Container) -> bool:
        config = container.config
        name = str(config.get("rootfsImageName") or "")
        return bool(
            (image and config.get("rootfsImageID") == image)
            or name == value
            or name.rpartition(":")[0] == value
            or str(config.get("rootfsImageID") or "").startswith(value)
        )

    return test


def _before(runtime: Runtime, value: str) -> Test:
    created = str(runtime.containers.get(value).config["createdTime"])
    return lambda c: str(c.config.get("createdTime")) < created


def _since(runtime: Runtime, value: str) -> Test:
    created = str(runtime.containers.get(value).config["createdTime"])
    return lambda c: str(c.config.get("createdTime")) > created


def _volume(_: Runtime, value: str) -> Test:
    source, _colon, dest = value.partition(":")

    def test(container: Container) -> bool:
        for volume in container.config.get("namedVolumes") or ():
            if source in (volume["volumeName"], volume["dest"]) and (not dest or dest == volume["dest"]):
                return True
        return source in (container.config.get("userVolumes") or ())

    return test


def _health(_: Runtime, value: str) -> Test:
    def test(container: Container) -> bool:
        from ocikit.libpod.container.healthlog import read_log

        if not container.config.get("healthcheck"):
            return value == "none"
        return bool(read_log(container).get("Status") == value)

    return test


def _until(_: Runtime, value: str) -> Test:
    moment = times.parse_when(value, "until")
    return lambda c: times.parse_ns(str(c.config.get("createdTime"))) < moment


def _pod(runtime: Runtime, value: str) -> Test:
    from ocikit.common.errors import NotFound

    try:
        pod = runtime.state.find_pod(value)
    except NotFound:
        pod = value
    return lambda c: bool(pod) and str(c.config.get("pod") or "").startswith(pod)


def _network(runtime: Runtime, value: str) -> Test:
    def test(container: Container) -> bool:
        networks = container.config.get("newNetworks") or {}
        if value in networks or container.config.get("networkMode") == value:
            return True
        return any(len(value) >= 12 and runtime.networks.get(name).id.startswith(value) for name in networks)

    return test


def _restart_policy(_: Runtime, value: str) -> Test:
    if value not in ("no", "none", "always", "on-failure", "unless-stopped", ""):
        raise OcikitError(f"{value!r} is not a valid restart policy")
    wanted = ("", "no", "none") if value in ("", "no", "none") else (value,)
    return lambda c: str(c.config.get("restart_policy") or "") in wanted


def _command(_: Runtime, value: str) -> Test:
    import re

    def test(container: Container) -> bool:
        words = container.config.get("command") or container.config.get("entrypoint") or [""]
        return re.search(value, str(words[0])) is not None

    return test


def _on_boot(_: Runtime, value: str) -> Test:
    truth = value.lower() in ("true", "1")

    def test(container: Container) -> bool:
        policy = str(container.config.get("restart_policy") or "")
        should = policy == "always" or (policy == "unless-stopped" and not container.state.get("stoppedByUser"))
        return should == truth

    return test


_MAKERS: dict[str, Callable[[Runtime, str], Test]] = {
    "id": _id,
    "name": _name,
    "exited": _exited,
    "status": _status,
    "ancestor": _ancestor,
    "before": _before,
    "since": _since,
    "volume": _volume,
    "health": _health,
    "until": _until,
    "pod": _pod,
    "network": _network,
    "restart-policy": _restart_policy,
    "command": _command,
    "should-start-on-boot": _on_boot,
}


def age_seconds(text: str) -> float:
    """Seconds since an RFC 3339 time."""
    return (time.time_ns() - times.parse_ns(text)) / 1e9
