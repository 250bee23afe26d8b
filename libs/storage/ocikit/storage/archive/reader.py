"""Reading a tar stream: one loop, one reused object, no copy of the contents.

    reader = TarReader(stream)
    while reader.next():
        print(reader.name, reader.size)
        while piece := reader.take():
            ...

Understands ustar, V7, star prefixes, PAX, GNU long names, base-256 numbers and the GNU sparse formats. All names are bytes.
"""

from __future__ import annotations

from struct import Struct
from zlib import adler32

from .errors import BadHeader, TruncatedArchive
from .fields import (
    BLOCK,
    DIRECTORY,
    GNU_LONGLINK,
    GNU_LONGNAME,
    GNU_SPARSE,
    HEADER_ONLY,
    MAX_META,
    MAX_META_TOTAL,
    PAX_GLOBAL,
    PAX_HEADER,
    REGULAR,
    REGULAR_OLD,
    ZERO_BLOCK,
    check_signed,
    cut,
    int_octal,
    parse_decimal,
    parse_number,
    parse_records,
    parse_time,
    size_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Readable(Protocol):
        """Anything with ``read``: at most n bytes, ``b""`` at the end."""

        def read(self, n: int, /) -> bytes: ...


CHUNK = 1 << 18
_EMPTY = memoryview(b"")
_unpack_header = Struct("100s8s8s8s12s12s8sB100s8s64x8s8s155s12x").unpack_from
_NOTHING: dict[bytes, bytes] = {}
_META = frozenset((PAX_HEADER, PAX_GLOBAL, GNU_LONGNAME, GNU_LONGLINK))
_XATTR = b"SCHILY.xattr."


class TarReader:
    """The entries of a tar stream, one after the other; the attributes describe the current one.

    name, linkname: bytes as in the header (after extended headers). type: the type flag's byte value (``fields.REGULAR``...;
    old-style and sparse files are reported as REGULAR, old-style names ending in a slash as DIRECTORY).
    size: bytes of the file when unpacked. mtime_ns, atime_ns, ctime_ns: nanoseconds, the latter two None when absent.
    pax: the records of the entry's extended header. sparse: None or the stored pieces ``(offset, length)``; take() then
    yields the stored bytes only. consumed: bytes of the stream read so far.

    With ``record=True`` each next() leaves in ``segment`` the raw bytes since the previous payload (what tar-split keeps),
    and at the end those of the terminator; ``rest()`` then yields what follows it.
    """

    __slots__ = (
        "_buf",
        "_end",
        "_header",
        "_left",
        "_pad",
        "_parts",
        "_pos",
        "_read",
        "_record",
        "_seg",
        "_start",
        "_view",
        "atime_ns",
        "consumed",
        "ctime_ns",
        "devmajor",
        "devminor",
        "gid",
        "linkname",
        "mode",
        "mtime_ns",
        "name",
        "numbers",
        "pax",
        "segment",
        "size",
        "sparse",
        "type",
        "uid",
    )

    def __init__(self, stream: Readable, *, record: bool = False) -> None:
        self._read = stream.read
        self._buf = self._header = b""
        self._view = _EMPTY
        self._pos = self._end = self._seg = self._start = 0
        self._left = self._pad = 0
        self.consumed = 0
        self._record = record
        self._parts: list[bytes] = []
        self.segment = b""
        self.name = self.linkname = b""
        self.type = self.mode = self.uid = self.gid = self.size = self.mtime_ns = 0
        self.atime_ns: int | None = None
        self.ctime_ns: int | None = None
        self.devmajor = self.devminor = 0
        self.pax = _NOTHING
        self.sparse: list[tuple[int, int]] | None = None
        self.numbers: dict[bytes, int] = {}

    # -- bytes ----------------------------------------------------------------------------------------------------------

    def _more(self, need: int) -> bool:
        """Makes ``need`` bytes available from the position on; False when the input ends before."""
        pos = self._pos
        if self._record and self._seg < pos:
            self._parts.append(self._buf[self._seg : pos])
        pieces = [self._buf[pos:]] if pos < self._end else []
        have = self._end - pos
        while have < need:
            chunk = self._read(CHUNK)
            if not chunk:
                break
            pieces.append(chunk)
            have += len(chunk)
            self.consumed += len(chunk)
        buf = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        self._buf, self._view = buf, memoryview(buf)
        self._pos = self._seg = 0
        self._end = have
        return have >= need

    def _cut_segment(self) -> None:
        segment = self._buf[self._seg : self._pos]
        if self._parts:
            self._parts.append(segment)
            segment = b"".join(self._parts)
            self._parts.clear()
        self.segment = segment
        self._seg = self._pos

    @property
    def left(self) -> int:
        """Stored bytes of the current entry that take() has not yet given."""
        return self._left

    def take(self, limit: int = 1 << 62) -> memoryview:
        """The next piece of the entry's stored bytes, as long as the buffer allows; empty at its end."""
        left = self._left
        if not left:
            return _EMPTY
        pos = self._pos
        have = self._end - pos
        if not have:
            chunk = self._read(CHUNK)
            if not chunk:
                raise TruncatedArchive(f"tar archive ends within {show(self.name)}: unexpected EOF")
            self._buf, self._view = chunk, memoryview(chunk)
            self._end = have = len(chunk)
            self.consumed += have
            pos = 0
        if limit < have:
            have = limit
        stop = pos + (left if left < have else have)
        self._left = left - stop + pos
        self._pos = self._seg = stop
        return self._view[pos:stop]

    def read(self, n: int = -1, /) -> bytes:
        """n stored bytes of the entry (fewer only at its end; all without n)."""
        if n < 0 or n > self._left:
            n = self._left
        out = []
        while n:
            piece = self.take(n)
            out.append(piece)
            n -= len(piece)
        return b"".join(out)

    def rest(self) -> memoryview:
        """After the last entry: what follows the terminator, piece by piece; empty at the end of the input."""
        if self._pos == self._end:
            chunk = self._read(CHUNK)
            self._buf, self._view = chunk, memoryview(chunk)
            self._pos, self._end = 0, len(chunk)
            self.consumed += len(chunk)
        piece = self._view[self._pos : self._end]
        self._pos = self._seg = self._end
        return piece

    def _block(self) -> bytes:
        """One more block that belongs to the entry's header."""
        if self._end - self._pos < BLOCK and not self._more(BLOCK):
            raise TruncatedArchive("tar archive ends within a header: unexpected EOF")
        pos = self._pos
        self._pos = pos + BLOCK
        return self._buf[pos : pos + BLOCK]

    def _data_block(self) -> bytes:
        if self._left < BLOCK:
            raise BadHeader(f"tar entry {show(self.name)} has a sparse map longer than its data")
        self._left -= BLOCK
        return self._block()

    def _meta_body(self, length: int, leave_padding: bool) -> bytes:
        padded = length + (-length & 511)
        if self._end - self._pos < padded and not self._more(padded) and self._end < length:
            raise TruncatedArchive("tar archive ends within an extended header: unexpected EOF")
        pos = self._pos
        body = self._buf[pos : pos + length]
        if (
            leave_padding
        ):  # a global header is an entry of its own for tar-split, its padding belongs to the next segment
            self._pos = pos + length
            self._pad = padded - length
        else:
            self._pos = min(pos + padded, self._end)
        return body

    # -- entries --------------------------------------------------------------------------------------------------------

    def next(self) -> bool:
        """Goes to the next entry, past whatever was not taken of this one; False after the last."""
        while self._left:
            self.take()
        pos = self._pos + self._pad
        if pos <= self._end:
            self._pos = pos
        else:  # the padding of the last entry may be missing
            self._more(self._pad)
            self._pos = min(self._pad, self._end)
        self._pad = 0
        pax: dict[bytes, bytes] = _NOTHING
        repeated: list[tuple[bytes, bytes]] = []
        longname = longlink = b""
        meta = 0
        while True:
            pos = self._pos
            if self._end - pos < BLOCK:
                if not self._more(BLOCK):
                    if self._end:
                        raise TruncatedArchive("tar archive ends within a header: unexpected EOF")
                    return self._finish()
                pos = 0
            buf = self._buf
            name, mode, uid, gid, size, mtime, checksum, kind, link, magic, major, minor, prefix = _unpack_header(
                buf, pos
            )
            if not buf[pos] and buf[pos : pos + BLOCK] == ZERO_BLOCK:
                return self._terminator()
            # adler32's low half is 1 + the sum of the bytes mod 65521: 0.3 us instead of 5 for sum(). The checksum field
            # itself counts as eight spaces.
            text = checksum.strip(b" \0")
            total = adler32(self._view[pos : pos + BLOCK]) & 0xFFFF
            if not text.isdigit() or (int_octal(text) - 255 + sum(checksum)) % 65521 != total:
                check_signed(buf[pos : pos + BLOCK], checksum)
            self._start = pos
            self._header = buf
            self._pos = pos + BLOCK
            text = size.strip(b" \0")
            length = int_octal(text) if text.isdigit() else size_of(size)
            if kind not in _META:
                break
            meta += length + BLOCK
            if length > MAX_META or meta > MAX_META_TOTAL:
                raise BadHeader(f"tar archive has an extended header of {length} bytes: header field too long")
            body = self._meta_body(length, kind == PAX_GLOBAL)
            if kind == PAX_GLOBAL:
                self._global(cut(name), parse_records(body)[0])
                return True
            if kind == PAX_HEADER:
                pax, repeated = parse_records(body)
            elif kind == GNU_LONGNAME:
                longname = cut(body)
            else:
                longlink = cut(body)
        numbers = self.numbers
        try:
            self.mode, self.uid, self.gid = numbers[mode], numbers[uid], numbers[gid]
        except KeyError:
            if len(numbers) > 4096:
                numbers.clear()
            self.mode = numbers[mode] = parse_number(mode)
            self.uid = numbers[uid] = parse_number(uid)
            self.gid = numbers[gid] = parse_number(gid)
        text = mtime.strip(b" \0")
        self.mtime_ns = (int_octal(text) if text.isdigit() else parse_number(mtime)) * 1_000_000_000
        self.atime_ns = self.ctime_ns = None
        end = name.find(0)
        if end >= 0:
            name = name[:end]
        link = cut(link) if link[0] else b""
        if magic == b"ustar\x0000":
            if prefix[0]:
                if buf[pos + 508 : pos + BLOCK] == b"tar\0":
                    self.atime_ns = parse_number(buf[pos + 476 : pos + 488]) * 1_000_000_000
                    self.ctime_ns = parse_number(buf[pos + 488 : pos + 500]) * 1_000_000_000
                    prefix = prefix[:131]
                if prefix[0]:
                    name = cut(prefix) + b"/" + name
            self._devices(kind, major, minor)
        elif magic == b"ustar  \0":
            self._devices(kind, major, minor)
            if prefix[0]:
                self.atime_ns = parse_number(prefix[:12]) * 1_000_000_000
            if prefix[12]:
                self.ctime_ns = parse_number(prefix[12:24]) * 1_000_000_000
        else:
            self.devmajor = self.devminor = 0
        self.name, self.linkname = name, link
        self.pax = pax
        if pax:
            length = self._merge(pax, length)
        if longname:
            self.name = longname
        if longlink:
            self.linkname = longlink
        if length < 0:
            raise BadHeader(f"tar entry {show(self.name)} has a negative size")
        if kind == REGULAR_OLD:
            kind = DIRECTORY if self.name[-1:] == b"/" else REGULAR
        elif kind in HEADER_ONLY:
            length = 0
        self.type = kind
        self.size = self._left = length
        self._pad = -length & 511
        self.sparse = None
        if kind == GNU_SPARSE or (pax and (b"GNU.sparse.major" in pax or b"GNU.sparse.size" in pax)):
            self._sparse(kind, pax, repeated)
        if self._record:
            self._cut_segment()
        return True

    def _devices(self, kind: int, major: bytes, minor: bytes) -> None:
        if kind == 0x33 or kind == 0x34:
            self.devmajor, self.devminor = parse_number(major), parse_number(minor)
        else:
            self.devmajor = self.devminor = 0

    def _merge(self, pax: dict[bytes, bytes], length: int) -> int:
        for key, value in pax.items():
            if key == b"path":
                self.name = value
            elif key == b"linkpath":
                self.linkname = value
            elif key == b"mtime":
                self.mtime_ns = parse_time(value)
            elif key == b"atime":
                self.atime_ns = parse_time(value, "atime")
            elif key == b"ctime":
                self.ctime_ns = parse_time(value, "ctime")
            elif key == b"size":
                length = parse_decimal(value, "size")
            elif key == b"uid":
                self.uid = parse_decimal(value, "uid")
            elif key == b"gid":
                self.gid = parse_decimal(value, "gid")
        return length

    def _sparse(self, kind: int, pax: dict[bytes, bytes], repeated: list[tuple[bytes, bytes]]) -> None:
        from .sparse import check_map, old_gnu_map, pax_0_map, pax_1_map

        self.name = pax.get(b"GNU.sparse.name", self.name)
        if kind == GNU_SPARSE:
            header = self._header[self._start : self._start + BLOCK]
            pieces, size = old_gnu_map(header, self._block)
        elif (pax.get(b"GNU.sparse.major"), pax.get(b"GNU.sparse.minor")) == (b"1", b"0"):
            size = parse_decimal(pax.get(b"GNU.sparse.realsize", b"-1"), "GNU.sparse.realsize")
            pieces = pax_1_map(self._data_block)
        elif b"GNU.sparse.size" in pax:
            pieces, size = pax_0_map(pax, repeated)
        else:
            raise BadHeader(f"tar entry {show(self.name)} has a sparse format that is not known")
        if size < 0:
            raise BadHeader(f"tar entry {show(self.name)} has a negative size")
        self.sparse = check_map(pieces, size, self._left)
        self.size = size
        self.type = REGULAR

    def _global(self, name: bytes, records: dict[bytes, bytes]) -> None:
        self.name, self.linkname, self.type = name, b"", PAX_GLOBAL
        self.mode = self.uid = self.gid = self.size = self.mtime_ns = self.devmajor = self.devminor = self._left = 0
        self.atime_ns = self.ctime_ns = self.sparse = None
        self.pax = records
        if self._record:
            self._cut_segment()

    def _terminator(self) -> bool:
        self._pos += BLOCK
        if self._end - self._pos < BLOCK and not self._more(BLOCK):
            if self._end - self._pos:
                raise TruncatedArchive("tar archive ends within its end marker: unexpected EOF")
        elif self._buf[self._pos : self._pos + BLOCK] != ZERO_BLOCK:
            raise BadHeader("tar archive has a zero block where a header belongs: invalid tar header")
        else:
            self._pos += BLOCK
        return self._finish()

    def _finish(self) -> bool:
        if self._record:
            self._cut_segment()
        return False

    # -- what only some callers ask for ---------------------------------------------------------------------------------

    @property
    def uname(self) -> bytes:
        """The owner's name, ``b""`` when the header has none."""
        return self.pax.get(b"uname") or cut(self._header[self._start + 265 : self._start + 297])

    @property
    def gname(self) -> bytes:
        """The group's name, ``b""`` when the header has none."""
        return self.pax.get(b"gname") or cut(self._header[self._start + 297 : self._start + 329])

    @property
    def xattrs(self) -> dict[bytes, bytes]:
        """Extended attributes by full name (``user.x``, ``security.capability``), from ``SCHILY.xattr.*`` records."""
        if not self.pax:
            return _NOTHING
        return {key[13:]: value for key, value in self.pax.items() if key.startswith(_XATTR)}


def show(name: bytes) -> str:
    """An entry's name for an error message: printable, at most 200 characters."""
    text = name[:200].decode("utf-8", "backslashreplace")
    return repr(text)[1:-1] if not text.isprintable() else text
