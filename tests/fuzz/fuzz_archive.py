"""Fuzz target for the reader of outside bytes: tar, extended headers, sparse maps, tar-split and all four compressions.

With atheris (``tox -e fuzz``), or without it by a plain mutator of its own: ``python tests/fuzz/fuzz_archive.py --seconds 20``.
Anything but a clean reading or an ArchiveError is a finding; so is a tar that tar-split does not re-create bit for bit.
"""

from __future__ import annotations

import gzip
import io
import os
import random
import sys
import tarfile
import time

import zstandard

from ocikit.storage.archive import ArchiveError, SplitReader, TarReader, assemble, open_decompressed, split_only
from ocikit.storage.archive.split import lost

MAX_TOTAL = 1 << 22


def one(data: bytes) -> None:
    """The target. The first byte chooses what the rest is taken for."""
    if not data:
        return
    kind, data = data[0] & 3, data[1:]
    try:
        if kind == 0:
            round_trip(data)
        elif kind == 1:
            stream, _ = open_decompressed(io.BytesIO(data))
            total = 0
            while (piece := stream.read(65536)) and total < MAX_TOTAL:
                assert len(piece) <= 65536
                total += len(piece)
        elif kind == 2:
            for record in SplitReader(io.BytesIO(data)):
                assert record is not None
        else:
            stream, _ = open_decompressed(io.BytesIO(data))
            reader = TarReader(stream)
            while reader.next() and reader.consumed < MAX_TOTAL:
                while reader.take():
                    pass
    except ArchiveError as error:
        assert "\n" not in str(error)


def round_trip(data: bytes) -> None:
    reader = TarReader(io.BytesIO(data))
    contents: list[bytes] = []
    while reader.next():
        plain = reader.sparse is None and not lost(reader.name)
        content = reader.read()
        if content and plain:
            contents.append(content)
    out = io.BytesIO()
    split_only(io.BytesIO(data), out)
    files = iter(contents)

    def open_member(name: bytes) -> int:
        fd = os.memfd_create("content")
        os.write(fd, next(files))
        os.lseek(fd, 0, 0)
        return fd

    assert assemble(io.BytesIO(out.getvalue()), open_member).read() == data


def seeds() -> list[bytes]:
    """Good inputs of every kind, to be damaged."""
    tars = []
    for format in (tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT):
        out = io.BytesIO()
        with tarfile.open(fileobj=out, mode="w", format=format) as archive:
            for name, size in (("a", 0), ("d/" + "n" * 120, 700), ("b", 1024)):
                if format == tarfile.USTAR_FORMAT and len(name) > 100:
                    name = "d/" * 20 + "n" * 90
                info = tarfile.TarInfo(name)
                info.size = size
                if format == tarfile.PAX_FORMAT:
                    info.pax_headers = {"mtime": "12.5", "SCHILY.xattr.user.x": "y"}
                archive.addfile(info, io.BytesIO(bytes(size)))
        tars.append(out.getvalue()[:6144])
    split = io.BytesIO()
    split_only(io.BytesIO(tars[0]), split)
    return [
        *(b"\0" + each for each in tars),
        *(b"\1" + each for each in (gzip.compress(tars[0]), zstandard.compress(tars[1]))),
        b"\2" + gzip.decompress(split.getvalue()),
        b"\3" + gzip.compress(tars[2]),
    ]


def plain_loop(seconds: float, seed: int) -> int:
    """Mutates the seeds until the time is over; the number of runs."""
    chance = random.Random(seed)
    corpus = seeds()
    deadline = time.monotonic() + seconds
    runs = 0
    while time.monotonic() < deadline:
        data = bytearray(chance.choice(corpus))
        for _ in range(chance.randrange(1, 6)):
            at = chance.randrange(1, len(data)) if len(data) > 1 else 0
            what = chance.randrange(4)
            if what == 0:
                data[at] = chance.randrange(256)
            elif what == 1:
                del data[at : at + chance.randrange(1, 600)]
            elif what == 2:
                data[at:at] = data[at - chance.randrange(0, min(at, 600) + 1) : at]
            else:
                digits = b"%o" % chance.choice([0, 1, 511, 512, 513, 1 << 20, 1 << 33, 8**11 - 1])
                data[at : at + len(digits)] = digits
            if not data:
                break
        if data[:1] == b"\0" and len(data) > 512 and chance.random() < 0.7:
            for start in range(1, len(data) - 511, 512):  # right checksums lead deeper
                block = data[start : start + 512]
                if block[257:262] == b"ustar":
                    block[148:156] = b" " * 8
                    data[start + 148 : start + 156] = b"%06o\0 " % sum(block)
        try:
            one(bytes(data))
        except BaseException:
            with open("crash-archive", "wb") as file:
                file.write(data)
            print(f"seed {seed}, run {runs}: input kept in crash-archive", file=sys.stderr)
            raise
        runs += 1
    return runs


def main() -> None:
    if "--seconds" in sys.argv:
        seconds = float(sys.argv[sys.argv.index("--seconds") + 1])
        seed = int.from_bytes(os.urandom(4), "big")
        print(f"{plain_loop(seconds, seed)} inputs, none harmful (seed {seed})")
        return
    import atheris

    atheris.instrument_all()
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
