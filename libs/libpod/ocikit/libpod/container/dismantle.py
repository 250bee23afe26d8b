"""Taking a container down whatever its record says: after a ``kill -9`` the record may know less than the kernel does."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.container import network
from ocikit.libpod.container.record import Container

WAIT_S = 5.0


def traces(container: Container) -> bool:
    """Whether something of a life is left that a configured or exited container cannot have: a bundle, a mount."""
    if os.path.exists(f"{container.bundle}/config.json"):
        return True
    return bool(mounts_below(os.path.dirname(container.bundle)))


def dismantle(container: Container) -> None:
    """Ends monitor and processes, takes network and mounts away. Everything is tried; nothing is raised."""
    for step in (_end_monitor, _delete, _remove_cgroup, network.end, _unmount, _unmount_storage, _unlink):
        try:
            step(container)
        except (OcikitError, OSError):
            continue
    container.state.update(mounted=False, pid=0, conmonPid=0)
    container.state.pop("mountPoint", None)


def _end_monitor(container: Container) -> None:
    """A monitor whose client died before the start goes on alone: it must not create what is just being removed."""
    from ocikit.libpod.container.stop import await_end

    pids = {int(container.state.get("conmonPid") or 0)}
    try:
        with open(container.config["conmonPidFile"], encoding="utf-8") as file:
            pids.add(int(file.read()))
    except (OSError, ValueError):
        pids |= _monitors(container.id)
    for pid in pids - {0}:
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except OSError:
            continue
        if container.id.encode() in words and b"--conmon-pidfile" in words:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
            await_end(pid, WAIT_S)


def _monitors(cid: str) -> set[int]:
    """Pids of monitors that have no pid file yet."""
    found = set()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/cmdline", "rb") as file:
                    words = file.read().split(b"\0")
            except OSError:
                continue
            if cid.encode() in words and b"--conmon-pidfile" in words:
                found.add(int(name))
    return found


def _delete(container: Container) -> None:
    container.runtime.oci_named(container.config.get("runtime", "")).delete(container.id, force=True)


def _remove_cgroup(container: Container) -> None:
    """A runtime that was killed before it wrote its record cannot be asked to clean up: its control groups are swept."""
    if container.config.get("cgroupManager") != "cgroupfs" or not container.runtime.host.cgroups_usable:
        return
    name = f"{container.config['cgroupParent']}/libpod-{container.id}"
    tops = ["/sys/fs/cgroup"]
    if container.runtime.host.cgroup_version == 1:
        tops = [f"/sys/fs/cgroup/{entry}" for entry in os.listdir("/sys/fs/cgroup")]
    for top in tops:
        folder = top + name
        try:
            with open(f"{folder}/cgroup.procs", encoding="utf-8") as file:
                pids = [int(line) for line in file]
        except OSError:
            continue
        for pid in pids:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
            from ocikit.libpod.container.stop import await_end

            await_end(pid, WAIT_S)
        os.rmdir(folder)


def _unmount(container: Container) -> None:
    from ocikit.common import linux

    for path in mounts_below(os.path.dirname(container.bundle)):
        try:
            linux.umount2(path, linux.MNT_DETACH)
        except OSError:
            continue


def _unmount_storage(container: Container) -> None:
    if container.config.get("rootfsImageID"):
        container.runtime.store.unmount(container.id, force=True)


def _unlink(container: Container) -> None:
    for name in ("attach", "ctl", "winsz", "config.json"):
        try:
            os.unlink(f"{container.bundle}/{name}")
        except FileNotFoundError:
            continue


def mounts_below(path: str) -> list[str]:
    """Mount points beneath a directory, the deepest first."""
    prefix = os.path.realpath(path).encode() + b"/"
    with open("/proc/self/mountinfo", "rb") as file:
        points = [line.split(b" ", 5)[4] for line in file]
    found = [point.replace(b"\\040", b" ").replace(b"\\134", b"\\") for point in points if point.startswith(prefix)]
    return [os.fsdecode(point) for point in sorted(found, key=len, reverse=True)]
