"""Compression by magic bytes: reading gzip, zstd, bzip2 and xz with bounded memory; writing gzip and zstd.

Members and frames may follow one another; input that ends early is an error; no call inflates more than it was asked for, so
that a megabyte of bomb never becomes a gigabyte of memory. Source: storage format, section 13; RFC 1952; RFC 8878.
"""

from __future__ import annotations

from .errors import BadCompression, TruncatedArchive

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    from .reader import Readable

    class Decompressor(Protocol):
        """What bz2, lzma and igzip have in common."""

        def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...
        @property
        def eof(self) -> bool: ...
        @property
        def needs_input(self) -> bool: ...
        @property
        def unused_data(self) -> bytes: ...

    class Writable(Protocol):
        def write(self, data: bytes, /) -> object: ...


CHUNK = 1 << 20
MAGIC = (
    (b"\x1f\x8b\x08", "gzip"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
)
NUMBERS = {"": 0, "bzip2": 1, "gzip": 2, "xz": 3, "zstd": 4}
"""The ``compression`` field of a layer record (storage format, 5.1)."""


def detect(start: bytes) -> str:
    """The compression that the first bytes announce: gzip, zstd, bzip2, xz, or ``""``."""
    for magic, name in MAGIC:
        if start.startswith(magic):
            return name
    # A skippable frame may come first in zstd data.
    return "zstd" if len(start) >= 4 and 0x50 <= start[0] <= 0x5F and start[1:4] == b"\x2a\x4d\x18" else ""


def open_decompressed(stream: Readable) -> tuple[Readable, str]:
    """A reader of the inflated bytes, and the compression's name (``""`` when there was none).

    stream: any object with ``read(n)``; it is read to its end, never closed. The reader's ``read(n)`` gives up to n bytes and
    raises TruncatedArchive or BadCompression.
    """
    start = b""
    while len(start) < 6:
        more = stream.read(CHUNK)
        if not more:
            break
        start += more
    name = detect(start)
    source = Pushback(start, stream)
    if not name:
        return source, name
    if name == "zstd":
        return ZstdReader(source), name
    return MemberReader(source, name), name


class Pushback:
    """A stream with its first bytes put back."""

    __slots__ = ("_start", "_stream")

    def __init__(self, start: bytes, stream: Readable) -> None:
        self._start = start
        self._stream = stream

    def read(self, n: int = -1, /) -> bytes:
        """Up to n bytes, ``b""`` at the end."""
        if self._start:
            start = self._start
            if n < 0 or n >= len(start):
                self._start = b""
                return start if n >= 0 else start + self._stream.read(n)
            self._start = start[n:]
            return start[:n]
        return self._stream.read(n)


class MemberReader:
    """gzip, bzip2 or xz: one or several members after each other."""

    __slots__ = ("_current", "_data", "_done", "_make", "_name", "_stream")

    def __init__(self, stream: Readable, name: str) -> None:
        self._stream = stream
        self._name = name
        self._make = _factory(name)
        self._current = self._make()
        self._data = b""
        self._done = False

    def read(self, n: int = CHUNK, /) -> bytes:
        """Up to n inflated bytes, ``b""`` after the last member."""
        if n < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        while not self._done:
            current = self._current
            if current.eof:
                self._next_member(current.unused_data)
                continue
            if current.needs_input and not self._data:
                self._data = self._stream.read(CHUNK)
                if not self._data:
                    raise TruncatedArchive(f"{self._name} data ends too early: unexpected EOF")
            data, self._data = self._data, b""
            try:
                piece = current.decompress(data, n)
            except Exception as error:  # isal, bz2 and lzma each have their own
                raise BadCompression(f"{self._name} data is damaged: {error}") from None
            if piece:
                return piece
        return b""

    def _next_member(self, unused: bytes) -> None:
        # Padding with zeros after the last member is common (tapes, block devices) and means nothing.
        unused = unused.lstrip(b"\0")
        while len(unused) < 6:
            more = self._stream.read(CHUNK)
            if not more:
                break
            unused = (unused + more).lstrip(b"\0")
        if not unused:
            self._done = True
            return
        if detect(unused) != self._name:
            raise BadCompression(f"{self._name} data is followed by something else: invalid header")
        self._data = unused
        self._current = self._make()


def _factory(name: str) -> Callable[[], Decompressor]:
    if name == "gzip":
        from isal.igzip_lib import DECOMP_GZIP, IgzipDecompressor

        return lambda: IgzipDecompressor(DECOMP_GZIP)
    if name == "bzip2":
        from bz2 import BZ2Decompressor

        return BZ2Decompressor
    from lzma import FORMAT_XZ, LZMADecompressor

    # 68 MiB: what xz -9 needs (xz(1)), the most that its presets ask for.
    return lambda: LZMADecompressor(FORMAT_XZ, memlimit=68 << 20)


class ZstdReader:
    """zstd: frames, one after the other, skippable ones included (as zstd:chunked has them)."""

    __slots__ = ("_frames", "_reader")

    def __init__(self, stream: Readable) -> None:
        from zstandard import ZstdDecompressor

        self._frames = _Frames(stream)
        self._reader = ZstdDecompressor(max_window_size=1 << 27).stream_reader(
            self._frames,  # type: ignore[arg-type]
            read_size=CHUNK,
            read_across_frames=True,
        )

    def read(self, n: int = CHUNK, /) -> bytes:
        """Up to n inflated bytes, ``b""`` after the last frame."""
        from zstandard import ZstdError

        try:
            piece: bytes = self._reader.read(n)
        except ZstdError as error:
            raise BadCompression(f"zstd data is damaged: {error}") from None
        if not piece and n and not self._frames.at_boundary():
            raise TruncatedArchive("zstd data ends too early: unexpected EOF")
        return piece


class _Frames:
    """Passes zstd data through and walks its block headers: the library itself takes an early end for a good one."""

    __slots__ = ("_head", "_need", "_skip", "_state", "_stream", "_sum")

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self._head = b""
        self._need = 4
        self._skip = 0
        self._state = "magic"
        self._sum = 0

    def at_boundary(self) -> bool:
        """Whether the bytes so far end with a whole frame."""
        return self._state == "magic" and not self._head and not self._skip

    def read(self, n: int = -1, /) -> bytes:
        data = self._stream.read(n)
        at, end = 0, len(data)
        while at < end:
            if self._skip:
                step = min(self._skip, end - at)
                self._skip -= step
                at += step
                continue
            missing = self._need - len(self._head)
            self._head += data[at : at + missing]
            at += missing
            if len(self._head) >= self._need:
                self._step(self._head)
        return data

    def _step(self, head: bytes) -> None:
        self._head = b""
        if self._state == "magic":
            if head == b"\x28\xb5\x2f\xfd":
                self._state, self._need = "descriptor", 1
            elif 0x50 <= head[0] <= 0x5F and head[1:] == b"\x2a\x4d\x18":
                self._state, self._need = "skippable", 4
            else:
                raise BadCompression("zstd data is followed by something else: invalid header")
        elif self._state == "skippable":
            self._skip = int.from_bytes(head, "little")
            self._state, self._need = "magic", 4
        elif self._state == "descriptor":
            flags = head[0]
            single = flags >> 5 & 1
            self._sum = 4 * (flags >> 2 & 1)
            content = (1 if single else 0, 2, 4, 8)[flags >> 6]
            self._skip = (0 if single else 1) + (0, 1, 2, 4)[flags & 3] + content
            self._state, self._need = "block", 3
        else:
            header = int.from_bytes(head, "little")
            kind = header >> 1 & 3
            self._skip = 1 if kind == 1 else header >> 3
            if header & 1:
                self._skip += self._sum
                self._state, self._need = "magic", 4


class GzipWriter:
    """Compresses to a binary file object as gzip; level 0-3, those of isal (2: a third of zlib -6's time at 90 % of its gain)."""

    __slots__ = ("_compressor", "_file")

    def __init__(self, file: Writable, level: int = 2) -> None:
        from isal import isal_zlib

        self._file = file
        self._compressor: Any = isal_zlib.compressobj(min(level, 3), isal_zlib.DEFLATED, 31)

    def write(self, data: bytes | memoryview, /) -> int:
        """Takes bytes; passes on what comes out."""
        out = self._compressor.compress(data)
        if out:
            self._file.write(out)
        return len(data)

    def close(self) -> None:
        """Ends the gzip member; the file object stays open."""
        self._file.write(self._compressor.flush())


class ZlibWriter(GzipWriter):
    """gzip at one of zlib's own levels (1-9), for callers who ask for a small result instead of a fast one."""

    __slots__ = ()

    def __init__(self, file: Writable, level: int = 6) -> None:
        from zlib import DEFLATED, compressobj

        self._file = file
        self._compressor = compressobj(level, DEFLATED, 31)


class ZstdWriter:
    """Compresses to a binary file object as one zstd frame; level 1-22, threads as zstd -T (0: none, -1: one a processor)."""

    __slots__ = ("_compressor", "_file")

    def __init__(self, file: Writable, level: int = 3, threads: int = 0) -> None:
        from zstandard import ZstdCompressor

        self._file = file
        self._compressor = ZstdCompressor(level=level, threads=threads, write_checksum=True).compressobj()

    def write(self, data: bytes | memoryview, /) -> int:
        """Takes bytes; passes on what comes out."""
        out = self._compressor.compress(data)
        if out:
            self._file.write(out)
        return len(data)

    def close(self) -> None:
        """Ends the frame; the file object stays open."""
        self._file.write(self._compressor.flush())


def open_compressor(file: Writable, name: str, level: int | None = None) -> GzipWriter | ZstdWriter:
    """A writer (``write``, ``close``) for ``gzip`` or ``zstd``; level None is fast with a good ratio.

    gzip levels 1-9 are those of gzip(1); zstd levels 1-22 those of zstd(1). ValueError for other names.
    """
    if name == "gzip":
        return GzipWriter(file) if level is None or level < 1 else ZlibWriter(file, min(level, 9))
    if name in ("zstd", "zstd:chunked"):
        return ZstdWriter(file, 3 if level is None else level, threads=-1)
    raise ValueError(f'compression "{name}" cannot be written; use gzip or zstd')
