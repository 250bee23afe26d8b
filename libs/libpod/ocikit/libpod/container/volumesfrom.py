"""``--volumes-from``: another container's user volumes (libpod.md section 5)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod.spec.mounts import Mounts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.libpod.runtime import Runtime


def collect(runtime: Runtime, texts: Sequence[str]) -> Mounts:
    """The binds and volumes of all named containers; ``:ro`` makes them read-only."""
    result = Mounts()
    for text in texts:
        name, _, options_text = text.partition(":")
        options = [option for option in options_text.split(",") if option]
        for option in options:
            if option not in ("ro", "rw", "z"):
                raise OcikitError(f"invalid options \"{options_text}\", can only specify 'ro', 'rw', and 'z'")
        config = runtime.containers.get(name).config
        wanted = set(config.get("userVolumes") or ())
        for mount in config["spec"]["mounts"]:
            dest = mount["destination"]
            if dest in wanted:
                result.binds[dest] = {**mount, "options": _with(mount["options"], options)}
        for volume in config.get("namedVolumes") or ():
            dest = volume["dest"]
            if dest in wanted:
                entry = {key: value for key, value in volume.items() if key != "setAnonymous"}
                result.volumes[dest] = {**entry, "options": _with(volume["options"], options)}
    return result


def _with(old: Sequence[str], new: Sequence[str]) -> list[str]:
    if not new:
        return list(old)
    kept = [option for option in old if option not in ("ro", "rw")]
    return [*(option for option in new if option != "z"), *kept]
