"""Options + image + facts of the host -> the configuration of a container, pure (libpod.md sections 2.1, 4 and 5).

``build`` returns a ``Draft``: the OCI template and the values that go into Podman's ContainerConfig record. Who calls it
adds what needs the state or the store: id, lock, paths, names of networks and volumes.
"""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.spec import caps, environment, namespaces, security, signals
from ocikit.libpod.spec.defaults import OCI_VERSION
from ocikit.libpod.spec.mounts import Mounts, clean, parse_mount, parse_tmpfs, parse_volume

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.spec.host import Host
    from ocikit.libpod.spec.namespaces import Namespace, NetworkMode
    from ocikit.libpod.spec.settings import Settings

INIT_PATHS = ("/usr/local/libexec/podman/catatonit", "/usr/libexec/podman/catatonit", "/usr/lib/podman/catatonit",
              "/usr/bin/catatonit", "/usr/libexec/catatonit/catatonit")  # fmt: skip
_SYSTEMD_COMMANDS = ("/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init")


class ImageInfo:
    """What a container takes from its image: ``config`` is the ``config`` object of the image's configuration."""

    __slots__ = ("config", "id", "name")

    def __init__(self, id: str = "", name: str = "", config: dict[str, Any] | None = None) -> None:
        self.id = id
        self.name = name
        self.config: dict[str, Any] = config or {}


class Draft:
    """The result of ``build``. ``record`` holds ContainerConfig keys; ``ns`` the modes by flag name."""

    def __init__(self) -> None:
        self.spec: dict[str, Any] = {}
        self.record: dict[str, Any] = {}
        self.mounts = Mounts()
        self.image_volumes: list[str] = []
        self.ns: dict[str, Namespace] = {}
        self.network: NetworkMode | None = None
        self.systemd = False
        self.image_seccomp = ""  # JSON text of the profile that the image brings, with --seccomp-policy image
        self.exposed: dict[int, list[str]] = {}


def build(
    options: CreateOptions, image: ImageInfo, settings: Settings, host: Host, warn: Callable[[str], None]
) -> Draft:
    """See the module's text. Raises OcikitError with the words of podman(1) for a value that cannot be."""
    draft = Draft()
    _check(options)
    _namespaces(draft, options, settings, host)
    args = _arguments(draft, options, image, settings)
    draft.systemd = _systemd(options, args)
    spec: dict[str, Any] = {"ociVersion": OCI_VERSION, "process": {}, "root": {"path": "rootfs"}}
    draft.spec = spec
    sec = security.parse(options.security_opt)
    _process(draft, options, image, settings, host, sec, args, warn)
    _mounts(draft, options, image, settings)
    if options.read_only or settings.read_only:
        spec["root"]["readonly"] = True
    spec["mounts"] = _base_mounts(draft, options, host)
    spec["annotations"] = _annotations(draft, options, settings, sec)
    if options.seccomp_policy == "image":
        draft.image_seccomp = str((image.config.get("Labels") or {}).get("io.containers.seccomp.profile", ""))
    _linux(draft, options, settings, host, sec, warn)
    _misc(draft, options, image, settings)
    return draft


def _check(options: CreateOptions) -> None:
    if options.rm and options.restart not in ("", "no", "never"):
        raise OcikitError('the --rm option conflicts with --restart, when the restartPolicy is not "" and "no"')
    if options.rmi and not options.rm and options.given("rm"):
        raise OcikitError("the --rmi option does not work without --rm")
    if options.dns and options.network and options.network[0].partition(":")[0] in ("none", "container"):
        mode = options.network[0].partition(":")[0]
        raise OcikitError(f"conflicting options: dns and the network mode: {mode}")
    if options.no_hosts and options.add_host:
        raise OcikitError("--no-hosts and --add-host cannot be set together")
    if options.pod or options.pod_id_file or options.init_ctr:
        raise OcikitError("pods cannot be made or joined yet: leave --pod, --pod-id-file and --init-ctr out")
    if options.preserve_fd:
        raise OcikitError("--preserve-fd is not possible: number the descriptors from 3 on and use --preserve-fds N")
    if options.gpus:
        raise OcikitError("--gpus needs CDI specifications of a GPU vendor, and none are installed: use --device")
    if options.init and options.systemd == "always":
        raise OcikitError('cannot use container-init with systemd: "always"')


def _namespaces(draft: Draft, options: CreateOptions, settings: Settings, host: Host) -> None:
    cgroup_default = settings.cgroupns or ("private" if host.cgroup_version == 2 else "host")
    for flag, text, default in (
        ("pid", options.pid, settings.pidns),
        ("ipc", options.ipc, settings.ipcns),
        ("uts", options.uts, settings.utsns),
        ("cgroup", options.cgroupns, cgroup_default),
    ):
        draft.ns[flag] = namespaces.parse(flag, text, default)
    default_network = settings.rootless_network_cmd if host.rootless else "bridge"
    draft.network = namespaces.parse_network(
        options.network, default=settings.netns or default_network, default_network=settings.default_network
    )


def _arguments(draft: Draft, options: CreateOptions, image: ImageInfo, settings: Settings) -> list[str]:
    from ocikit.common import jsonfast

    record = draft.record
    if options.entrypoint is None:
        entrypoint = list(image.config.get("Entrypoint") or ())
    elif options.entrypoint.startswith("["):
        try:
            entrypoint = jsonfast.loads(options.entrypoint)
        except ValueError:
            entrypoint = [options.entrypoint]
    else:
        entrypoint = [options.entrypoint]
    if entrypoint == [""]:
        entrypoint = []
    command = list(options.command)
    if not command and options.entrypoint is None:
        command = list(image.config.get("Cmd") or ())
    if entrypoint:
        record["entrypoint"] = entrypoint
    if command:
        record["command"] = command
    args = [*entrypoint, *command] or [""]
    if options.init or settings.init:
        path = options.init_path or settings.init_path
        if not path:
            path = next((candidate for candidate in INIT_PATHS if os.access(candidate, os.X_OK)), INIT_PATHS[1])
        if not os.access(path, os.X_OK):
            raise OcikitError(
                f"container-init binary not found on the host: faccessat {path}: no such file or directory",
                hint="Install catatonit, or name an init with --init-path.",
            )
        draft.mounts.binds["/run/podman-init"] = {
            "destination": "/run/podman-init",
            "type": "bind",
            "source": path,
            "options": ["bind", "ro", "private"],
        }
        args = ["/run/podman-init", "--", *args]
    return args


def _systemd(options: CreateOptions, args: Sequence[str]) -> bool:
    mode = options.systemd.lower()
    if mode == "always":
        return True
    if mode == "false":
        return False
    if mode != "true":
        raise OcikitError(f'invalid value "{options.systemd}" systemd option requires "true, false, always"')
    words = list(args)
    if words[:2] in (["/bin/sh", "-c"], ["/usr/bin/sh", "-c"], ["sh", "-c"]):
        words = words[2:]
    return bool(words) and (words[0] in _SYSTEMD_COMMANDS or os.path.basename(words[0]) == "systemd")


def _process(
    draft: Draft,
    options: CreateOptions,
    image: ImageInfo,
    settings: Settings,
    host: Host,
    sec: security.Security,
    args: list[str],
    warn: Callable[[str], None],
) -> None:
    from ocikit.libpod.spec.limits import rlimits

    privileged = options.privileged or settings.privileged
    env = environment.build(options, image.config.get("Env") or (), settings.env, host.environ, settings.env_host)
    umask = options.umask or settings.umask
    try:
        umask_number = int(umask, 8)
    except ValueError:
        raise OcikitError(f"invalid umask string {umask}: it must be an octal number") from None
    if privileged:
        names = sorted(host.bounding)
    else:
        names = caps.merge(settings.default_capabilities, options.cap_add, options.cap_drop, host.bounding)
    process = draft.spec["process"]
    if options.tty:
        process["terminal"] = True
    cwd = options.workdir or image.config.get("WorkingDir") or "/"
    if not cwd.startswith("/"):
        if options.workdir:
            raise OcikitError(f"working directory {cwd!r} is not an absolute path")
        cwd = "/" + cwd
    process.update(
        user={"uid": 0, "gid": 0, "umask": umask_number},
        args=args,
        env=environment.to_list(env),
        cwd=clean(cwd),
        capabilities={"bounding": names, "effective": names, "permitted": names},
    )
    user = (options.user or image.config.get("User") or "").partition(":")[0]
    if user not in ("", "0", "root") and not privileged and options.cap_add:
        # A user other than root holds only what was asked for by name.
        added = [cap for cap in caps.normalize(options.cap_add) if cap in names] or []
        if added:
            process["capabilities"] = {
                "bounding": names,
                "effective": added,
                "permitted": added,
                "inheritable": added,
                "ambient": added,
            }
    limits = rlimits(options.ulimit, settings.default_ulimits, host, warn)
    if limits:
        process["rlimits"] = limits
    if sec.no_new_privileges:
        process["noNewPrivileges"] = True
    if sec.apparmor and sec.apparmor != "unconfined" and not privileged:
        process["apparmorProfile"] = sec.apparmor
    adjust = options.oom_score_adj if options.oom_score_adj is not None else settings.oom_score_adj
    if adjust is not None:
        if not -1000 <= adjust <= 1000:
            raise OcikitError("value of oom-score-adj must be between -1000 and 1000")
        process["oomScoreAdj"] = adjust
    draft.record["umask"] = umask
    if not options.workdir:
        draft.record["createWorkingDir"] = True


def _mounts(draft: Draft, options: CreateOptions, image: ImageInfo, settings: Settings) -> None:
    mounts = draft.mounts
    for text in options.mount:
        parse_mount(text, mounts)
    for text in options.volume:
        parse_volume(text, mounts)
    for text in options.tmpfs:
        parse_tmpfs(text, mounts)
    for record in mounts.binds.values():
        if record["type"] == "bind":
            record["source"] = os.path.abspath(os.path.expanduser(record["source"]))
            if not os.path.lexists(record["source"]):
                raise OcikitError(f"statfs {record['source']}: no such file or directory")
    for record in mounts.overlays.values():
        record["source"] = os.path.abspath(record["source"])
        if not os.path.isdir(record["source"]):
            raise OcikitError(f"statfs {record['source']}: no such file or directory")
    configured = Mounts()
    for text in settings.mounts:
        parse_mount(text, configured)
    for text in settings.volumes:
        parse_volume(text, configured)
    mounts.merge_under(configured)
    draft.record["userVolumes"] = mounts.destinations()
    mode = options.image_volume if options.given("image_volume") else settings.image_volume_mode
    if mode not in ("anonymous", "bind", "tmpfs", "ignore"):
        raise OcikitError(f'invalid image-volume type "{mode}". Pick one of bind, tmpfs, or ignore')
    if mode != "ignore":
        declared = Mounts()
        for dest in sorted(image.config.get("Volumes") or ()):
            if mode == "tmpfs":
                parse_tmpfs(dest, declared)
            else:
                parse_volume(dest, declared)
        draft.image_volumes = declared.destinations()
        mounts.merge_under(declared)
    if (options.read_only or settings.read_only) and options.read_only_tmpfs:
        scratch = Mounts()
        for dest in ("/tmp", "/run", "/var/tmp"):
            parse_tmpfs(f"{dest}:rw,rprivate,nosuid,nodev,tmpcopyup", scratch)
        mounts.merge_under(scratch)
    if draft.systemd:
        own = Mounts()
        size = f",size={options.shm_size_systemd}" if options.shm_size_systemd else ""
        for dest in ("/run", "/run/lock", "/tmp", "/var/log/journal"):
            parse_tmpfs(f"{dest}:rw,rprivate,nosuid,nodev{size if dest != '/tmp' else ''}", own)
        mounts.merge_under(own)


def _base_mounts(draft: Draft, options: CreateOptions, host: Host) -> list[dict[str, Any]]:
    from ocikit.libpod.spec.basemounts import base_mounts

    taken = set(draft.mounts.destinations())
    if draft.ns["ipc"].mode == "host" and not host.has_message_queues:
        taken.add("/dev/mqueue")
    assert draft.network is not None
    base = base_mounts(
        privileged=options.privileged,
        read_only_dev=options.read_only and not options.read_only_tmpfs,
        rootless=host.rootless,
        cgroup_version=host.cgroup_version,
        cgroup_private=draft.ns["cgroup"].mode == "private",
        host_network=draft.network.mode in ("host", "ns", "container") and host.rootless,
        host_pid=draft.ns["pid"].mode == "host",
        host_ipc=draft.ns["ipc"].mode == "host",
        systemd=draft.systemd,
        unmask_all=any(text in ("unmask=ALL", "unmask=all", "systempaths=unconfined") for text in options.security_opt),
    )
    return [mount for mount in base if mount["destination"] not in taken] + list(draft.mounts.binds.values())


def _annotations(draft: Draft, options: CreateOptions, settings: Settings, sec: security.Security) -> dict[str, str]:
    result: dict[str, str] = {"io.container.manager": "libpod"}
    for text in [*settings.annotations, *options.annotation]:
        key, equals, value = text.partition("=")
        if not equals:
            raise OcikitError(f'annotation "{text}" must be formatted KEY=VALUE')
        result[key] = value
    prefix = "io.podman.annotations."
    for key, value in (
        ("autoremove", "TRUE" if options.rm else ""),
        ("autoremove-image", "TRUE" if options.rmi else ""),
        ("cid-file", options.cidfile),
        ("init", "TRUE" if options.init else ""),
        ("privileged", "TRUE" if options.privileged else ""),
        ("publish-all", "TRUE" if options.publish_all else ""),
        ("volumes-from", ";".join(options.volumes_from)),
        ("userns", options.userns),
        ("label", ",".join(sec.labels)),
        ("seccomp", sec.seccomp),
        ("apparmor", sec.apparmor),
        ("pids-limit", str(options.pids_limit) if options.pids_limit is not None else ""),
        ("cpuset", options.cpuset_cpus),
        ("memory-nodes", options.cpuset_mems),
        ("ulimit", ",".join(options.ulimit)),
        ("init.container.type", options.init_ctr),
    ):
        if value:
            result[prefix + key] = value
    stop = options.stop_signal or ""
    draft.record["stopSignal"] = signal = signals.number(stop) if stop else 37 if draft.systemd else 0
    timeout = settings.stop_timeout if options.stop_timeout is None else options.stop_timeout
    draft.record["stopTimeout"] = timeout
    signal = signal or 15
    result["org.opencontainers.image.stopSignal"] = str(signal)
    result["org.systemd.property.KillSignal"] = str(signal)
    result["org.systemd.property.TimeoutStopUSec"] = f"uint64 {timeout * 1000000}"
    if options.group_add and "keep-groups" in options.group_add:
        result["run.oci.keep_original_groups"] = "1"
    return result


def _linux(
    draft: Draft,
    options: CreateOptions,
    settings: Settings,
    host: Host,
    sec: security.Security,
    warn: Callable[[str], None],
) -> None:
    from ocikit.libpod.spec.linux import fill

    draft.spec["linux"] = fill(draft, options, settings, host, sec, warn)


def _misc(draft: Draft, options: CreateOptions, image: ImageInfo, settings: Settings) -> None:
    from ocikit.libpod.spec.misc import fill

    fill(draft, options, image, settings)
    hostname = options.hostname
    if hostname:
        if draft.ns["uts"].mode in ("host", "container", "ns"):
            raise OcikitError("cannot set hostname when running in the host UTS namespace" if draft.ns["uts"].mode == "host" else f"cannot set hostname when sharing the UTS namespace ({draft.ns['uts'].mode})")  # fmt: skip
        draft.spec["hostname"] = hostname
    draft.record["stdin"] = options.interactive
    if not draft.record["stdin"]:
        del draft.record["stdin"]
