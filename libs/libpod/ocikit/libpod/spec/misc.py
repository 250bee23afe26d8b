"""The rest of a container's record: labels, ports, health, restart policy, logs, secrets' names, files."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.spec.settings import Settings
    from ocikit.libpod.spec.template import Draft, ImageInfo

LOG_DRIVERS = ("k8s-file", "json-file", "journald", "none", "passthrough", "passthrough-tty")


def fill(draft: Draft, options: CreateOptions, image: ImageInfo, settings: Settings) -> None:
    """Adds to ``draft.record``; see the functions."""
    record = draft.record
    labels = labels_of(options, image)
    if labels:
        record["labels"] = labels
    _restart(record, options, settings)
    _logs(record, options, settings)
    _ports(draft, options, image)
    _shm(record, options, settings)
    health = image.config.get("Healthcheck")
    if options.health_cmd is not None or options.no_healthcheck or health or options.health_startup_cmd:
        from ocikit.libpod.spec import health as checks

        check = checks.healthcheck(options, health)
        if check:
            record["healthcheck"] = check
        start = checks.startup(options)
        if start:
            record["startupHealthCheck"] = start
        action = checks.on_failure(options.health_on_failure)
        if action == 3 and record.get("restart_policy"):
            raise OcikitError("cannot set on-failure action to restart when a restart policy is set: use kill instead")
        record["healthcheck_on_failure_action"] = action
    else:
        record["healthcheck_on_failure_action"] = 0
    record["healthLogDestination"] = options.health_log_destination
    record["healthMaxLogCount"] = options.health_max_log_count
    record["healthMaxLogSize"] = options.health_max_log_size
    user = options.user or image.config.get("User") or ""
    if user:
        record["user"] = user
    if options.group_add:
        record["groups"] = [group for group in options.group_add if group != "keep-groups"]
    if options.systemd and draft.systemd:
        record["systemd"] = True
    if options.timeout:
        record["timeout"] = options.timeout
    if options.tz or settings.tz:
        record["timezone"] = zone(options.tz or settings.tz)
    if options.sdnotify not in ("container", "conmon", "ignore", "healthy"):
        raise OcikitError(f'invalid sdnotify value "{options.sdnotify}": must be container, conmon, healthy or ignore')
    record["sdnotifyMode"] = options.sdnotify
    record["passwd"] = options.passwd
    for key, value in (
        ("passwd_entry", options.passwd_entry),
        ("group_entry", options.group_entry),
        ("HostUsers", list(options.hostuser)),
        ("chroot_directories", list(options.chrootdirs)),
        ("preserveFds", options.preserve_fds),
        ("preserveFd", list(options.preserve_fd)),
        ("init_container_type", options.init_ctr),
        ("cgroupsMode", options.cgroups or settings.cgroups),
    ):
        if value:
            record[key] = value
    if options.cgroups == "disabled":
        record["noCgroups"] = True
    record["readWriteTmpfs"] = bool(options.read_only and options.read_only_tmpfs)


def labels_of(options: CreateOptions, image: ImageInfo) -> dict[str, str]:
    """The image's labels, then ``--label-file``, then ``--label``."""
    labels: dict[str, str] = dict(image.config.get("Labels") or {})
    texts: list[str] = []
    for path in options.label_file:
        try:
            with open(path, encoding="utf-8") as file:
                texts += [line.strip() for line in file if line.strip() and not line.startswith("#")]
        except OSError as error:
            raise OcikitError(f"open {path}: {(error.strerror or '').lower()}") from None
    for text in [*texts, *options.label]:
        key, _, value = text.partition("=")
        if not key:
            raise OcikitError(f"invalid label format: {text}")
        labels[key] = value
    return labels


def parse_restart(text: str) -> tuple[str, int]:
    """``on-failure:3`` -> ("on-failure", 3)."""
    policy, colon, count = text.partition(":")
    if policy == "never":
        policy = "no"
    if policy not in ("", "no", "always", "on-failure", "unless-stopped"):
        raise OcikitError(f'"{text}" is not a valid restart policy: invalid argument')
    if not colon:
        return policy, 0
    if policy != "on-failure":
        raise OcikitError(f'restart policy retries can only be specified with on-failure restart policy, got "{text}"')  # fmt: skip
    if not count.isdigit():
        raise OcikitError(f"parsing restart policy retries: {count} is not a number")
    return policy, int(count)


def _restart(record: dict[str, Any], options: CreateOptions, settings: Settings) -> None:
    policy, retries = parse_restart(options.restart or settings.restart_policy)
    if policy:
        record["restart_policy"] = policy
    if retries:
        record["restart_retries"] = retries


def _logs(record: dict[str, Any], options: CreateOptions, settings: Settings) -> None:
    from ocikit.common.units import parse_size

    driver = options.log_driver or settings.log_driver
    if driver not in LOG_DRIVERS:
        raise OcikitError("running container create option: invalid log driver: invalid argument")
    if driver == "passthrough" and options.tty:
        raise OcikitError("the '--log-driver passthrough' option can't be used with a TTY")
    record["logDriver"] = driver
    record["logTag"] = settings.log_tag
    record["logSize"] = settings.log_size_max if settings.log_size_max > 0 else 0
    for text in options.log_opt:
        key, equals, value = text.partition("=")
        if not equals:
            raise OcikitError(f"invalid log option {text}: must be in the form KEY=VALUE")
        if key == "path":
            record["logPath"] = value
        elif key in ("max-size", "max_size"):
            try:
                record["logSize"] = int(parse_size(value))
            except (ValueError, OcikitError):
                raise OcikitError(f"invalid size: '{value}'") from None
        elif key == "tag":
            record["logTag"] = value
        elif key == "label":
            record.setdefault("logLabels", {}).update([value.partition("=")[::2]])
        # any other key is for other drivers: Podman takes it silently


def _ports(draft: Draft, options: CreateOptions, image: ImageInfo) -> None:
    texts = [*(image.config.get("ExposedPorts") or ()), *options.expose]
    if not texts and not options.publish:
        return
    from ocikit.libpod.spec.ports import parse_expose

    draft.exposed = parse_expose(texts)
    if draft.exposed:
        draft.record["exposedPorts"] = {str(port): protocols for port, protocols in draft.exposed.items()}


def _shm(record: dict[str, Any], options: CreateOptions, settings: Settings) -> None:
    size: int | str = settings.shm_size
    if options.shm_size:
        size = options.shm_size
    if isinstance(size, str):
        from ocikit.common.units import parse_size

        try:
            size = int(parse_size(size))
        except (ValueError, OcikitError):
            raise OcikitError(f"invalid size for shm-size: {size}") from None
    record["shmSize"] = size
    record["shmSizeSystemd"] = 0
    if options.shm_size_systemd:
        from ocikit.common.units import parse_size

        record["shmSizeSystemd"] = int(parse_size(options.shm_size_systemd))


def zone(name: str) -> str:
    """A time zone that exists on the host, or "local"."""
    if name == "local":
        return name
    path = os.path.join(os.environ.get("TZDIR", "/usr/share/zoneinfo"), name)
    if ".." in name or not os.path.isfile(path):
        raise OcikitError(f"finding timezone: unable to find timezone {name}")
    return name
