"""Sparse maps of the four GNU formats: old GNU headers, PAX 0.0, 0.1 and 1.0.

A map is a list of ``(offset, length)`` of the pieces that are stored, ascending. Source: GNU tar manual, "Storing Sparse
Files".
"""

from __future__ import annotations

from .errors import BadHeader
from .fields import BLOCK, MAX_META, parse_decimal, parse_number

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    SparseMap = list[tuple[int, int]]


def check_map(pieces: SparseMap, size: int, stored: int) -> SparseMap:
    """Refuses maps that overlap, run backwards, leave the file or do not add up to what is stored."""
    end = total = 0
    for offset, length in pieces:
        if offset < end or length < 0 or offset + length > size:
            raise BadHeader("tar entry has a sparse map that overlaps or leaves the file")
        end = offset + length
        total += length
    if total != stored:
        raise BadHeader(f"tar entry has a sparse map of {total} bytes for {stored} bytes of data")
    return pieces


def old_gnu_map(header: bytes, next_block: Callable[[], bytes]) -> tuple[SparseMap, int]:
    """The map of a type ``S`` header and its extension blocks, and the file's real size."""
    pieces: SparseMap = []
    size = parse_number(header[483:495])
    block, at, count, more = header, 386, 4, header[482]
    blocks = 0
    while True:
        for entry in range(at, at + count * 24, 24):
            if not block[entry]:
                break
            pieces.append((parse_number(block[entry : entry + 12]), parse_number(block[entry + 12 : entry + 24])))
        if not more:
            return pieces, size
        blocks += 1
        if blocks * BLOCK > MAX_META:
            raise BadHeader("tar entry has a sparse map of more than 1 MiB")
        block, at, count = next_block(), 0, 21
        more = block[504]


def pax_0_map(records: dict[bytes, bytes], repeated: list[tuple[bytes, bytes]]) -> tuple[SparseMap, int]:
    """The map of PAX sparse 0.0 (repeated offset/numbytes records) or 0.1 (one comma list)."""
    size = parse_decimal(records.get(b"GNU.sparse.size", b"0"), "GNU.sparse.size")
    if b"GNU.sparse.map" in records:
        numbers = [parse_decimal(text, "GNU.sparse.map") for text in records[b"GNU.sparse.map"].split(b",")]
    else:
        keys = (b"GNU.sparse.offset", b"GNU.sparse.numbytes")
        numbers = []
        for index, (key, value) in enumerate(repeated):
            if key != keys[index & 1]:
                raise BadHeader("extended tar header has a sparse map out of order")
            numbers.append(parse_decimal(value, key.decode()))
    if len(numbers) & 1:
        raise BadHeader("extended tar header has an incomplete sparse map")
    return list(zip(numbers[::2], numbers[1::2], strict=True)), size


def pax_1_map(next_block: Callable[[], bytes]) -> SparseMap:
    """The map of PAX sparse 1.0: decimal lines at the start of the entry's data, padded to whole blocks."""
    text = b""
    taken = 0

    def line() -> int:
        nonlocal text, taken
        while b"\n" not in text:
            taken += BLOCK
            if taken > MAX_META:
                raise BadHeader("tar entry has a sparse map of more than 1 MiB")
            text += next_block()
        number, _, text = text.partition(b"\n")
        return parse_decimal(number, "sparse map")

    count = line()
    if not 0 <= count <= MAX_META // 4:
        raise BadHeader(f"tar entry announces a sparse map of {count} pieces")
    return [(line(), line()) for _ in range(count)]
