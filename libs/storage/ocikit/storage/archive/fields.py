"""Numbers, strings and extended records of tar headers: pure functions, no I/O.

Sources: POSIX.1-2017 pax(1) "ustar Interchange Format" and "pax Extended Header"; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

from .errors import BadHeader

BLOCK = 512
ZERO_BLOCK = bytes(BLOCK)

# Type flags, as the byte's value: comparing ints is what the reading loop does most.
REGULAR_OLD = 0
REGULAR = 0x30
HARDLINK = 0x31
SYMLINK = 0x32
CHARDEV = 0x33
BLOCKDEV = 0x34
DIRECTORY = 0x35
FIFO = 0x36
CONTIGUOUS = 0x37
GNU_SPARSE = 0x53  # S
GNU_LONGNAME = 0x4C  # L
GNU_LONGLINK = 0x4B  # K
PAX_HEADER = 0x78  # x
PAX_GLOBAL = 0x67  # g

HEADER_ONLY = frozenset((HARDLINK, SYMLINK, CHARDEV, BLOCKDEV, DIRECTORY, FIFO))

# The largest extended header, long name or sparse map believed, and the most of them before one entry: what a hostile
# archive can make us hold. GNU tar and Go's archive/tar use the same 1 MiB for one header.
MAX_META = 1 << 20
MAX_META_TOTAL = 4 << 20

_INT64_MAX = (1 << 63) - 1


def parse_number(field: bytes) -> int:
    """A numeric header field: octal text, or base-256 when the first byte's top bit is set.

    Raises BadHeader for anything else, and for base-256 numbers outside signed 64 bits.
    """
    text = field.strip(b" \0")
    if text.isdigit():
        try:
            return int(text, 8)
        except ValueError:
            raise BadHeader(f"tar header holds the number {text!r}, which is not octal") from None
    if field and field[0] & 0x80:
        # Two's complement over the whole field, the marker bit excluded: bit 6 of the first byte is the sign.
        value = int.from_bytes(field, "big") & ((1 << (len(field) * 8 - 1)) - 1)
        if field[0] & 0x40:
            value -= 1 << (len(field) * 8 - 1)
        if not -_INT64_MAX - 1 <= value <= _INT64_MAX:
            raise BadHeader("tar header holds a base-256 number that does not fit 64 bits")
        return value
    text = text.partition(b"\0")[0].strip(b" ")
    if not text:
        return 0
    if not text.isdigit():
        raise BadHeader(f"tar header holds {text[:16]!r} where a number belongs")
    try:
        return int(text, 8)
    except ValueError:
        raise BadHeader(f"tar header holds the number {text!r}, which is not octal") from None


def int_octal(text: bytes) -> int:
    """Octal digits as a number; BadHeader for an 8 or 9."""
    try:
        return int(text, 8)
    except ValueError:
        raise BadHeader(f"tar header holds the number {text!r}, which is not octal") from None


def size_of(field: bytes) -> int:
    """A header's size field; negative (base-256) sizes are refused."""
    text = field.strip(b" \0")
    size = int_octal(text) if text.isdigit() else parse_number(field)
    if size < 0:
        raise BadHeader("tar header has a negative size")
    return size


def check_signed(block: bytes, field: bytes) -> None:
    """The slow second look at a checksum: some old writers summed signed bytes."""
    announced = parse_number(field)
    rest = block[:148] + b" " * 8 + block[156:]
    if announced != sum(rest) and announced != sum(byte - 256 if byte > 127 else byte for byte in rest):
        raise BadHeader("tar header has a wrong checksum: invalid tar header")


def cut(field: bytes) -> bytes:
    """The text of a NUL-padded field."""
    end = field.find(b"\0")
    return field if end < 0 else field[:end]


def parse_decimal(value: bytes, what: str) -> int:
    """A decimal integer of an extended record, optionally negative."""
    digits = value[1:] if value[:1] == b"-" else value
    if not digits.isdigit() or len(digits) > 20:
        raise BadHeader(f"extended tar header has {what}={value[:32]!r}, which is not a number")
    number = int(value)
    if not -_INT64_MAX - 1 <= number <= _INT64_MAX:
        raise BadHeader(f"extended tar header has {what}={number}, which does not fit 64 bits")
    return number


def parse_time(value: bytes, what: str = "mtime") -> int:
    """``1350244992.023960108`` as integer nanoseconds; digits beyond the ninth are dropped."""
    seconds, _, fraction = value.partition(b".")
    whole = parse_decimal(seconds, what)
    if not fraction:
        return whole * 1_000_000_000
    if not fraction.isdigit():
        raise BadHeader(f"extended tar header has {what}={value[:32]!r}, which is not a time")
    nanoseconds = int(fraction[:9].ljust(9, b"0"))
    return whole * 1_000_000_000 + (-nanoseconds if seconds[:1] == b"-" else nanoseconds)


def format_time(nanoseconds: int) -> bytes:
    """The inverse of parse_time, without trailing zeros."""
    sign, magnitude = (b"-", -nanoseconds) if nanoseconds < 0 else (b"", nanoseconds)
    whole, fraction = divmod(magnitude, 1_000_000_000)
    text = sign + b"%d" % whole
    return text + b"." + (b"%09d" % fraction).rstrip(b"0") if fraction else text


def parse_records(body: bytes) -> tuple[dict[bytes, bytes], list[tuple[bytes, bytes]]]:
    """The ``LENGTH KEY=VALUE\\n`` records of one extended header.

    Returns the records by key (the last of a key wins; an empty value deletes it) and, in order, those of the GNU sparse
    formats that repeat their keys. Raises BadHeader when a length or separator is wrong.
    """
    records: dict[bytes, bytes] = {}
    sparse: list[tuple[bytes, bytes]] = []
    position, end = 0, len(body)
    while position < end:
        space = body.find(b" ", position, position + 20)
        digits = body[position:space] if space > position else b""
        if not digits.isdigit():
            raise BadHeader("extended tar header has a record without length")
        stop = position + int(digits)
        if stop > end or stop <= space + 2 or body[stop - 1] != 0x0A:
            raise BadHeader("extended tar header has a record of wrong length")
        key, equals, value = body[space + 1 : stop - 1].partition(b"=")
        if not equals or not key:
            raise BadHeader("extended tar header has a record without key")
        if b"\0" in (value if key in _TEXT_KEYS else key):
            raise BadHeader(f"extended tar header has a NUL byte in {key[:64]!r}")
        if key in (b"GNU.sparse.offset", b"GNU.sparse.numbytes"):
            sparse.append((key, value))
        elif value:
            records[key] = value
        else:
            records.pop(key, None)
        position = stop
    return records, sparse


_TEXT_KEYS = frozenset((b"path", b"linkpath", b"uname", b"gname", b"GNU.sparse.name"))


def format_records(records: dict[bytes, bytes]) -> bytes:
    """One extended header's body, keys sorted (as the Go tools write them)."""
    out = []
    for key in sorted(records):
        rest = b" " + key + b"=" + records[key] + b"\n"
        length = len(rest) + len(str(len(rest)))
        if len(str(length)) + len(rest) != length:  # the length counts its own digits
            length += 1
        out.append(b"%d" % length + rest)
    return b"".join(out)


def clean_path(name: bytes) -> bytes:
    """The path beneath the root that an entry's name means; ``b""`` is the root itself.

    Leading slashes and ``..`` that would climb out are dropped, as the Go tools do (storage format, 11.2).
    """
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
        elif part and part != b".":
            parts.append(part)
    return b"/".join(parts)
