from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os

import pytest
import zstandard

from ocikit.storage.archive import (
    BadCompression,
    TruncatedArchive,
    open_compressor,
    open_decompressed,
)

SKIPPABLE = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"hello"
PACK = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstandard.ZstdCompressor().compress}
DATA = os.urandom(300_000) + bytes(2_000_000)


def inflate(data: bytes, step: int = 1 << 20) -> bytes:
    reader, _ = open_decompressed(io.BytesIO(data))
    out = []
    while piece := reader.read(step):
        assert len(piece) <= step
        out.append(piece)
    return b"".join(out)


@pytest.mark.parametrize("name", PACK)
def test_members_one_after_the_other(name: str) -> None:
    packed = PACK[name](DATA) + PACK[name](b"more") + PACK[name](b"")
    assert open_decompressed(io.BytesIO(packed))[1] == name
    assert inflate(packed) == DATA + b"more"
    assert inflate(packed, 1000) == DATA + b"more"


@pytest.mark.parametrize("name", PACK)
def test_every_early_end_is_noticed(name: str) -> None:
    packed = PACK[name](b"some text " * 20)
    for end in range(6, len(packed)):
        with pytest.raises(TruncatedArchive, match="unexpected EOF"):
            inflate(packed[:end])


@pytest.mark.parametrize("name", PACK)
def test_damage(name: str) -> None:
    packed = bytearray(PACK[name](DATA))
    packed[5000] ^= 0xFF
    with pytest.raises((BadCompression, TruncatedArchive)):
        if inflate(bytes(packed)) != DATA:
            raise BadCompression("zstd without checksum")


@pytest.mark.parametrize("name", PACK)
def test_something_else_behind(name: str) -> None:
    with pytest.raises(BadCompression):
        inflate(PACK[name](b"text") + b"something else")


@pytest.mark.parametrize("level", [1, 3, 19])
@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("size", [False, True])
def test_zstd_variants(level: int, checksum: bool, size: bool) -> None:
    packer = zstandard.ZstdCompressor(level=level, write_checksum=checksum, write_content_size=size)
    packed = SKIPPABLE + packer.compress(DATA) + SKIPPABLE + packer.compress(b"x") + SKIPPABLE
    assert inflate(packed) == DATA + b"x"
    with pytest.raises(TruncatedArchive):
        inflate(packed[:-1])


def test_plain_passes_through() -> None:
    reader, name = open_decompressed(io.BytesIO(b"abc"))
    assert (reader.read(2), reader.read(2), reader.read(2), name) == (b"ab", b"c", b"", "")


@pytest.mark.parametrize("level", [None, 1, 9])
@pytest.mark.parametrize("name", ["gzip", "zstd"])
def test_writers(name: str, level: int | None) -> None:
    out = io.BytesIO()
    writer = open_compressor(out, name, level)
    writer.write(DATA[:100_000])
    writer.write(memoryview(DATA)[100_000:])
    writer.close()
    assert inflate(out.getvalue()) == DATA
