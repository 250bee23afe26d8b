"""Notices that the kernel killed for want of memory, and says so in files: cgroup v2 by inotify, v1 by an eventfd."""

from __future__ import annotations

import posix

from ocikit.conmon import kernel
from ocikit.conmon.diag import debug, reason, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.conmon.loop import Loop

ROOT = "/sys/fs/cgroup"
_IN_MODIFY = 2
_IN_CLOEXEC = 0o2000000
_IN_NONBLOCK = 0o4000


class OomWatch:
    """Watches one container's memory cgroup; ``report`` creates ``oom`` in each of ``folders``."""

    __slots__ = ("_control", "_events_path", "_fd", "_folders", "_seen")

    def __init__(self, pid: int, folders: tuple[str, ...]) -> None:
        self._folders = folders
        self._events_path = ""
        self._control = ""
        self._fd = -1
        self._seen = 0
        try:
            self._set_up(kernel.read_file(f"/proc/{pid}/cgroup"))
        except OSError as error:
            warn(f"No out-of-memory notification: {reason(error)}")

    def _set_up(self, membership: bytes) -> None:
        if is_unified():
            path = cgroup_path(membership, "")
            if path is None:
                return
            self._events_path = f"{ROOT}{path}/memory.events"
            self._seen = oom_count(kernel.read_file(self._events_path))
            self._fd = _inotify_modify(self._events_path)
            return
        path = cgroup_path(membership, "memory")
        if path is None:
            return
        folder = f"{ROOT}/memory{path}"
        self._control = f"{folder}/memory.oom_control"
        control = posix.open(self._control, posix.O_RDONLY | posix.O_CLOEXEC)
        # the kernel holds the registration; the control file's own descriptor must stay open as long
        event = posix.eventfd(0, posix.EFD_CLOEXEC | posix.EFD_NONBLOCK)
        registrar = posix.open(f"{folder}/cgroup.event_control", posix.O_WRONLY | posix.O_CLOEXEC)
        try:
            posix.write(registrar, b"%d %d" % (event, control))
        finally:
            posix.close(registrar)
        self._fd = event

    def watch(self, loop: Loop) -> None:
        if self._fd >= 0:
            loop.watch(self._fd, self._ready)

    def _ready(self, _events: int) -> None:
        try:
            data = posix.read(self._fd, 4096)
        except OSError as error:
            debug(f"oom watch: {reason(error)}")
            return
        if self._events_path:
            self.final_check()
        elif data and _exists(self._control):
            # the removal of the cgroup fires the eventfd, too
            self.report()

    def final_check(self) -> None:
        """cgroup v2: compare the counters once more; the last notification may not have come yet."""
        if not self._events_path:
            return
        try:
            count = oom_count(kernel.read_file(self._events_path))
        except OSError:
            return  # the cgroup is gone
        if count and count != self._seen:
            self._seen = count
            self.report()

    def report(self) -> None:
        for folder in self._folders:
            try:
                posix.close(posix.open(f"{folder}/oom", posix.O_WRONLY | posix.O_CREAT | posix.O_CLOEXEC, 0o666))
            except OSError as error:
                warn(f"Failed to create {folder}/oom {reason(error)}")


def is_unified() -> bool:
    """Is /sys/fs/cgroup itself cgroup v2? Only there does it have this file."""
    return _exists(f"{ROOT}/cgroup.controllers")


def cgroup_path(membership: bytes, controller: str) -> str | None:
    """The path of one controller (``""`` for v2) in the text of /proc/PID/cgroup; None where it is not mounted."""
    for line in membership.splitlines():
        _, controllers, path = line.split(b":", 2)
        if controller.encode() in controllers.split(b","):
            return path.decode("utf-8", "surrogateescape").rstrip("/")
    return None


def oom_count(memory_events: bytes) -> int:
    """``oom`` plus ``oom_kill`` of a memory.events file."""
    total = 0
    for line in memory_events.splitlines():
        key, _, value = line.partition(b" ")
        if key in (b"oom", b"oom_kill"):
            total += int(value)
    return total


def _inotify_modify(path: str) -> int:
    fd = kernel.call("inotify_init1", _IN_NONBLOCK | _IN_CLOEXEC)
    if fd < 0:
        raise OSError(0, "inotify_init1 failed", path)
    name = path.encode("utf-8", "surrogateescape")
    if kernel.call("inotify_add_watch", fd, name, _IN_MODIFY) < 0:
        posix.close(fd)
        raise OSError(0, "inotify_add_watch failed", path)
    return fd


def _exists(path: str) -> bool:
    try:
        posix.stat(path)
    except OSError:
        return False
    return True
