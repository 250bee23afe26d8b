"""Columns: what Go's text/tabwriter makes of tab-separated lines, with Podman's settings (cells of 12 at least, 2 apart)."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import TextIO

MIN_WIDTH = 12
PADDING = 2


def align(text: str, min_width: int = MIN_WIDTH, padding: int = PADDING) -> str:
    """Lines with tab-ended cells, aligned. A column is a run of neighbouring lines that have that cell; the last cell
    of a line ends it and takes no part.
    """
    lines = [line.split("\t") for line in text.split("\n")]
    widths: list[list[int]] = [[] for _ in lines]
    _measure(lines, widths, 0, len(lines), 0, min_width, padding)
    out = []
    for cells, line_widths in zip(lines, widths, strict=True):
        parts = [cell.ljust(width) for cell, width in zip(cells, line_widths, strict=False)]
        out.append("".join(parts) + cells[-1])
    return "\n".join(out)


def _measure(
    lines: list[list[str]], widths: list[list[int]], start: int, end: int, column: int, min_width: int, padding: int
) -> None:
    """Gives every run of lines in [start, end) that have a tab-ended cell in ``column`` its width, then looks inside."""
    here = start
    while here < end:
        if len(lines[here]) - 1 <= column:
            here += 1
            continue
        stop = here
        width = min_width
        while stop < end and len(lines[stop]) - 1 > column:
            size = len(lines[stop][column]) + padding
            width = size if size > width else width
            stop += 1
        for line in range(here, stop):
            widths[line].append(width)
        _measure(lines, widths, here, stop, column + 1, min_width, padding)
        here = stop


def format_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    noheading: bool = False,
    min_width: int = MIN_WIDTH,
    padding: int = PADDING,
) -> str:
    """A table as text that ends in a newline (empty when there is nothing to show)."""
    lines = [[str(cell) for cell in row] for row in rows]
    if not noheading:
        lines.insert(0, list(headers))
    if not lines:
        return ""
    columns = len(lines[0])
    # The last column is not padded: terminals would wrap it.
    widths = [max(min_width, *(len(line[i]) + padding for line in lines)) for i in range(columns - 1)]
    return "".join(
        [
            "".join([cell.ljust(width) for cell, width in zip(line, widths, strict=False)]) + line[-1] + "\n"
            for line in lines
        ]
    )


def print_table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    noheading: bool = False,
    min_width: int = MIN_WIDTH,
    padding: int = PADDING,
    file: TextIO | None = None,
) -> None:
    """Writes a table to standard output (or ``file``)."""
    (file or sys.stdout).write(format_table(headers, rows, noheading, min_width, padding))
