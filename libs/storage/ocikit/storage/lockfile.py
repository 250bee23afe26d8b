"""The store's locks (spec, section 3): whole-file record locks and the last-writer token in the lock file.

The Go tools use classic POSIX locks, which a process loses when it closes *any* descriptor of the file and which do not
keep its threads apart. Open-file-description locks conflict with those both ways and have neither fault, so each
acquisition here is a fresh descriptor with an OFD lock. They are inherited over fork without exec: the release
unlocks explicitly, so that a forked child cannot prolong one.

Hold a lock for milliseconds: every start of podman takes most of them.
"""

from __future__ import annotations

import errno
import fcntl
import os
from _thread import RLock
from time import time_ns

from ocikit.common.files import makedirs_mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_OFD_GETLK, _OFD_SETLK, _OFD_SETLKW = 36, 37, 38
_RD, _WR, _UN = 0, 1, 2
_TOKEN_SIZE = 64

# Called with (path, holder) when a lock has to be waited for. Without it, a message is written at debug level.
on_wait: Callable[[str, str], None] | None = None

_counter = 0


def _flock(kind: int) -> bytes:
    """struct flock for the whole file: type, whence, start, length, pid (0, as OFD commands demand), 64-bit layout."""
    import sys

    return kind.to_bytes(2, sys.byteorder) + bytes(30)


_READ, _WRITE, _UNLOCK = _flock(_RD), _flock(_WR), _flock(_UN)


class LockFile:
    """One lock file. Re-entrant within a thread; threads and processes exclude each other."""

    __slots__ = ("_depth", "_fd", "_kind", "_mutex", "_reading", "_writing", "path", "read_only", "token")

    def __init__(self, path: str, read_only: bool = False) -> None:
        self.path = path
        self.read_only = read_only
        self.token: bytes | None = None  # as of the last load or write; None: never looked
        self._mutex = RLock()
        self._depth = 0
        self._fd = -1
        self._kind = _READ
        self._reading = _Scope(self, _READ)
        self._writing = _Scope(self, _WRITE)

    def reading(self) -> _Scope:
        """``with lock.reading():`` shares the lock."""
        return self._reading

    def writing(self) -> _Scope:
        """``with lock.writing():`` holds it alone."""
        return self._writing

    @property
    def held(self) -> bool:
        """This thread holds the lock for writing."""
        return self._depth > 0 and self._kind is _WRITE

    def touched(self) -> bool:
        """Has somebody written a token since ``token`` was remembered? Remembers the one found. Needs the lock."""
        found = os.pread(self._fd, _TOKEN_SIZE, 0) if self._fd >= 0 else b""
        if found == self.token:
            return False
        self.token = found
        return True

    def peek(self) -> bytes:
        """The token as it is now, without any lock; empty when the file is not there."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return b""
        try:
            return os.pread(fd, _TOKEN_SIZE, 0)
        finally:
            os.close(fd)

    def touch(self) -> None:
        """Write a new token: the record files are about to change. Needs the lock for writing."""
        global _counter
        _counter += 1
        token = (
            time_ns().to_bytes(8, "little")
            + _counter.to_bytes(8, "little")
            + (os.getpid() & 0xFFFFFFFF).to_bytes(4, "little")
            + os.urandom(44)
        )
        os.pwrite(self._fd, token, 0)
        self.token = token

    def try_write(self) -> bool:
        """Take the lock for writing if nobody has it; release with ``release()``."""
        return self._acquire(_WRITE, wait=False)

    def release(self) -> None:
        """Give back what ``try_write`` took."""
        self._depth -= 1
        if self._depth == 0 and self._fd >= 0:
            fd, self._fd = self._fd, -1
            try:
                fcntl.fcntl(fd, _OFD_SETLK, _UNLOCK)
            finally:
                os.close(fd)
        self._mutex.release()

    def _acquire(self, kind: bytes, wait: bool = True) -> bool:
        self._mutex.acquire()
        try:
            if self._depth:
                assert kind is _READ or self._kind is _WRITE, f"{self.path}: write lock inside a read lock"
                self._depth += 1
                return True
            fd = self._open()
            if fd >= 0:
                try:
                    taken = self._take(fd, kind, wait)
                except BaseException:
                    os.close(fd)
                    raise
                if not taken:
                    os.close(fd)
                    self._mutex.release()
                    return False
            self._fd = fd
            self._kind = kind
            self._depth = 1
        except BaseException:
            self._mutex.release()
            raise
        return True

    def _open(self) -> int:
        if self.read_only:
            # An additional store may be on a medium that cannot be written: then nobody can change it either.
            for flags in (os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, os.O_RDONLY | os.O_CLOEXEC):
                try:
                    return os.open(self.path, flags, 0o644)
                except OSError as exc:
                    if exc.errno not in (errno.EROFS, errno.EACCES, errno.ENOENT, errno.EPERM):
                        raise
            return -1
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
        try:
            return os.open(self.path, flags, 0o644)
        except FileNotFoundError:
            makedirs_mode(os.path.dirname(self.path), 0o700)
            return os.open(self.path, flags, 0o644)

    def _take(self, fd: int, kind: bytes, wait: bool) -> bool:
        try:
            fcntl.fcntl(fd, _OFD_SETLK, kind)
            return True
        except OSError as exc:
            if exc.errno not in (errno.EAGAIN, errno.EACCES):
                raise
        if not wait:
            return False
        _tell(self.path, fd)
        fcntl.fcntl(fd, _OFD_SETLKW, kind)
        return True


def _tell(path: str, fd: int) -> None:
    from ocikit.common import log

    if on_wait is not None:
        on_wait(path, holder(fd))
    elif log.level <= log.LEVELS["debug"]:
        log.write("debug", f"Waiting for {path}, held by {holder(fd)}")


class _Scope:
    __slots__ = ("_kind", "_lock")

    def __init__(self, lock: LockFile, kind: bytes) -> None:
        self._lock = lock
        self._kind = kind

    def __enter__(self) -> None:
        self._lock._acquire(self._kind)

    def __exit__(self, *exc: object) -> None:
        self._lock.release()


def holder(fd: int) -> str:
    """Who keeps the file of this descriptor locked: ``podman run x (pid 12)``, as far as the kernel tells."""
    import sys

    info = fcntl.fcntl(fd, _OFD_GETLK, _WRITE)
    if int.from_bytes(info[:2], sys.byteorder) == _UN:
        return "nobody any more"
    pid = int.from_bytes(info[24:28], sys.byteorder, signed=True)
    if pid <= 0:
        pid = _opener(os.fstat(fd))
    if pid <= 0:
        return "a process that cannot be seen from here"
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(200).replace(b"\0", b" ").decode("utf-8", "replace").strip()
    except OSError:
        words = "a process"
    return f"{words} (pid {pid})"


def _opener(wanted: os.stat_result) -> int:
    """An OFD lock has no pid: find who has the file open (fdinfo shows the lock, and so excludes mere waiters)."""
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            for number in os.listdir(f"/proc/{entry}/fd"):
                found = os.stat(f"/proc/{entry}/fd/{number}")
                if (found.st_ino, found.st_dev) == (wanted.st_ino, wanted.st_dev):
                    with open(f"/proc/{entry}/fdinfo/{number}", "rb") as file:
                        if b"lock:" in file.read():
                            return int(entry)
        except OSError:
            continue
    return 0
