"""Compression of layers: what the bytes say they are, reading them, and writing them differently (image spec,
section 8).
"""

from __future__ import annotations

from ocikit.image.errors import ImageError
from ocikit.image.manifest.mediatypes import BZIP2, GZIP, UNCOMPRESSED, XZ, ZSTD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol

    class Reader(Protocol):
        def read(self, size: int = -1, /) -> bytes: ...

    class Sink(Protocol):
        def write(self, data: bytes, /) -> object: ...

    class Compressor(Protocol):
        def write(self, data: bytes, /) -> int: ...
        def close(self) -> None: ...


ZSTD_CHUNKED = "zstd:chunked"
CLI_NAMES = {"gzip": GZIP, "zstd": ZSTD, ZSTD_CHUNKED: ZSTD_CHUNKED, "bzip2": BZIP2, "Xz": XZ}
"""What ``--dest-compress-format`` takes, and the name inside the library."""


def algorithm(name: str) -> str:
    """The library's name of a format given on the command line. Raises :class:`ImageError`."""
    found = CLI_NAMES.get(name)
    if found is None:
        raise ImageError(f"cannot find compressor for {name!r}".replace("'", '"'))
    return found


def detect(start: bytes) -> str:
    """ "gzip", "zstd", "bzip2", "xz" or "" by the first bytes (8 are enough)."""
    from ocikit.storage.archive.compression import detect as by_magic

    return str(by_magic(start))


def detect_name(start: bytes) -> str:
    """As :func:`detect`, "uncompressed" instead of ""."""
    return detect(start) or UNCOMPRESSED


def open_decompressed(stream: Reader) -> tuple[Reader, str]:
    """(reader of the plain bytes, compression or ""); see :mod:`ocikit.storage.archive.compression`."""
    from ocikit.storage.archive.compression import open_decompressed as opened

    reader, name = opened(stream)
    return reader, name  # type: ignore[return-value]


def open_compressor(sink: Sink, name: str, level: int | None) -> Compressor:
    """A writer that compresses into ``sink``; gzip and zstd."""
    if name not in (GZIP, ZSTD):
        raise ImageError(f"compression with {name} is not supported", hint="gzip and zstd can be written")
    from ocikit.storage.archive.compression import ZstdWriter
    from ocikit.storage.archive.compression import open_compressor as opened

    if name == ZSTD:
        # One thread: a copy has several layers at work, and zstd's own threads took 330 MB for a layer of 200.
        return ZstdWriter(sink, 3 if level is None else min(max(level, 1), 22))
    compressor: Compressor = opened(sink, name, level)
    return compressor
