"""Deleting when not a byte is free: a record file cannot be replaced, but a record in it can be blanked where it stands."""

from __future__ import annotations

import os

from ocikit.common.jsonfast import JSONError, loads, scan

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def blank_dropped(path: str, rows: list[dict[str, Any]]) -> bool:
    """Overwrite with blanks the records that are in the file and not in ``rows``; False if that would not give ``rows``.

    Each record is one small write into blocks that the file has already. It is not atomic against a power cut, which is why
    it is only done when nothing else is possible.
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        data = os.pread(fd, os.fstat(fd).st_size, 0)
        kept = {row["id"] for row in rows}
        holes = _holes(data, kept)
        if holes is None:
            return False
        wanted = bytearray(data)
        for start, end in holes:
            wanted[start:end] = b" " * (end - start)
        if loads(wanted) != rows:
            return False
        for start, end in holes:
            os.pwrite(fd, b" " * (end - start), start)
        os.fdatasync(fd)
    except (OSError, JSONError):
        return False
    finally:
        os.close(fd)
    return True


def _holes(data: bytes, kept: set[str]) -> list[tuple[int, int]] | None:
    """Spans to blank, each record with one comma beside it."""
    # One character per byte, so that positions in the text are positions in the file; ids are ASCII.
    text = data.decode("latin-1")
    position = text.find("[") + 1
    spans: list[tuple[int, int, bool]] = []
    while position:
        while text[position : position + 1] in " \t\r\n,":
            position += 1
            if position >= len(text):
                return None
        if text[position] == "]":
            break
        value, end = scan(text, position)
        spans.append((position, end, value["id"] in kept))
        position = end
    holes = []
    for number, (start, end, keep) in enumerate(spans):
        if keep:
            continue
        # The comma after it goes too; where nothing that stays follows, the comma before it.
        later = any(k for _, _, k in spans[number + 1 :])
        if later:
            end = text.index(",", end) + 1
        elif any(k for _, _, k in spans[:number]) or number:
            start = text.rindex(",", 0, start)
        holes.append((start, end))
    return holes
