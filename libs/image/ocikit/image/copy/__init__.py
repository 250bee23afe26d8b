"""Planning and carrying out copies of images: :func:`copy_image`."""

from __future__ import annotations

from ocikit.image.copy.engine import copy_image
from ocikit.image.copy.options import ALL, INDEX_ONLY, SYSTEM, CopyOptions, CopyResult
from ocikit.image.copy.report import BlobProgress, LineReporter, Reporter

__all__ = [
    "ALL",
    "INDEX_ONLY",
    "SYSTEM",
    "BlobProgress",
    "CopyOptions",
    "CopyResult",
    "LineReporter",
    "Reporter",
    "copy_image",
]
