"""Making a container: everything up to its row in the database (libpod.md section 3, "create")."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod import times
from ocikit.libpod.container.record import CONFIGURED, Container
from ocikit.libpod.errors import NoSuchContainer
from ocikit.libpod.names import check_name, new_id, random_name
from ocikit.libpod.spec import template
from ocikit.libpod.spec.finish import Facts

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.runtime import Runtime
    from ocikit.libpod.spec.idmaps import UserNamespace
    from ocikit.libpod.spec.template import Draft, ImageInfo

__all__ = ["Facts", "create"]

_NS_KEYS = {"pid": "pidNsCtr", "ipc": "ipcNsCtr", "uts": "utsNsCtr", "cgroup": "cgroupNsCtr"}
DEFAULT_PARENT = "/libpod_parent"


def create(runtime: Runtime, options: CreateOptions, warn: Callable[[str], None] | None = None) -> Container:
    """A new container in state configured. Nothing is left behind if that fails."""
    from ocikit.libpod import images

    if warn is None:
        from ocikit.common.log import warning

        warn = warning
    if options.name:
        check_name(options.name)
        _clear_name(runtime, options)
    image = template.ImageInfo() if options.rootfs else images.find(runtime, options)
    draft = template.build(options, image, runtime.settings, runtime.host, warn)
    _volumes_from(runtime, draft, options)
    userns = _user_namespace(runtime, options)
    cid = new_id()
    name = options.name or _random_name(runtime)
    config = _config(runtime, options, draft, image, userns, cid, name)
    _check_network(runtime, draft, config, options, warn)
    undo: list[Callable[[], object]] = []
    try:
        lock = runtime.locks.allocate()
        undo.append(lambda: runtime.locks.free(lock))
        config["lockID"] = lock
        if not options.rootfs:
            _storage(runtime, config, options, image, userns, undo)
        _secrets(runtime, config, options)
        _volumes(runtime, draft, config, image, undo)
        state: dict[str, Any] = {
            "state": CONFIGURED,
            "mounted": False,
            "startedTime": times.ZERO,
            "finishedTime": times.ZERO,
        }
        runtime.state.add_container(config, state)
    except BaseException:
        for step in reversed(undo):
            try:
                step()
            except OcikitError:
                pass
        raise
    container = Container(runtime, config, state)
    if options.cidfile:
        with open(options.cidfile, "w", encoding="utf-8") as file:
            file.write(cid)
    container.event("create")
    return container


def _clear_name(runtime: Runtime, options: CreateOptions) -> None:
    names = {name: id for id, name in runtime.state.container_names().items()}
    other = names.get(options.name)
    if other is None:
        return
    if options.replace:
        runtime.containers.get(other).remove(force=True)
        return
    raise OcikitError(
        f'creating container storage: the container name "{options.name}" is already in use by {other}. You have to remove '
        "that container to be able to reuse that name: that name is already in use, or use --replace to instruct Podman to "
        "do so."
    )


def _random_name(runtime: Runtime) -> str:
    def taken(name: str) -> bool:
        try:
            runtime.state.find_container(name)
        except NoSuchContainer:
            return False
        return True

    return random_name(taken)


def _user_namespace(runtime: Runtime, options: CreateOptions) -> UserNamespace | None:
    """None in the usual case of the host's."""
    if not (options.userns or options.uidmap or options.gidmap or options.subuidname or options.subgidname):
        default = runtime.settings.userns
        if default in ("", "host"):
            return None
    from ocikit.libpod.spec import idmaps
    from ocikit.storage.userns import inside_uid, rootless_gid, rootless_uid
    from ocikit.storage.userns import subids as subordinate

    def subids(user: str) -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
        return subordinate(user), subordinate(user, "/etc/subgid")

    caller = (rootless_uid(), rootless_gid()) if runtime.rootless else (inside_uid(), os.getgid())
    result = idmaps.parse(
        options,
        runtime.settings.userns,
        rootless=runtime.rootless,
        caller=caller,
        own_maps=idmaps.read_maps,
        subids=subids,
    )
    return None if result.mode in ("host", "pod") else result


def _config(
    runtime: Runtime,
    options: CreateOptions,
    draft: Draft,
    image: ImageInfo,
    userns: UserNamespace | None,
    cid: str,
    name: str,
) -> dict[str, Any]:
    """The ContainerConfig record; ``spec``, ``id`` and ``name`` come first (state.py relies on it)."""
    paths = runtime.paths
    bundle = paths.bundle(cid)
    config: dict[str, Any] = {"spec": draft.spec, "id": cid, "name": name, "lockID": 0}
    if options.create_command:
        config["CreateCommand"] = list(options.create_command)
    if image.id:
        config["RawImageName"] = options.image
    config["idMappingsOptions"] = _id_mappings(userns)
    config["Dependencies"] = _requires(runtime, options)
    if image.id:
        config["rootfsImageID"] = image.id
        config["rootfsImageName"] = image.name
    else:
        _rootfs(config, options)
    config["ShmDir"] = _shm_dir(runtime, draft, f"{bundle}/shm")
    config["staticDir"] = bundle
    config["mounts"] = [config["ShmDir"]] if config["ShmDir"] == f"{bundle}/shm" else []
    config["secretsPath"] = f"{bundle}/secrets"
    if draft.ns["ipc"].mode == "none":
        config["NoShm"] = True
    if draft.ns["ipc"].mode == "private":
        config["NOShmShare"] = True
    config.update(draft.record)
    if not config["stopSignal"]:
        from ocikit.libpod.spec import signals

        stop = image.config.get("StopSignal") or ""
        config["stopSignal"] = number = signals.number(stop) if stop else 15
        if stop:
            annotations = draft.spec["annotations"]
            annotations["org.opencontainers.image.stopSignal"] = str(number)
            annotations["org.systemd.property.KillSignal"] = str(number)
    config["privileged"] = options.privileged
    _namespace_keys(runtime, draft, config)
    if userns is not None and userns.mode == "container":
        config["userNsCtr"] = runtime.state.find_container(userns.value)
    if userns is not None and userns.user and not options.user and "user" not in config:
        config["user"] = userns.user
        config["addCurrentUserPasswdEntry"] = True
    _network(runtime, draft, config, options, image)
    config["createdTime"] = times.now()
    config["cgroupManager"] = runtime.cgroup_manager
    config["cgroupParent"] = _cgroup_parent(runtime, options)
    if config["logDriver"] in ("k8s-file", "json-file") and "logPath" not in config:
        config["logPath"] = f"{bundle}/ctr.log"
    config["conmonPidFile"] = options.conmon_pidfile or f"{paths.run(cid)}/conmon.pid"
    config["runtime"] = runtime.oci.name if not runtime.options.runtime.startswith("/") else runtime.options.runtime
    config["pid_file"] = options.pidfile or f"{paths.run(cid)}/pidfile"
    config["isService"] = False
    config["pause"] = False
    from ocikit.libpod.events import UNSET, audit_identity

    loginuid, session = audit_identity()
    if loginuid != UNSET or session != UNSET:
        config["audit"] = {"loginuid": loginuid, "session": session}
    return config


def _id_mappings(userns: UserNamespace | None) -> dict[str, Any]:
    if userns is not None:
        from ocikit.libpod.spec import idmaps

        return idmaps.record(userns)
    auto = {
        "Size": 0,
        "InitialSize": 0,
        "PasswdFile": "",
        "GroupFile": "",
        "AdditionalUIDMappings": None,
        "AdditionalGIDMappings": None,
    }
    return {
        "HostUIDMapping": True,
        "HostGIDMapping": True,
        "UIDMap": None,
        "GIDMap": None,
        "AutoUserNs": False,
        "AutoUserNsOpts": auto,
    }


def _requires(runtime: Runtime, options: CreateOptions) -> list[str] | None:
    return [runtime.state.find_container(name) for name in options.requires] or None


def _rootfs(config: dict[str, Any], options: CreateOptions) -> None:
    path, *words = options.image.split(":")
    if not os.path.isdir(path):
        raise OcikitError(f"statfs {path}: no such file or directory")
    config["rootfs"] = os.path.abspath(path)
    for word in words:
        if word == "O":
            config["rootfs_overlay"] = True
        elif word.startswith("idmap"):
            raise OcikitError("--rootfs with idmap is not possible yet: chown the tree or use an image")
        else:
            raise OcikitError(f'invalid rootfs option "{word}": only O is known')


def _shm_dir(runtime: Runtime, draft: Draft, own: str) -> str:
    mode = draft.ns["ipc"].mode
    if mode == "host":
        return "/dev/shm"
    if mode == "none":
        return ""
    if mode == "container":
        other = runtime.containers.get(draft.ns["ipc"].value)
        if other.config.get("NOShmShare"):
            raise OcikitError(
                f"the container {other.id} has a private ipc namespace: create it with --ipc=shareable to join it"
            )
        return str(other.config.get("ShmDir", ""))
    return own


def _namespace_keys(runtime: Runtime, draft: Draft, config: dict[str, Any]) -> None:
    for flag, key in _NS_KEYS.items():
        if draft.ns[flag].mode == "container":
            config[key] = runtime.state.find_container(draft.ns[flag].value)
        if draft.ns[flag].mode == "pod":
            raise OcikitError(f"--{flag}=pod needs a pod: give one with --pod")


def _network(runtime: Runtime, draft: Draft, config: dict[str, Any], options: CreateOptions, image: ImageInfo) -> None:
    network = draft.network
    assert network is not None
    config["createNetNS"] = network.mode in ("bridge", "slirp4netns", "pasta")
    config["networkMode"] = network.mode
    if network.mode == "container":
        try:
            config["netNsCtr"] = runtime.state.find_container(network.value)
        except NoSuchContainer as error:
            raise OcikitError(f"looking up container to share net namespace with: {error}") from None
        config["networkMode"] = f"container:{config['netNsCtr']}"
    elif network.mode == "ns":
        config["networkMode"] = f"ns:{network.value}"
    elif network.mode == "bridge":
        config["newNetworks"] = _bridge(runtime, draft, config, options)
    elif network.options:
        config["network_options"] = {network.mode: network.options}
    if options.publish or options.publish_all:
        from ocikit.libpod.spec.ports import mappings

        config["newPortMappings"] = mappings(options.publish, draft.exposed, options.publish_all)
    given: tuple[tuple[str, object], ...] = (
        ("dnsServer", list(options.dns or runtime.settings.dns_servers)),
        ("dnsSearch", list(options.dns_search or runtime.settings.dns_searches)),
        ("dnsOption", list(options.dns_option or runtime.settings.dns_options)),
        ("hostsAdd", list(options.add_host)),
        ("baseHostsFile", options.hosts_file or runtime.settings.base_hosts_file),
    )
    config.update({key: value for key, value in given if value})
    config["UseImageResolvConf"] = options.dns == ["none"] or options.dns == ("none",)
    if config["UseImageResolvConf"]:
        config.pop("dnsServer", None)
    config["useImageHostname"] = options.no_hostname
    config["UseImageHosts"] = options.no_hosts or runtime.settings.no_hosts


def _bridge(runtime: Runtime, draft: Draft, config: dict[str, Any], options: CreateOptions) -> dict[str, Any]:
    network = draft.network
    assert network is not None
    if (options.ip or options.ip6 or options.mac_address) and len(network.networks) > 1:
        flag = "ip" if options.ip else "ip6" if options.ip6 else "mac-address"
        raise OcikitError(f"--{flag} can only be set for a single network: invalid argument")
    result: dict[str, Any] = {}
    for number, (name, settings) in enumerate(network.networks.items()):
        real = runtime.networks.get(name).name if name != runtime.settings.default_network else name
        ips = [*settings.get("ip", ()), *settings.get("ip6", ())]
        ips += [text for text in (options.ip, options.ip6) if text]
        for text in ips:
            _check_address(real, text)
        aliases = [*options.network_alias, *settings.get("alias", ()), config["id"][:12]]
        entry: dict[str, Any] = {}
        if ips:
            entry["static_ips"] = ips
        entry["aliases"] = aliases
        entry["interface_name"] = (settings.get("interface_name") or [f"eth{number}"])[-1]
        mac = (settings.get("mac") or [options.mac_address])[-1]
        if mac:
            entry["static_mac"] = _check_mac(real, mac)
        rest = {
            key: values[-1]
            for key, values in settings.items()
            if key not in ("ip", "ip6", "alias", "interface_name", "mac")
        }
        if rest:
            entry["options"] = rest
        result[real] = entry
    return result


def _check_address(network: str, text: str) -> None:
    import _socket

    try:
        _socket.inet_pton(_socket.AF_INET6 if ":" in text else _socket.AF_INET, text)
    except OSError:
        raise OcikitError(f'invalid option for network {network}: invalid ip address "{text}"') from None


def _check_mac(network: str, text: str) -> str:
    parts = text.lower().replace("-", ":").split(":")
    if len(parts) != 6 or any(len(part) != 2 or part.strip("0123456789abcdef") for part in parts):
        raise OcikitError(f"invalid option for network {network}: address {text}: invalid MAC address")
    return ":".join(parts)


def _check_network(
    runtime: Runtime, draft: Draft, config: dict[str, Any], options: CreateOptions, warn: Callable[[str], None]
) -> None:
    network = draft.network
    assert network is not None
    if network.mode == "pasta" and not runtime.rootless:
        raise OcikitError("pasta networking is only supported for rootless mode or when inside a nested userns")
    for flag, value in (("ip", options.ip), ("ip6", options.ip6), ("mac-address", options.mac_address)):
        if value and network.mode != "bridge":
            raise OcikitError(f"--{flag} can only be set when the network mode is bridge: invalid argument")
    if config.get("newPortMappings") and network.mode in ("host", "none", "container", "ns"):
        if network.mode == "host":
            warn('Port mappings have been discarded because "host" network namespace mode does not support them')
            del config["newPortMappings"]
        elif network.mode != "none":
            raise OcikitError(
                "published or exposed ports must be defined when the network namespace is created: "
                f"network mode {network.mode} cannot have port mappings"
            )


def _cgroup_parent(runtime: Runtime, options: CreateOptions) -> str:
    parent = options.cgroup_parent
    if runtime.cgroup_manager == "cgroupfs":
        if parent.endswith(".slice"):
            raise OcikitError("systemd slice received as cgroup parent when using cgroupfs: invalid argument")
        return parent or DEFAULT_PARENT
    if parent and not parent.endswith(".slice"):
        raise OcikitError(
            "did not receive systemd slice as cgroup parent when using systemd to manage cgroups: invalid argument"
        )
    return parent or ("user.slice" if runtime.rootless else "machine.slice")


def _storage(
    runtime: Runtime,
    config: dict[str, Any],
    options: CreateOptions,
    image: ImageInfo,
    userns: UserNamespace | None,
    undo: list[Callable[[], object]],
) -> None:
    from ocikit.common import jsonfast
    from ocikit.common.errors import NameInUse

    cid, name = config["id"], config["name"]
    metadata = jsonfast.dumps(
        {
            "image-name": image.name,
            "image-id": image.id,
            "name": name,
            "created-at": times.parse_ns(config["createdTime"]) // 1_000_000_000,
        }
    )
    maps: dict[str, Any] = {}
    if userns is not None and userns.mode == "auto":
        from ocikit.libpod.container.autouserns import allocate

        userns.uids, userns.gids = allocate(runtime, image, userns)
        config["idMappingsOptions"] = _id_mappings(userns)
    if userns is not None and userns.mapped:
        maps = {"uidmap": tuple(userns.uids), "gidmap": tuple(userns.gids)}
    try:
        runtime.store.create_container(
            id=cid, names=(name,), image=image.id, metadata=metadata, volatile=options.rm, **maps
        )
    except NameInUse as error:
        text = str(error)
        raise OcikitError(
            f"creating container storage: {text}, or use --replace to instruct Podman to do so."
        ) from None
    undo.append(lambda: runtime.store.delete_container(cid))
    if options.rm:
        config["volatile"] = True


def _secrets(runtime: Runtime, config: dict[str, Any], options: CreateOptions) -> None:
    if not options.secret:
        return
    from ocikit.libpod.container.secretmounts import plan

    plan(runtime, config, options.secret)


def _volumes_from(runtime: Runtime, draft: Draft, options: CreateOptions) -> None:
    if not options.volumes_from:
        return
    from ocikit.libpod.container.volumesfrom import collect

    draft.mounts.merge_under(collect(runtime, options.volumes_from))
    present = {mount["destination"] for mount in draft.spec["mounts"]}
    draft.spec["mounts"] += [m for dest, m in draft.mounts.binds.items() if dest not in present]


def _volumes(
    runtime: Runtime, draft: Draft, config: dict[str, Any], image: ImageInfo, undo: list[Callable[[], object]]
) -> None:
    from ocikit.common.files import random_hex

    named = []
    for dest, record in draft.mounts.volumes.items():
        entry = {**record}
        anonymous = not record["volumeName"]
        if anonymous:
            entry["volumeName"] = random_hex(32)
            entry["setAnonymous"] = True
        runtime.volumes.ensure(entry["volumeName"], anonymous=anonymous)
        if anonymous:
            undo.append(lambda name=entry["volumeName"]: runtime.volumes.remove(name))  # type: ignore[misc]
        if dest in draft.mounts.nocopy:
            entry["options"] = [*entry["options"], "nocopy"]
        named.append(entry)
    if named:
        config["namedVolumes"] = named
    if draft.mounts.overlays:
        config["overlayVolumes"] = list(draft.mounts.overlays.values())
    if draft.mounts.images:
        config["ctrImageVolumes"] = list(draft.mounts.images.values())
    if draft.mounts.chown:
        config["chownMounts"] = list(draft.mounts.chown)
