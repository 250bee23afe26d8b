"""What a copy tells its user while it runs: the shapes are those of :mod:`ocikit.common.cli.progress`."""

from __future__ import annotations

import sys

from ocikit.common.cli.progress import Item as BlobProgress
from ocikit.common.cli.progress import PlainProgress
from ocikit.common.cli.progress import Progress as Reporter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

__all__ = ["BlobProgress", "LineReporter", "Reporter"]


class LineReporter(PlainProgress):
    """One line an event, on standard output unless told otherwise."""

    def __init__(self, out: TextIO | None = None) -> None:
        super().__init__(out or sys.stdout)
