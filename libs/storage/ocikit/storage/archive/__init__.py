"""Layer archives: reading, unpacking, writing, comparing and re-creating tars. Knows nothing of the store.

Unpack a blob as it came from a registry; everything a layer's record needs comes back:

    from ocikit.storage.archive import ApplyOptions, unpack_layer

    with open("layer.tar.gz", "rb") as blob, open("layer.tar-split.gz", "wb") as split:
        result = unpack_layer(blob, "/path/to/diff", ApplyOptions(), split)
    result.diff_id, result.size, result.compressed_digest, result.uidset

and get the very same tar back from the files:

    with open("layer.tar-split.gz", "rb") as split, assemble(split, open_in(diff_fd)) as tar:
        tar.copy_to(out)

A *stream* everywhere is any object whose ``read(n)`` gives at most n bytes and ``b""`` at the end (pieces of 64 KiB-1 MiB are
best). Paths in archives are bytes. Faults are ArchiveError (an OcikitError), never a bare OSError from inside an archive.

| name | job |
| --- | --- |
| unpack_layer(stream, dest, options, split_file) -> UnpackResult | inflate, hash twice, unpack, tar-split, on threads |
| apply_layer(stream, dest, options, split) -> ApplyResult | the unpacking alone, of an uncompressed tar |
| open_decompressed(stream) -> (reader, name) | gzip, zstd, bzip2, xz by magic |
| open_compressor(file, name, level) | a writer for gzip or zstd |
| SplitWriter, SplitReader, split_only, assemble, open_in | tar-split |
| TarReader | the entries of a tar, one reused object |
| TarWriter, TarHeader | write entries with the Go tools' headers |
| create_tar(root, TarOptions(...), names) -> PieceStream | a tree as a tar: prefix, id maps, owner, mtime, filter |
| diff_overlay(diff, lowers), diff_naive(new, old) -> PieceStream | a layer's changes as a tar |
| changes_overlay(diff, lowers), changes_naive(new, old) | the same as a list of ``(A|C|D, path)`` |
| copy_tree(source, target), shift_tree(root, ...) | whole trees on disk |
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .apply import apply_layer
    from .compression import GzipWriter, ZstdWriter, detect, open_compressor, open_decompressed
    from .diff import changes_naive, changes_overlay, diff_naive, diff_overlay
    from .errors import ArchiveError, BadCompression, BadHeader, DuplicatePath, SplitError, TruncatedArchive
    from .options import ApplyOptions, ApplyResult, UnpackResult
    from .pipeline import Hashing, unpack_layer
    from .reader import TarReader
    from .split import SplitReader, SplitWriter, assemble, open_in, split_only
    from .streams import PieceStream
    from .trees import copy_tree, shift_tree
    from .walk import TarOptions, create_tar, tree_pieces
    from .writer import TarHeader, TarWriter

_WHERE = {
    "ApplyOptions": "options",
    "ApplyResult": "options",
    "ArchiveError": "errors",
    "BadCompression": "errors",
    "BadHeader": "errors",
    "DuplicatePath": "errors",
    "GzipWriter": "compression",
    "Hashing": "pipeline",
    "PieceStream": "streams",
    "SplitError": "errors",
    "SplitReader": "split",
    "SplitWriter": "split",
    "TarHeader": "writer",
    "TarOptions": "walk",
    "TarReader": "reader",
    "TarWriter": "writer",
    "TruncatedArchive": "errors",
    "UnpackResult": "options",
    "ZstdWriter": "compression",
    "apply_layer": "apply",
    "assemble": "split",
    "changes_naive": "diff",
    "changes_overlay": "diff",
    "copy_tree": "trees",
    "create_tar": "walk",
    "detect": "compression",
    "diff_naive": "diff",
    "diff_overlay": "diff",
    "open_compressor": "compression",
    "open_decompressed": "compression",
    "open_in": "split",
    "shift_tree": "trees",
    "split_only": "split",
    "tree_pieces": "walk",
    "unpack_layer": "pipeline",
}

__all__ = [
    "ApplyOptions",
    "ApplyResult",
    "ArchiveError",
    "BadCompression",
    "BadHeader",
    "DuplicatePath",
    "GzipWriter",
    "Hashing",
    "PieceStream",
    "SplitError",
    "SplitReader",
    "SplitWriter",
    "TarHeader",
    "TarOptions",
    "TarReader",
    "TarWriter",
    "TruncatedArchive",
    "UnpackResult",
    "ZstdWriter",
    "apply_layer",
    "assemble",
    "changes_naive",
    "changes_overlay",
    "copy_tree",
    "create_tar",
    "detect",
    "diff_naive",
    "diff_overlay",
    "open_compressor",
    "open_decompressed",
    "open_in",
    "shift_tree",
    "split_only",
    "tree_pieces",
    "unpack_layer",
]


def __getattr__(name: str) -> object:
    where = _WHERE.get(name)
    if where is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{where}"), name)
    globals()[name] = value
    return value
