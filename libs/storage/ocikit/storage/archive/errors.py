"""What can be wrong with an archive.

ArchiveError (125)
├─ TruncatedArchive   the bytes end before the archive does
├─ BadHeader          a tar header, extended header or number that cannot be right
├─ DuplicatePath      two entries of one layer have the same path
├─ BadCompression     compressed bytes that do not inflate
└─ SplitError         tar-split data that is damaged or does not fit the files on disk
"""

from __future__ import annotations

from ocikit.common.errors import OcikitError


class ArchiveError(OcikitError):
    """An archive that cannot be read, unpacked, written or re-assembled."""


class TruncatedArchive(ArchiveError):
    """The input ends in the middle of the archive."""


class BadHeader(ArchiveError):
    """A header that violates the tar format, or one of its numbers is out of bounds."""


class DuplicatePath(ArchiveError):
    """A layer names one path twice; tar-split cannot record that (storage format, 6.1)."""


class BadCompression(ArchiveError):
    """Compressed data that cannot be inflated."""


class SplitError(ArchiveError):
    """tar-split data that is damaged, or a stored file that no longer has the recorded contents."""
