"""The few system calls that Python's own C modules do not offer, through ``_ctypes`` without the ``ctypes`` package.

``_ctypes`` alone costs 0.5 ms and 60 KiB of private memory, ``ctypes`` 2.5 ms and 500 KiB more. Names as in the man pages.
"""

from __future__ import annotations

import _ctypes
import posix

PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
MADV_DONTNEED = 4
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3

_libc = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # the stub forgets None, the program itself


class _Address(_ctypes._SimpleCData):  # type: ignore[type-arg]
    _type_ = "P"


def prctl(option: int, argument: int) -> None:
    """prctl(2); a refusal is ignored: every use here is an improvement that the monitor can live without."""
    call("prctl", option, argument, 0, 0, 0)


def call(name: str, *arguments: int | bytes | _Address) -> int:
    """Call a libc function by name; ints are C ints."""
    result: int = _ctypes.call_function(_ctypes.dlsym(_libc, name), arguments)
    return result


def read_file(path: str, limit: int = 65536) -> bytes:
    """The whole of a small file."""
    fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    try:
        parts = []
        while part := posix.read(fd, limit):
            parts.append(part)
        return b"".join(parts)
    finally:
        posix.close(fd)


def keep_buffers() -> None:
    """Let freed read buffers stay on the heap until ``release_memory``: by default glibc gives each back to the kernel and
    faults it in again for the next read, which took half of the time that a busy stream needs."""
    call("mallopt", _M_TRIM_THRESHOLD, 4 << 20)
    call("mallopt", _M_MMAP_THRESHOLD, 4 << 20)


def release_memory() -> None:
    """Give back what only the start needed: free heap pages, and the interpreter's clean file pages.

    An idle monitor needs next to nothing of the interpreter's 5 MiB of code and constants; the page cache keeps them and a
    wake-up faults in what it touches (some 50 µs). Only mappings without a single private page are dropped: dropping a
    relocated or written page would lose its content. Failures leave the memory as it was.
    """
    try:
        call("malloc_trim", 0)
        mappings = clean_mappings(read_file("/proc/self/smaps"))
    except (OSError, ValueError):
        return
    # The biggest goes last: it is the interpreter's code, and whatever still runs after its drop comes back at once.
    mappings.sort(key=_length)
    prepared = [(_Address(start), _Address(length), MADV_DONTNEED) for start, length in mappings]
    madvise = _ctypes.dlsym(_libc, "madvise")
    for arguments in prepared:
        _ctypes.call_function(madvise, arguments)


def _length(mapping: tuple[int, int]) -> int:
    return mapping[1]


def clean_mappings(smaps: bytes) -> list[tuple[int, int]]:
    """(start, length in bytes) of every file mapping in ``/proc/PID/smaps`` that is not writable and holds no private copy."""
    found: list[tuple[int, int]] = []
    candidate: tuple[int, int] | None = None
    for line in smaps.split(b"\n"):
        if line.startswith(b"Anonymous:"):
            if candidate and line.split()[1] == b"0":
                found.append(candidate)
            candidate = None
            continue
        fields = line.split(None, 5)
        if len(fields) == 6 and fields[1] in (b"r-xp", b"r--p") and fields[5].startswith(b"/"):
            start, _, end = fields[0].partition(b"-")
            candidate = int(start, 16), int(end, 16) - int(start, 16)
    return found
