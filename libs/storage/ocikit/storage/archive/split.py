"""tar-split: what of a tar stream is not file contents, so that a layer can be re-created bit for bit.

Format and segmentation: storage format, section 6 (one JSON object per line, gzip around it).
"""

from __future__ import annotations

import os
from binascii import a2b_base64, b2a_base64

from fastcrc import crc64
from isal import isal_zlib

from .errors import SplitError
from .reader import CHUNK, TarReader, show
from .streams import PieceStream, gather

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol

    from .reader import Readable

    class Writable(Protocol):
        def write(self, data: bytes, /) -> object: ...


checksum = crc64.go_iso
"""CRC-64 (ISO 3309) of bytes; a second argument continues an earlier one."""

# The characters that JSON (with Go's HTML escapes) writes as they are: nearly every name has no other.
_PLAIN = bytes(byte for byte in range(0x20, 0x7F) if byte not in b'"\\<>&')

_FLUSH = 1 << 18
_MAX_SEGMENT = 1 << 20


class SplitWriter:
    """Writes ``<layer>.tar-split.gz`` to a binary file object: ``entry`` per tar entry, then ``tail`` and ``close``.

    The file object is not closed. Compression is gzip level 1 through isal, in blocks of 256 KiB of text.
    """

    __slots__ = ("_compressor", "_file", "_lines", "_pending", "position")

    def __init__(self, file: Writable) -> None:
        self._file = file
        self._compressor = isal_zlib.compressobj(1, isal_zlib.DEFLATED, 31)
        self._lines: list[bytes] = []
        self._pending = 0
        self.position = 0

    def entry(self, segment: bytes, name: bytes, size: int, crc: int) -> None:
        """The raw bytes up to and with an entry's header, the entry's name, its payload's length and checksum."""
        label = _label(name) if name.translate(None, _PLAIN) or not name else b'"name":"%b"' % name
        position = self.position
        payload = b2a_base64(segment, newline=False)
        if size:
            line = (
                b'{"type":2,"payload":"%b","position":%d}\n{"type":1,%b,"size":%d,"payload":"%b","position":%d}\n'
                % (
                    payload,
                    position,
                    label,
                    size,
                    b2a_base64(crc.to_bytes(8, "big"), newline=False),
                    position + 1,
                )
            )
        else:
            if label:
                label += b","
            line = b'{"type":2,"payload":"%b","position":%d}\n{"type":1,%b"payload":null,"position":%d}\n' % (
                payload,
                position,
                label,
                position + 1,
            )
        self.position = position + 2
        self._lines.append(line)
        self._pending += len(line)
        if self._pending > _FLUSH:
            self._flush()

    def raw(self, segment: bytes) -> None:
        """Bytes that belong to no stored file: the archive's end, or a payload that nothing on disk keeps."""
        for start in range(0, len(segment) or 1, _MAX_SEGMENT):
            payload = b2a_base64(segment[start : start + _MAX_SEGMENT], newline=False)
            line = b'{"type":2,"payload":"%b","position":%d}\n' % (payload, self.position)
            self.position += 1
            self._lines.append(line)
            self._pending += len(line)
            if self._pending > _FLUSH:
                self._flush()

    def tail(self, reader: TarReader) -> None:
        """After the last entry: the terminator and everything behind it, to the end of the input."""
        if reader.segment:
            self.raw(reader.segment)
        pending = bytearray()
        while piece := reader.rest():
            pending += piece
            while len(pending) >= _MAX_SEGMENT:
                self.raw(bytes(pending[:_MAX_SEGMENT]))
                del pending[:_MAX_SEGMENT]
        if pending:
            self.raw(bytes(pending))
        self.raw(b"")  # the Go tools end with an empty segment

    def _flush(self) -> None:
        data = self._compressor.compress(b"".join(self._lines))
        self._lines.clear()
        self._pending = 0
        if data:
            self._file.write(data)

    def close(self) -> None:
        """Writes the last block; the caller syncs and closes the file."""
        self._flush()
        self._file.write(self._compressor.flush())


def _label(name: bytes) -> bytes:
    if not name:
        return b""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return b'"name_raw":"' + b2a_base64(name, newline=False) + b'"'
    from json import dumps

    quoted = dumps(text, ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        quoted = quoted.replace(char, f"\\u{ord(char):04x}")
    return b'"name":' + quoted.encode()


def lost(name: bytes) -> bool:
    """Whether contents under this name cannot be found again on disk: those of whiteouts, and of names that climb out."""
    return name.rpartition(b"/")[2][:4] == b".wh." or (b".." in name and os.path.normpath(name)[:2] == b"..")


def split_only(stream: Readable, file: Writable) -> None:
    """Writes the tar-split of a tar stream without unpacking it: contents are only summed."""
    reader, writer = TarReader(stream, record=True), SplitWriter(file)
    while reader.next():
        if reader.sparse is not None or lost(reader.name):
            writer.entry(reader.segment, reader.name, 0, 0)
            while piece := reader.take():
                writer.raw(bytes(piece))
            continue
        size, segment, crc = reader.size, reader.segment, None
        while piece := reader.take():
            crc = checksum(piece) if crc is None else checksum(piece, crc)
        writer.entry(segment, reader.name, size, crc or 0)
    writer.tail(reader)
    writer.close()


class SplitReader:
    """Iterates over the records of a tar-split file (gzip or plain): bytes are segments, tuples are ``(name, size, crc)``."""

    __slots__ = ("_stream",)

    def __init__(self, stream: Readable) -> None:
        from .compression import open_decompressed

        self._stream = open_decompressed(stream)[0]

    def __iter__(self) -> Iterator[bytes | tuple[bytes, int, int]]:
        from json import loads

        rest = b""
        number = 0
        while chunk := self._stream.read(CHUNK):
            lines = (rest + chunk).split(b"\n")
            rest = lines.pop()
            if len(rest) > 64 << 20:
                raise SplitError("tar-split data has a line of more than 64 MiB")
            for line in lines:
                number += 1
                try:
                    record = loads(line)
                    yield _record(record)
                except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                    raise SplitError(f"tar-split data is damaged in line {number}") from None
        if rest:
            raise SplitError("tar-split data ends within a line")


def _record(record: dict[str, object]) -> bytes | tuple[bytes, int, int]:
    payload = record.get("payload") or ""
    if not isinstance(payload, str):
        raise TypeError
    data = a2b_base64(payload, strict_mode=True)
    if record["type"] == 2:
        return data
    if record["type"] != 1:
        raise ValueError
    raw = record.get("name_raw")
    name = a2b_base64(raw, strict_mode=True) if isinstance(raw, str) else str(record.get("name", "")).encode()
    size = record.get("size", 0)
    if not isinstance(size, int) or size < 0 or (size and len(data) != 8):
        raise ValueError
    return name, size, int.from_bytes(data, "big")


def assemble(split: Readable, open_member: Callable[[bytes], int]) -> PieceStream:
    """The original tar stream, from tar-split data and the stored files.

    open_member: gives a readable descriptor for an entry's name (as in the tar); it is closed here. Raises SplitError when
    a file is missing, has another length or another checksum than was recorded.
    """
    return PieceStream(gather(_pieces(split, open_member)))


def _pieces(split: Readable, open_member: Callable[[bytes], int]) -> Iterator[bytes]:
    for record in SplitReader(split):
        if isinstance(record, bytes):
            yield record
        elif record[1]:
            yield from _contents(record, open_member)


def _contents(record: tuple[bytes, int, int], open_member: Callable[[bytes], int]) -> Iterator[bytes]:
    name, left, expected = record
    try:
        fd = open_member(name)
    except OSError as error:
        raise SplitError(f"layer file {show(name)} cannot be read: {error.strerror}") from error
    try:
        crc: int | None = None
        while left:
            data = os.read(fd, min(left, CHUNK))
            if not data:
                raise SplitError(f"layer file {show(name)} is {left} bytes shorter than recorded")
            left -= len(data)
            crc = checksum(data) if crc is None else checksum(data, crc)
            yield data
        if crc != expected:
            raise SplitError(f"file integrity checksum failed for {show(name)!r}")
        if os.read(fd, 1):
            raise SplitError(f"layer file {show(name)} is longer than recorded")
    finally:
        os.close(fd)


def open_in(*directories: int) -> Callable[[bytes], int]:
    """An ``open_member`` for assemble(): the first of the directories (descriptors, nearest layer first) that has the name."""
    from .beneath import open_file_beneath

    def open_member(name: bytes) -> int:
        last: OSError | None = None
        for directory in directories:
            try:
                return open_file_beneath(directory, name)
            except OSError as error:
                last = error
        raise last or FileNotFoundError(2, "no directory to look in")

    return open_member
