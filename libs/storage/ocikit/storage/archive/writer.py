"""Writing tars with the headers that the Go tools write: ustar where it fits, else a PAX header before it, never GNU.

Source: storage format, 12.1; POSIX.1-2017 pax(1).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from zlib import adler32

from .errors import ArchiveError
from .fields import (
    BLOCK,
    BLOCKDEV,
    CHARDEV,
    DIRECTORY,
    PAX_GLOBAL,
    PAX_HEADER,
    REGULAR,
    ZERO_BLOCK,
    format_records,
    format_time,
)
from .reader import TarReader, show

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reader import Readable
    from .split import Writable

CHUNK = 1 << 18
_MAX_OCTAL7 = 0o7777777
_MAX_OCTAL11 = 0o77777777777


@dataclass(slots=True)
class TarHeader:
    """One entry's description, as values. name, linkname, uname, gname: bytes. mtime: whole seconds, or nanoseconds in mtime_ns.

    type: a type flag's byte value (``fields.REGULAR`` ...). xattrs: by full name. mtime_ns wins over mtime and is written
    with its fraction, in a PAX record; leave it None for what the Go tools write.
    """

    name: bytes
    type: int = REGULAR
    mode: int = 0o644
    uid: int = 0
    gid: int = 0
    size: int = 0
    mtime: int = 0
    linkname: bytes = b""
    devmajor: int = 0
    devminor: int = 0
    uname: bytes = b""
    gname: bytes = b""
    xattrs: dict[bytes, bytes] = field(default_factory=dict)
    mtime_ns: int | None = None

    def with_(self, **changes: object) -> TarHeader:
        """A changed copy."""
        return replace(self, **changes)  # type: ignore[arg-type]

    @classmethod
    def of(cls, reader: TarReader) -> TarHeader:
        """The entry that a reader stands at, to be kept or written again."""
        whole = reader.mtime_ns % 1_000_000_000 == 0
        return cls(
            reader.name,
            reader.type,
            reader.mode,
            reader.uid,
            reader.gid,
            reader.size,
            reader.mtime_ns // 1_000_000_000,
            reader.linkname,
            reader.devmajor,
            reader.devminor,
            reader.uname,
            reader.gname,
            dict(reader.xattrs),
            None if whole else reader.mtime_ns,
        )

    def encode(self) -> bytes:
        """The header block, with its PAX header before it when ustar cannot hold it. Pure."""
        if (
            len(self.name) <= 100
            and self.name.isascii()
            and not (self.xattrs or self.linkname or self.uname or self.gname or self.devmajor or self.devminor)
            and self.mtime_ns is None
            and 0 <= self.uid <= _MAX_OCTAL7
            and 0 <= self.gid <= _MAX_OCTAL7
            and 0 <= self.size <= _MAX_OCTAL11
            and 0 <= self.mtime <= _MAX_OCTAL11
        ):
            # Nearly every entry; one formatting instead of twenty calls makes a diff of small files a third faster.
            block = _USUAL % (
                self.name.ljust(100, b"\0"),
                self.mode & 0o7777,
                self.uid,
                self.gid,
                self.size,
                self.mtime,
                self.type,
            )
            return b"%b%06o\0 %b" % (block[:148], _sum(block), block[156:])
        records: dict[bytes, bytes] = {}
        needed = False
        name, prefix = self.name, b""
        if len(name) > 100 or not name.isascii():
            records[b"path"] = name
            split = _split_name(name)
            if split is None:
                needed = True
            else:
                prefix, name = split
        for key, text, room in (
            (b"linkpath", self.linkname, 100),
            (b"uname", self.uname, 32),
            (b"gname", self.gname, 32),
        ):
            if len(text) > room or not text.isascii():
                records[key] = text
                needed = True
        for key, number, most in (
            (b"uid", self.uid, _MAX_OCTAL7),
            (b"gid", self.gid, _MAX_OCTAL7),
            (b"size", self.size, _MAX_OCTAL11),
        ):
            if number > most:
                records[key] = b"%d" % number
                needed = True
            elif number < 0:
                raise ArchiveError(f"cannot write {show(self.name)} to a tar: its {key.decode()} is negative")
        mtime = self.mtime
        if self.mtime_ns is not None:
            mtime = self.mtime_ns // 1_000_000_000
            records[b"mtime"] = format_time(self.mtime_ns)
            needed = True
        elif not 0 <= mtime <= _MAX_OCTAL11:
            records[b"mtime"] = b"%d" % mtime
            needed = True
        if self.xattrs:
            needed = True
            for key, value in self.xattrs.items():
                if b"=" in key or b"\0" in key:
                    raise ArchiveError(
                        f"cannot write {show(self.name)} to a tar: its attribute {show(key)} has no legal name"
                    )
                records[b"SCHILY.xattr." + key] = value
        before = b""
        if needed:
            name, prefix = self.name, b""
            body = format_records(records)
            directory, slash, base = name.rpartition(b"/")
            label = directory + slash + b"PaxHeaders.0" + (b"/" + base if base else b"")
            before = _block(_ascii(label, 100).rstrip(b"/"), 0, 0, 0, len(body), 0, PAX_HEADER, meta=True)
            before += body + bytes(-len(body) % BLOCK)
        return before + _block(
            _ascii(name, 100),
            self.mode & 0o7777,
            self.uid,
            self.gid,
            self.size,
            mtime,
            self.type,
            linkname=_ascii(self.linkname, 100),
            uname=_ascii(self.uname, 32),
            gname=_ascii(self.gname, 32),
            devmajor=self.devmajor if self.type in (CHARDEV, BLOCKDEV) else 0,
            devminor=self.devminor if self.type in (CHARDEV, BLOCKDEV) else 0,
            prefix=prefix,
        )


def _split_name(name: bytes) -> tuple[bytes, bytes] | None:
    """A long name as ustar's prefix and name fields, or None."""
    if not name.isascii():
        return None
    end = min(len(name), 156)
    if len(name) <= 156 and name[-1:] == b"/":
        end -= 1
    at = name.rfind(b"/", 0, end)
    rest = len(name) - at - 1
    if at <= 0 or at > 155 or rest > 100 or rest == 0:
        return None
    return name[:at], name[at + 1 :]


def _ascii(text: bytes, room: int) -> bytes:
    """What an old reader sees of a text that stands in a PAX record."""
    if len(text) <= room and text.isascii():
        return text
    short = bytes(byte for byte in text if byte < 128)[:room]
    return short.rstrip(b"/") if len(text) > room and short.endswith(b"/") else short


def _block(
    name: bytes,
    mode: int,
    uid: int,
    gid: int,
    size: int,
    mtime: int,
    kind: int,
    *,
    linkname: bytes = b"",
    uname: bytes = b"",
    gname: bytes = b"",
    devmajor: int = 0,
    devminor: int = 0,
    prefix: bytes = b"",
    meta: bool = False,
) -> bytes:
    numbers = b"%07o\0%07o\0%07o\0%011o\0%011o\0" % (
        mode,
        uid if uid <= _MAX_OCTAL7 else 0,
        gid if gid <= _MAX_OCTAL7 else 0,
        size if size <= _MAX_OCTAL11 else 0,
        mtime if 0 <= mtime <= _MAX_OCTAL11 else 0,
    )
    devices = bytes(16) if meta else b"%07o\0%07o\0" % (devmajor, devminor)
    block = b"%b%b        %c%b%b%b%b%b%b%b" % (
        name.ljust(100, b"\0"),
        numbers,
        kind,
        linkname.ljust(100, b"\0"),
        b"ustar\x0000",
        uname.ljust(32, b"\0"),
        gname.ljust(32, b"\0"),
        devices,
        prefix.ljust(155, b"\0"),
        bytes(12),
    )
    return b"%b%06o\0 %b" % (block[:148], _sum(block), block[156:])


_USUAL = (
    b"%b%07o\0%07o\0%07o\0%011o\0%011o\0        %c"
    + bytes(100)
    + b"ustar\x0000"
    + bytes(64)
    + b"0000000\x000000000\0"
    + bytes(167)
)


def _sum(block: bytes) -> int:
    # The low half of adler32 is 1 + the sum of the bytes mod 65521, which 512 ASCII bytes do not reach: 15 times faster.
    return (adler32(block) & 0xFFFF) - 1 if block.isascii() else sum(block)


END = ZERO_BLOCK * 2


def padding(size: int) -> bytes:
    """What follows a payload up to the next block."""
    return bytes(-size % BLOCK)


class TarWriter:
    """Writes entries to a binary file object, which is not closed.

    with TarWriter(file) as tar:
        tar.add(TarHeader(b"etc/motd"), b"hello\\n")
        tar.add(TarHeader(b"big", size=size), stream)
    """

    __slots__ = ("_file", "_pending", "_size", "written")

    def __init__(self, file: Writable) -> None:
        self._file = file
        self._pending: list[bytes] = []
        self._size = 0
        self.written = 0

    def _put(self, data: bytes) -> None:
        self._pending.append(data)
        self._size += len(data)
        self.written += len(data)
        if self._size >= CHUNK:
            self.flush()

    def add(self, header: TarHeader, content: bytes | Readable | None = None) -> None:
        """One entry. Bytes set the header's size; of a stream exactly ``header.size`` bytes are taken."""
        if isinstance(content, bytes):
            if header.size != len(content):
                header = header.with_(size=len(content))
            self._put(header.encode() + content + padding(len(content)))
            return
        if header.type == DIRECTORY and not header.name.endswith(b"/"):
            header = header.with_(name=header.name + b"/")
        self._put(header.encode())
        left = header.size if header.type == REGULAR else 0
        if left and content is None:
            raise ArchiveError(f"cannot write {show(header.name)} to a tar: its {left} bytes are missing")
        while left and content is not None:
            piece = content.read(min(left, CHUNK))
            if not piece:
                raise ArchiveError(f"cannot write {show(header.name)} to a tar: it ends {left} bytes too early")
            self._put(piece)
            left -= len(piece)
        self._put(padding(header.size if header.type == REGULAR else 0))

    def add_global(self, records: dict[bytes, bytes]) -> None:
        """A global PAX header; its records hold for all that follow."""
        body = format_records(records)
        self._put(
            _block(b"pax_global_header", 0, 0, 0, len(body), 0, PAX_GLOBAL, meta=True) + body + padding(len(body))
        )

    def flush(self) -> None:
        """Hands gathered bytes to the file object."""
        if self._pending:
            self._file.write(b"".join(self._pending))
            self._pending.clear()
            self._size = 0

    def close(self) -> None:
        """Writes the end marker (two zero blocks, as the Go tools do)."""
        self._put(END)
        self.flush()

    def __enter__(self) -> TarWriter:
        return self

    def __exit__(self, kind: object, *rest: object) -> None:
        if kind is None:
            self.close()
