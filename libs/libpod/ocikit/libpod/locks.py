"""One lock per container, pod and volume, shared with a running Go Podman (libpod.md section 1.1).

``ShmLocks`` is the default: robust process-shared pthread mutexes in ``/dev/shm``. ``FileLocks`` (``lock_type="file"``)
keeps one file a lock. Both offer ``allocate``, ``free``, ``hold`` (a context manager; re-entrant within the process) and
``free_count``. A lock whose owner died is taken over.
"""

from __future__ import annotations

import errno
import os

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Protocol

    class Locks(Protocol):
        """What the two kinds have in common."""

        def allocate(self) -> int: ...
        def claim(self, number: int) -> None: ...
        def free(self, number: int) -> None: ...
        def free_count(self) -> int: ...
        def free_all(self) -> None: ...
        def acquire(self, number: int) -> None: ...
        def release(self, number: int) -> None: ...
        def hold(self, number: int) -> Hold: ...


_MAGIC = 0x87D1
_HEADER = 56
_GROUP = 1288
_MUTEX = 40
_PER_GROUP = 32
# The kernel frees a dead process's locks through their addresses: a segment once mapped stays mapped.
_mapped: list[object] = []


class Hold:
    """``with locks.hold(n):`` takes the lock; nested holds of one lock in one process count."""

    __slots__ = ("_locks", "_number")

    def __init__(self, locks: Locks, number: int) -> None:
        self._locks = locks
        self._number = number

    def __enter__(self) -> None:
        self._locks.acquire(self._number)

    def __exit__(self, *_: object) -> None:
        self._locks.release(self._number)


class ShmLocks:
    """The segment ``/dev/shm/NAME`` with room for ``count`` locks; made if it is missing.

    Raises OcikitError if a segment of another size exists (``podman system renumber`` after changing num_locks).
    """

    def __init__(self, name: str = "libpod_lock", count: int = 2048, directory: str = "/dev/shm") -> None:
        groups = count // _PER_GROUP
        if groups * _PER_GROUP != count or not count:
            raise OcikitError(f"num_locks must be a multiple of {_PER_GROUP}, not {count}")
        self.path = os.path.join(directory, name)
        self.count = count
        self._size = _HEADER + groups * _GROUP
        self._depth: dict[int, int] = {}
        self._open()

    def _open(self) -> None:
        import mmap

        flags = os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW
        try:
            fd = os.open(self.path, flags)
        except FileNotFoundError:
            self._create()
            fd = os.open(self.path, flags)
        try:
            size = os.fstat(fd).st_size
            if size != self._size:
                raise OcikitError(
                    f"the lock segment {self.path} has {size} bytes where {self._size} are needed for {self.count} locks",
                    hint="num_locks was changed: run podman system renumber.",
                )
            self._map = mmap.mmap(fd, size)
        finally:
            os.close(fd)
        if int.from_bytes(self._map[:2], "little") != _MAGIC:
            raise OcikitError(f"{self.path} is not a lock segment of Podman: remove it")
        self._bind()

    def _bind(self) -> None:
        import _ctypes

        class c_char(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "c"

        class c_int(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "i"

        class c_void_p(_ctypes._SimpleCData):  # type: ignore[type-arg]
            _type_ = "P"

        class Function(_ctypes.CFuncPtr):
            _flags_ = _ctypes.FUNCFLAG_CDECL
            _restype_ = c_int

        self._pointer: Any = c_void_p
        handle = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]
        self._timedlock: Any = Function(_ctypes.dlsym(handle, "pthread_mutex_timedlock"))
        self._unlock: Any = Function(_ctypes.dlsym(handle, "pthread_mutex_unlock"))
        self._consistent: Any = Function(_ctypes.dlsym(handle, "pthread_mutex_consistent"))
        self._anchor: Any = c_char.from_buffer(self._map)
        _mapped.append(self._anchor)
        self._base = int(_ctypes.addressof(self._anchor))

    def _create(self) -> None:
        """Writes a complete segment beside the name and links it there: nobody sees half a one."""
        import struct

        pattern = _fresh_mutex()
        group = struct.pack("<I4x", 0) + pattern * _PER_GROUP
        data = struct.pack("<HHI", _MAGIC, 0, 0) + pattern
        data += struct.pack("<II", self.count // _PER_GROUP, self.count) + group * (self.count // _PER_GROUP)
        temporary = f"{self.path}.{os.getpid()}"
        fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            os.write(fd, data)
            os.link(temporary, self.path)
        except FileExistsError:
            pass
        finally:
            os.close(fd)
            os.unlink(temporary)

    def _lock_at(self, offset: int) -> None:
        import struct
        import time

        address = self._pointer(self._base + offset)
        while True:
            deadline = time.time_ns() + 200_000_000  # short waits, so that Ctrl-C is heard
            code = self._timedlock(address, struct.pack("@ll", *divmod(deadline, 1_000_000_000)))
            if code == 0:
                return
            if code == errno.EOWNERDEAD:
                self._consistent(address)
                return
            if code != errno.ETIMEDOUT:
                raise OcikitError(f"locking {self.path}: {os.strerror(code)}")

    def _unlock_at(self, offset: int) -> None:
        self._unlock(self._pointer(self._base + offset))

    def _bitmap(self, group: int) -> int:
        return int.from_bytes(self._map[_HEADER + group * _GROUP :][:4], "little")

    def _set_bitmap(self, group: int, value: int) -> None:
        start = _HEADER + group * _GROUP
        self._map[start : start + 4] = value.to_bytes(4, "little")

    def _offset(self, number: int) -> int:
        if not 0 <= number < self.count:
            raise OcikitError(f"lock number {number} is out of range (0-{self.count - 1})")
        return _HEADER + number // _PER_GROUP * _GROUP + 8 + number % _PER_GROUP * _MUTEX

    def allocate(self) -> int:
        """The number of a free lock, now ours. Raises OcikitError when all are taken."""
        self._lock_at(8)
        try:
            for group in range(self.count // _PER_GROUP):
                start = _HEADER + group * _GROUP
                bits = int.from_bytes(self._map[start : start + 4], "little")
                if bits != 0xFFFFFFFF:
                    bit = (~bits & (bits + 1)).bit_length() - 1
                    self._set_bitmap(group, bits | 1 << bit)
                    return group * _PER_GROUP + bit
        finally:
            self._unlock_at(8)
        raise OcikitError(
            f"allocation failed; exceeded num_locks ({self.count})",
            hint="Remove containers, pods or volumes, or raise num_locks in containers.conf and run podman system renumber.",
        )

    def claim(self, number: int) -> None:
        """Marks a number as taken (after a reboot); taken already is fine."""
        self._offset(number)
        self._lock_at(8)
        try:
            start = _HEADER + number // _PER_GROUP * _GROUP
            bits = int.from_bytes(self._map[start : start + 4], "little")
            self._set_bitmap(number // _PER_GROUP, bits | 1 << number % _PER_GROUP)
        finally:
            self._unlock_at(8)

    def free(self, number: int) -> None:
        """Gives a number back."""
        self._offset(number)
        self._lock_at(8)
        try:
            start = _HEADER + number // _PER_GROUP * _GROUP
            bits = int.from_bytes(self._map[start : start + 4], "little")
            self._set_bitmap(number // _PER_GROUP, bits & ~(1 << number % _PER_GROUP))
        finally:
            self._unlock_at(8)

    def free_count(self) -> int:
        """How many are free."""
        used = 0
        for group in range(self.count // _PER_GROUP):
            start = _HEADER + group * _GROUP
            used += int.from_bytes(self._map[start : start + 4], "little").bit_count()
        return self.count - used

    def free_all(self) -> None:
        """Gives all numbers back (``system renumber``)."""
        self._lock_at(8)
        for group in range(self.count // _PER_GROUP):
            self._set_bitmap(group, 0)
        self._unlock_at(8)

    def acquire(self, number: int) -> None:
        """Takes the lock, waiting for another process's."""
        depth = self._depth.get(number, 0)
        if not depth:
            self._lock_at(self._offset(number))
        self._depth[number] = depth + 1

    def release(self, number: int) -> None:
        """Gives the lock up, at the outermost call."""
        self._depth[number] -= 1
        if not self._depth[number]:
            del self._depth[number]
            self._unlock_at(self._offset(number))

    def hold(self, number: int) -> Hold:
        """A context manager over acquire and release."""
        return Hold(self, number)


def _fresh_mutex() -> bytes:
    """The bytes of an initialised robust, process-shared mutex."""
    import ctypes

    libc = ctypes.CDLL(None)
    attributes = ctypes.create_string_buffer(64)
    mutex = ctypes.create_string_buffer(_MUTEX)
    libc.pthread_mutexattr_init(attributes)
    libc.pthread_mutexattr_setpshared(attributes, 1)
    libc.pthread_mutexattr_setrobust(attributes, 1)
    libc.pthread_mutex_init(mutex, attributes)
    return mutex.raw


class FileLocks:
    """``DIRECTORY/N``, one file a lock, taken with flock(2)."""

    def __init__(self, directory: str, count: int = 1 << 20) -> None:
        self.path = directory
        self.count = count
        self._held: dict[int, tuple[int, int]] = {}
        os.makedirs(directory, mode=0o700, exist_ok=True)

    def allocate(self) -> int:
        for number in range(self.count):
            try:
                fd = os.open(f"{self.path}/{number}", os.O_CREAT | os.O_EXCL | os.O_RDWR | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            os.close(fd)
            return number
        raise OcikitError(f"all {self.count} locks in {self.path} are taken")

    def claim(self, number: int) -> None:
        os.close(os.open(f"{self.path}/{number}", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600))

    def free(self, number: int) -> None:
        try:
            os.unlink(f"{self.path}/{number}")
        except FileNotFoundError:
            pass

    def free_count(self) -> int:
        return self.count - len(os.listdir(self.path))

    def free_all(self) -> None:
        for name in os.listdir(self.path):
            os.unlink(f"{self.path}/{name}")

    def acquire(self, number: int) -> None:
        import fcntl

        fd, depth = self._held.get(number, (-1, 0))
        if not depth:
            fd = os.open(f"{self.path}/{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(fd, fcntl.LOCK_EX)
        self._held[number] = (fd, depth + 1)

    def release(self, number: int) -> None:
        fd, depth = self._held.pop(number)
        if depth > 1:
            self._held[number] = (fd, depth - 1)
        else:
            os.close(fd)

    def hold(self, number: int) -> Hold:
        """A context manager over acquire and release."""
        return Hold(self, number)
