"""The mounts of every container: /proc, /dev, /sys and what lies in them (libpod.md sections 4.1, 4.3, 4.4)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def base_mounts(
    *,
    privileged: bool,
    read_only_dev: bool,
    rootless: bool,
    cgroup_version: int,
    cgroup_private: bool,
    host_network: bool,
    host_pid: bool,
    host_ipc: bool,
    systemd: bool,
    unmask_all: bool,
) -> list[dict[str, Any]]:
    """In the order that config.json shows them before the stable sort by depth."""
    mode = "rw" if privileged else "ro"
    proc = _mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"])
    if rootless and host_pid:
        proc = _mount("/proc", "bind", "/proc", ["rbind", "nosuid", "noexec", "nodev"])
    dev_options = ["nosuid", "strictatime", "mode=755", "size=65536k"]
    dev = _mount("/dev", "tmpfs", "tmpfs", [*dev_options, "ro"] if read_only_dev else dev_options)
    pts_options = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    if not rootless or tty_group_mapped():
        pts_options.append("gid=5")
    pts = _mount("/dev/pts", "devpts", "devpts", pts_options)
    mqueue = _mount("/dev/mqueue", "mqueue", "mqueue", ["nosuid", "noexec", "nodev"])
    if host_ipc:
        mqueue = _mount("/dev/mqueue", "bind", "/dev/mqueue", ["bind", "nosuid", "noexec", "nodev"])
    sys: list[dict[str, Any]]
    if rootless and host_network:
        # A sysfs cannot be mounted without owning the network namespace: show the host's, without the kernel's secrets.
        sys = [
            _mount("/sys", "bind", "/sys", ["rprivate", "nosuid", "noexec", "nodev", mode, "rbind"]),
        ]
        if not privileged and not unmask_all:
            sys.append(
                _mount("/sys/kernel", "tmpfs", "tmpfs", ["rprivate", "nosuid", "noexec", "nodev", "ro", "size=0k"])
            )
    elif privileged:
        sys = [_mount("/sys", "sysfs", "sysfs", ["rprivate", "nosuid", "noexec", "nodev", "rw"])]
    else:
        sys = [_mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev", "ro"])]
    result = [proc, dev, pts, mqueue, *sys] if privileged else [proc, dev, *sys, pts, mqueue]
    cgroup_options = ["rprivate", "nosuid", "noexec", "nodev", "relatime", mode]
    if systemd and cgroup_version == 2 and cgroup_private:
        cgroup_options[-1] = "rw"
    if rootless and cgroup_version == 1:
        cgroup_options = ["rbind", "rprivate", "nosuid", "noexec", "nodev", mode]
        result.append(_mount("/sys/fs/cgroup", "bind", "/sys/fs/cgroup", cgroup_options))
    elif rootless and host_network and not cgroup_private:
        result.append(_mount("/sys/fs/cgroup", "bind", "/sys/fs/cgroup", ["rbind", *cgroup_options]))
    else:
        result.append(_mount("/sys/fs/cgroup", "cgroup", "cgroup", cgroup_options))
    if systemd and cgroup_version == 1 and not rootless:
        result.append(
            _mount("/sys/fs/cgroup/systemd", "bind", "/sys/fs/cgroup/systemd", ["bind", "nodev", "noexec", "nosuid"])
        )
    return result


def _mount(destination: str, kind: str, source: str, options: list[str]) -> dict[str, Any]:
    return {"destination": destination, "type": kind, "source": source, "options": options}


def tty_group_mapped(path: str = "/proc/self/gid_map") -> bool:
    """Whether group 5 (tty) exists in this user namespace: devpts refuses an unmapped one."""
    try:
        with open(path, encoding="utf-8") as file:
            rows = [[int(field) for field in line.split()] for line in file]
    except OSError:
        return True
    return any(inside <= 5 < inside + count for inside, _, count in rows)
