"""Layer archives: reading, unpacking, writing, comparing and re-creating tars. Knows nothing of the store.

Unpack a blob as it came from a registry; everything a layer's record needs comes back:

    from ocikit.storage.archive import ApplyOptions, unpack_layer

    with open("layer.tar.gz", "rb") as blob, open("layer.tar-split.gz", "wb") as split:
        result = unpack_layer(blob, "/path/to/diff", ApplyOptions(), split)
    result.diff_id, result.size, result.compressed_digest, result.uidset

and get the very same tar back from the files:

    with open("layer.tar-split.gz", "rb") as split, assemble(split, open_in(diff_fd)) as tar:
        shutil.copyfileobj(tar, out)

A *stream* everywhere is any object whose ``read(n)`` gives at most n bytes and ``b""`` at the end (pieces of 64 KiB-1 MiB are
best). Paths in archives are bytes. Faults are ArchiveError (an OcikitError), never a bare OSError from inside an archive.

| name | job |
| --- | --- |
| unpack_layer(stream, dest, options, split_file) -> UnpackResult | inflate, hash twice, unpack, tar-split, on threads |
| apply_layer(stream, dest, options, split) -> ApplyResult | the unpacking alone, of an uncompressed tar |
| open_decompressed(stream) -> (reader, name) | gzip, zstd, bzip2, xz by magic |
| open_compressor(file, name, level) | a writer for gzip or zstd |
| SplitWriter, SplitReader, split_only, assemble, open_in | tar-split |
| TarReader | the entries of a tar |
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .apply import apply_layer
    from .compression import GzipWriter, ZstdWriter, detect, open_compressor, open_decompressed
    from .errors import ArchiveError, BadCompression, BadHeader, DuplicatePath, SplitError, TruncatedArchive
    from .options import ApplyOptions, ApplyResult, UnpackResult
    from .pipeline import Hashing, unpack_layer
    from .reader import TarReader
    from .split import AssembledTar, SplitReader, SplitWriter, assemble, open_in, split_only

_WHERE = {
    "apply_layer": "apply",
    "GzipWriter": "compression",
    "ZstdWriter": "compression",
    "detect": "compression",
    "open_compressor": "compression",
    "open_decompressed": "compression",
    "ArchiveError": "errors",
    "BadCompression": "errors",
    "BadHeader": "errors",
    "DuplicatePath": "errors",
    "SplitError": "errors",
    "TruncatedArchive": "errors",
    "ApplyOptions": "options",
    "ApplyResult": "options",
    "UnpackResult": "options",
    "Hashing": "pipeline",
    "unpack_layer": "pipeline",
    "TarReader": "reader",
    "AssembledTar": "split",
    "SplitReader": "split",
    "SplitWriter": "split",
    "assemble": "split",
    "open_in": "split",
    "split_only": "split",
}

__all__ = [
    "ApplyOptions",
    "ApplyResult",
    "ArchiveError",
    "AssembledTar",
    "BadCompression",
    "BadHeader",
    "DuplicatePath",
    "GzipWriter",
    "Hashing",
    "SplitError",
    "SplitReader",
    "SplitWriter",
    "TarReader",
    "TruncatedArchive",
    "UnpackResult",
    "ZstdWriter",
    "apply_layer",
    "assemble",
    "detect",
    "open_compressor",
    "open_decompressed",
    "open_in",
    "split_only",
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
