"""Everything between a row in the database and a bundle that the runtime can create: mounts, files, config.json.

``begin`` starts what can run beside the rest (the monitor, the network); ``finish`` mounts, writes and joins.
``undo`` takes it all back (libpod.md section 3, "prepare").
"""

from __future__ import annotations

import os

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.libpod.container import network
from ocikit.libpod.container.record import Container
from ocikit.libpod.container.rootfs import Root, group_line, passwd_line, workdir
from ocikit.libpod.errors import RuntimeFailed
from ocikit.libpod.spec.finish import Facts, finish
from ocikit.libpod.spec.users import UserInfo, lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_NS_OWNERS = (
    ("ipcNsCtr", "ipc"),
    ("mountNsCtr", "mnt"),
    ("netNsCtr", "net"),
    ("pidNsCtr", "pid"),
    ("userNsCtr", "user"),
    ("utsNsCtr", "uts"),
    ("cgroupNsCtr", "cgroup"),
)
_OCI_NAMES = {"mnt": "mount", "net": "network"}


def directories(container: Container) -> None:
    """Makes the two userdata directories."""
    for path in (container.bundle, container.run_dir):
        os.makedirs(path, mode=0o700, exist_ok=True)
        os.chmod(path, 0o700)


def mount(container: Container) -> str:
    """Mounts storage and shm; the root's path. Mounted already: nothing happens."""
    state, config = container.state, container.config
    if not state.get("mounted"):
        if config.get("rootfsImageID"):
            state["mountPoint"] = container.runtime.store.mount(container.id)
        elif config.get("rootfs_overlay"):
            from ocikit.libpod.container.overlays import mount_overlay

            state["mountPoint"] = mount_overlay(config["rootfs"], f"{container.bundle}/rootfs", ())
        else:
            state["mountPoint"] = config["rootfs"]
        state["mounted"] = True
    if config.get("mounts") and config.get("ShmDir") in config["mounts"]:
        _mount_shm(config["ShmDir"], int(config.get("shmSize") or 65536000))
    return str(state["mountPoint"])


def _mount_shm(path: str, size: int) -> None:
    from ocikit.common import linux

    os.makedirs(path, mode=0o700, exist_ok=True)
    if os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev:
        return  # mounted already
    flags = linux.MS_NODEV | linux.MS_NOSUID | linux.MS_NOEXEC
    linux.mount("shm", path, "tmpfs", flags, f"mode=1777,size={size}")


def unmount(container: Container) -> None:
    """Takes mounts away: shm, overlay volumes, named volumes, storage. What is gone already is fine."""
    from ocikit.common import linux

    config, state = container.config, container.state
    for path in config.get("mounts") or ():
        try:
            linux.umount2(path, linux.MNT_DETACH)
        except OSError:
            pass
    if config.get("overlayVolumes") or config.get("rootfs_overlay"):
        from ocikit.libpod.container.overlays import unmount_all

        unmount_all(container.bundle)
    for volume in config.get("namedVolumes") or ():
        container.runtime.volumes.unmount(volume["volumeName"])
    for record in config.get("ctrImageVolumes") or ():
        try:
            container.runtime.store.unmount_image(record.get("imageID") or record["source"])
        except OcikitError:
            pass
    if state.get("mounted"):
        if config.get("rootfsImageID"):
            try:
                container.runtime.store.unmount(container.id)
            except OcikitError:
                pass
        state["mounted"] = False
        state.pop("mountPoint", None)


def write_config(container: Container, setup: network.Setup | None) -> dict[str, Any]:
    """Generates and writes config.json (the root is mounted); joins the network set-up. The document."""
    config, state = container.config, container.state
    facts = Facts()
    facts.root = state["mountPoint"]
    with Root(facts.root) as root:
        user = _user(container, root)
        facts.user = user
        owner = _outside_owner(config, user)
        workdir(root, config, owner, container.id)
        root.mtab()
        facts.extra_mounts = _volumes(container, root, owner)
        _resolve_tmpfs(config, root)
        if setup is not None:
            setup.join()
        facts.binds = network.write_files(container, container.run_dir)
        facts.binds["/run/.containerenv"] = _containerenv(container)
        _passwd(container, root, user, facts)
    for folder in config.get("chroot_directories") or ():
        for name in ("/etc/resolv.conf", "/etc/hosts"):
            if name in facts.binds:
                facts.binds[folder.rstrip("/") + name] = facts.binds[name]
    if config.get("sdnotifyMode", "container") == "container" and os.environ.get("NOTIFY_SOCKET"):
        facts.notify_socket_dir = f"{container.bundle}/notify"
        os.makedirs(facts.notify_socket_dir, mode=0o755, exist_ok=True)
        options = ["bind", "rprivate", "nosuid", "nodev", "noexec"]
        facts.extra_mounts.append(
            {"destination": "/run/notify", "type": "bind", "source": facts.notify_socket_dir, "options": options}
        )
    if config.get("timezone"):
        facts.binds["/etc/localtime"] = _localtime(container)
    facts.hostname = network.hostname_of(container)
    facts.host_uts = all(ns["type"] != "uts" for ns in config["spec"]["linux"]["namespaces"])
    facts.netns = state.get("netns") or ""
    facts.joined = _joined(container)
    facts.cgroups_path = cgroups_path(container)
    if config.get("ShmDir") and not config.get("NoShm"):
        facts.shm_source = config["ShmDir"]
        facts.shm_bind_all = config["ShmDir"] == "/dev/shm"
    maps = config.get("idMappingsOptions") or {}
    if maps.get("UIDMap"):
        facts.uid_maps = [(m["container_id"], m["host_id"], m["size"]) for m in maps["UIDMap"]]
        facts.gid_maps = [(m["container_id"], m["host_id"], m["size"]) for m in maps["GIDMap"]]
        _let_through(container)
    if config.get("systemd"):
        facts.systemd_uuid = container.id[:32]
    if config.get("secrets") or config.get("secret_env"):
        from ocikit.libpod.container.secretmounts import apply

        apply(container, facts)
    hooks_dirs = container.runtime.options.hooks_dir or (
        "/usr/share/containers/oci/hooks.d",
        "/etc/containers/oci/hooks.d",
    )
    spec = finish(config, facts)
    if any(os.path.isdir(path) for path in hooks_dirs):
        from ocikit.libpod.container.hooks import add_hooks

        spec = add_hooks(spec, hooks_dirs, container)
    if container.runtime.oci_named(config.get("runtime", "")).name == "crun":
        # crun before 1.15 knows no version above 1.0 and asks for nothing that came later.
        spec["ociVersion"] = "1.0.2"
    state["bindMounts"] = facts.binds
    state["configPath"] = f"{container.bundle}/config.json"
    state["runDir"] = container.run_dir
    _write(state["configPath"], jsonfast.dumps(spec))
    return spec


def _let_through(container: Container) -> None:
    """Root of another user namespace is nobody here: it must be able to walk to the container's files, not to list."""
    runtime = container.runtime
    stop = "" if not runtime.rootless else os.path.dirname(runtime.paths.graphroot)
    for path in (container.state["mountPoint"], container.bundle, container.run_dir, runtime.paths.volumes):
        while path not in ("/", "", stop):
            try:
                mode = os.stat(path).st_mode
                if mode & 0o111 != 0o111:
                    os.chmod(path, mode & 0o7777 | 0o111)  # noqa: S103
            except OSError:
                pass  # not ours to change; the runtime then says what it cannot reach
            path = os.path.dirname(path)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with open(fd, "wb") as file:
        file.write(text.encode("utf-8", "surrogateescape"))


def _user(container: Container, root: Root) -> UserInfo:
    config = container.config
    return lookup(
        str(config.get("user") or ""), config.get("groups") or (), root.read("etc/passwd"), root.read("etc/group")
    )


def _outside_owner(config: dict[str, Any], user: UserInfo) -> tuple[int, int]:
    """The container user's ids as seen from here (user namespaces shift them)."""
    maps = config.get("idMappingsOptions") or {}

    def outside(rows: Any, value: int) -> int:
        for row in rows or ():
            if row["container_id"] <= value < row["container_id"] + row["size"]:
                return int(row["host_id"] + value - row["container_id"])
        return value

    return outside(maps.get("UIDMap"), user.uid), outside(maps.get("GIDMap"), user.gid)


def _resolve_tmpfs(config: dict[str, Any], root: Root) -> None:
    """A tmpfs is mounted where the image's links lead: ``/var/run`` -> ``/run``."""
    for record in config["spec"]["mounts"]:
        if record["type"] == "tmpfs" and record["destination"] not in ("/dev", "/sys/kernel"):
            record["destination"] = root.resolve(record["destination"])


def _volumes(container: Container, root: Root, owner: tuple[int, int]) -> list[dict[str, Any]]:
    """Mounts and fills named, overlay and image volumes; the OCI mounts for them."""
    config = container.config
    result: list[dict[str, Any]] = []
    for record in config.get("namedVolumes") or ():
        name = record["volumeName"]
        path = container.runtime.volumes.mount(name)
        options = list(record.get("options") or ())
        copy = "nocopy" not in options
        source = root.real(record["dest"])
        if source and not os.path.isdir(source):
            source = ""
        container.runtime.volumes.fill(name, source, copy=copy, owner=owner)
        if record.get("subPath"):
            path = _beneath(path, record["subPath"])
        result.append(
            {
                "destination": record["dest"],
                "type": "bind",
                "source": path,
                "options": [option for option in options if option not in ("nocopy", "copy")],
            }
        )
    for number, record in enumerate(config.get("overlayVolumes") or ()):
        from ocikit.libpod.container.overlays import overlay_volume

        result.append(overlay_volume(container, record, number))
    for record in config.get("ctrImageVolumes") or ():
        from ocikit.libpod.container.overlays import image_volume

        result.append(image_volume(container, record))
    for dest in config.get("chownMounts") or ():
        _chown_source(config, result, dest, owner)
    return result


def _beneath(top: str, path: str) -> str:
    fd = os.open(top, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    os.close(fd)
    with Root(top) as root:
        found = root.real(path)
    if not found:
        raise OcikitError(f"the subpath {path} does not exist in the volume")
    return found


def _chown_source(config: dict[str, Any], volumes: list[dict[str, Any]], dest: str, owner: tuple[int, int]) -> None:
    """``U``: gives the source of a mount to the container's user, all the way down."""
    for record in [*config["spec"]["mounts"], *volumes]:
        if record["destination"] == dest and record["type"] == "bind":
            top = record["source"]
            os.chown(top, *owner, follow_symlinks=False)
            for folder, dirs, files in os.walk(top):
                for name in [*dirs, *files]:
                    os.chown(f"{folder}/{name}", *owner, follow_symlinks=False)


def _containerenv(container: Container) -> str:
    config = container.config
    text = ""
    if config.get("privileged"):
        from ocikit.common.version import PODMAN

        text = (
            f'engine="podman-{PODMAN}"\nname="{config["name"]}"\nid="{container.id}"\n'
            f'image="{config.get("rootfsImageName", "")}"\nimageid="{config.get("rootfsImageID", "")}"\n'
            f"rootless={int(container.runtime.rootless)}\n"
        )
        sources = [m.get("source", "") for m in config["spec"]["mounts"]]
        if any(
            container.runtime.paths.graphroot.startswith(source.rstrip("/") + "/")
            for source in sources
            if source.startswith("/")
        ):
            text += "graphRootMounted=1\n"
    path = f"{container.run_dir}/.containerenv"
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o700)
    try:
        if text:
            os.write(fd, text.encode())
    finally:
        os.close(fd)
    return path


def _localtime(container: Container) -> str:
    import shutil

    zone = container.config["timezone"]
    source = (
        os.path.realpath("/etc/localtime")
        if zone == "local"
        else f"{os.environ.get('TZDIR', '/usr/share/zoneinfo')}/{zone}"
    )
    target = f"{container.run_dir}/localtime"
    shutil.copyfile(source, target)
    return target


def _passwd(container: Container, root: Root, user: UserInfo, facts: Facts) -> None:
    config = container.config
    if not config.get("passwd", True) or (user.found and user.group_found and not config.get("HostUsers")):
        return
    host = ""
    try:
        with open("/etc/passwd", encoding="utf-8", errors="surrogateescape") as file:
            host = file.read()
    except OSError:
        pass
    lines = passwd_line(config, user, host)
    for name in config.get("HostUsers") or ():
        found = [line for line in host.splitlines() if line.split(":")[0] == name or line.split(":")[2:3] == [name]]
        if not found:
            raise OcikitError(f"lookup hostuser {name}: no such user on this host")
        fields = found[0].split(":")
        if not any(line.startswith(fields[0] + ":") for line in root.read("etc/passwd").splitlines()):
            lines += f"{fields[0]}:*:{fields[2]}:{fields[3]}:{fields[4]}:{fields[5]}:{fields[6]}\n"
    readonly = bool(config["spec"]["root"].get("readonly"))
    for name, line in (("passwd", lines), ("group", group_line(config, user))):
        if not line:
            continue
        if readonly:
            text = root.read(f"etc/{name}")
            path = f"{container.bundle}/{name}"
            _write(path, text + ("" if not text or text.endswith("\n") else "\n") + line)
            os.chmod(path, 0o644)
            facts.binds[f"/etc/{name}"] = path
        else:
            try:
                if line not in root.read(f"etc/{name}"):
                    root.append(f"etc/{name}", line)
            except OSError:
                continue  # an image without the file does without the entry


def _joined(container: Container) -> dict[str, str]:
    """Paths of the namespaces that belong to other containers; they must run."""
    result: dict[str, str] = {}
    for key, kind in _NS_OWNERS:
        other_id = container.config.get(key)
        if not other_id:
            continue
        other = container.runtime.containers.by_id(other_id)
        if other.status not in ("running", "paused") or not other.pid:
            raise OcikitError(f"cannot get namespace path unless container {other_id} is running: container is stopped")
        path = f"/proc/{other.pid}/ns/{kind}"
        if kind == "net" and other.state.get("netns"):
            path = other.state["netns"]
        result[_OCI_NAMES.get(kind, kind)] = path
    return result


def cgroups_path(container: Container) -> str:
    """``linux.cgroupsPath`` (libpod.md 4.2); "" where the container gets none."""
    config, runtime = container.config, container.runtime
    if config.get("noCgroups"):
        if runtime.oci_named(config.get("runtime", "")).name == "runc":
            raise RuntimeFailed("requested OCI runtime runc is not compatible with NoCgroups: invalid argument")
        return ""
    if not runtime.host.cgroups_usable:
        return ""
    parent = config["cgroupParent"]
    if config.get("cgroupsMode") == "split":
        if runtime.cgroup_manager != "systemd":
            raise RuntimeFailed("--cgroups=split needs the systemd cgroup manager: invalid argument")
        with open("/proc/self/cgroup", encoding="utf-8") as file:
            own = file.read().strip().rpartition(":")[2]
        return f"{own}/libpod-payload-{container.id}"
    if config.get("cgroupManager") == "systemd":
        return f"{parent}:libpod:{container.id}"
    if runtime.rootless:
        return ""
    return f"{parent}/libpod-{container.id}"
