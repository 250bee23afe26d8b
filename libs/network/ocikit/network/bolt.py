"""Reading and writing small bbolt files: the format of ``ipam.db``, which the Go tools share with us.

Only what that needs: the whole file is read into nested dicts (key bytes -> value bytes, or a dict for a bucket) and
written anew, in one atomic rename. Both tools open the file only while they hold the network lock, so a fresh inode
surprises nobody, and a crash leaves either the old or the new file. Layout: 4 KiB pages; page 0 and 1 are meta pages, 2
an empty free list, then one leaf page (with overflow pages) per bucket. Files made by Go may have branch pages and
inline buckets; both are read.
"""

from __future__ import annotations

from struct import Struct

from .errors import NetworkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    Bucket: TypeAlias = "dict[bytes, bytes | Bucket]"

PAGE_SIZE = 4096
MAGIC = 0xED0CDAED
VERSION = 2
BRANCH, LEAF, META, FREELIST = 1, 2, 4, 16
IS_BUCKET = 1
MAX_DEPTH = 64

_PAGE = Struct("<QHHI")  # id, flags, count, overflow
_META = Struct("<IIIIQQQQQ")  # magic, version, page size, flags, root page, root sequence, free list, high water, txid
_CHECKSUM = Struct("<Q")
_LEAF = Struct("<IIII")  # flags, offset from this element, key size, value size
_BRANCH = Struct("<IIQ")  # offset from this element, key size, page
_BUCKET = Struct("<QQ")  # root page (0: inline), sequence


def fnv1a(data: bytes) -> int:
    """The 64-bit FNV-1a hash that guards a meta page."""
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def load(data: bytes, where: str = "ipam.db") -> Bucket:
    """The content of a bbolt file as nested dicts; ``{}`` for an empty file. Raises NetworkError when it is damaged."""
    if not data:
        return {}
    try:
        meta = max((m for m in (_meta(data, 0), _meta(data, _page_size(data))) if m), key=lambda m: m[8], default=None)
        if meta is None:
            raise ValueError("no valid meta page")
        return _read_page(data, meta[2], meta[4], 0)
    except (ValueError, IndexError, KeyError, ArithmeticError) as error:
        raise NetworkError(f"{where} is not a valid bbolt file ({error}): remove it while no container runs") from None
    except Exception as error:  # struct.error, which has no name without importing struct itself
        raise NetworkError(f"{where} is cut short ({error}): remove it while no container runs") from None


def _page_size(data: bytes) -> int:
    meta = _META.unpack_from(data, _PAGE.size)
    size: int = meta[2]
    return size if meta[0] == MAGIC and 1024 <= size <= 65536 else PAGE_SIZE


def _meta(data: bytes, offset: int) -> tuple[int, ...] | None:
    start = offset + _PAGE.size
    if len(data) < start + _META.size + _CHECKSUM.size:
        return None
    fields = _META.unpack_from(data, start)
    (checksum,) = _CHECKSUM.unpack_from(data, start + _META.size)
    if fields[0] != MAGIC or fields[1] != VERSION or checksum != fnv1a(data[start : start + _META.size]):
        return None
    return fields


def _read_page(data: bytes, page_size: int, page: int, depth: int) -> Bucket:
    return _read_at(data, page_size, page * page_size, depth)


def _read_at(data: bytes, page_size: int, start: int, depth: int) -> Bucket:
    if depth > MAX_DEPTH:
        raise ValueError("pages are nested without end")
    _, flags, count, _ = _PAGE.unpack_from(data, start)
    first = start + _PAGE.size
    found: Bucket = {}
    if flags & BRANCH:
        for i in range(count):
            found.update(_read_page(data, page_size, _BRANCH.unpack_from(data, first + i * _BRANCH.size)[2], depth + 1))
        return found
    if not flags & LEAF:
        raise ValueError(f"page at {start} is neither branch nor leaf")
    for i in range(count):
        element = first + i * _LEAF.size
        kind, offset, key_size, value_size = _LEAF.unpack_from(data, element)
        key_start = element + offset
        value_start = key_start + key_size
        if value_start + value_size > len(data):
            raise ValueError("an entry lies beyond the end")
        key = data[key_start:value_start]
        if kind & IS_BUCKET:
            root = _BUCKET.unpack_from(data, value_start)[0]
            if root:
                found[key] = _read_page(data, page_size, root, depth + 1)
            else:
                found[key] = _read_at(data, page_size, value_start + _BUCKET.size, depth + 1)
        else:
            found[key] = data[value_start : value_start + value_size]
    return found


def dump(root: Bucket) -> bytes:
    """A whole bbolt file with that content; ``load(dump(x)) == x``."""
    pages: list[bytes] = []  # from page 3 on, whole multiples of PAGE_SIZE

    def place(bucket: Bucket) -> int:
        body = _leaf(bucket, place)
        number = 3 + sum(len(page) for page in pages) // PAGE_SIZE
        size = _PAGE.size + len(body)
        overflow = (size - 1) // PAGE_SIZE
        header = _PAGE.pack(number, LEAF, len(bucket), overflow)
        pages.append((header + body).ljust((overflow + 1) * PAGE_SIZE, b"\0"))
        return number

    top = place(root)
    high_water = 3 + sum(len(page) for page in pages) // PAGE_SIZE
    out = bytearray()
    for txid in (0, 1):
        meta = _META.pack(MAGIC, VERSION, PAGE_SIZE, 0, top, 0, 2, high_water, txid)
        page = _PAGE.pack(txid, META, 0, 0) + meta + _CHECKSUM.pack(fnv1a(meta))
        out += page.ljust(PAGE_SIZE, b"\0")
    out += _PAGE.pack(2, FREELIST, 0, 0).ljust(PAGE_SIZE, b"\0")
    for page in pages:
        out += page
    return bytes(out)


def _leaf(bucket: Bucket, place: object) -> bytes:
    """The elements of a leaf page, and their keys and values; sub-buckets go to pages of their own, or inline."""
    assert callable(place)
    entries: list[tuple[int, bytes, bytes]] = []
    for key in sorted(bucket):
        value = bucket[key]
        if isinstance(value, bytes):
            entries.append((0, key, value))
            continue
        inline = b""
        # bbolt reads inline buckets of any size but writes them only for small ones without children; so do we
        if not any(isinstance(child, dict) for child in value.values()):
            body = _leaf(value, place)
            if len(body) + _PAGE.size <= PAGE_SIZE // 4:
                inline = _PAGE.pack(0, LEAF, len(value), 0) + body
        entries.append((IS_BUCKET, key, _BUCKET.pack(0 if inline else place(value), 0) + inline))
    head, tail = bytearray(), bytearray()
    data_start = len(entries) * _LEAF.size
    for i, (kind, key, raw) in enumerate(entries):
        head += _LEAF.pack(kind, data_start + len(tail) - i * _LEAF.size, len(key), len(raw))
        tail += key + raw
    return bytes(head + tail)
