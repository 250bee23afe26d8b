"""Archives made to hurt: every one ends in an ArchiveError of one line, with little memory and nothing outside the root."""

from __future__ import annotations

import gzip
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ocikit.common.files import remove_tree
from ocikit.storage.archive import (
    ArchiveError,
    BadHeader,
    SplitError,
    TarHeader,
    TarReader,
    TarWriter,
    apply_layer,
    assemble,
    split_only,
)
from ocikit.storage.archive.split import lost
from tests.unit.storage.archive.support import GID, UID, apply, directory, member, tar


def header(**fields: bytes) -> bytes:
    """A ustar header with raw fields and a right checksum."""
    block = bytearray(TarHeader(b"x", size=0, uid=UID, gid=GID).encode())
    for name, value in fields.items():
        start, end = {
            "mode": (100, 108),
            "uid": (108, 116),
            "size": (124, 136),
            "mtime": (136, 148),
            "type": (156, 157),
        }[name]
        block[start:end] = value.ljust(end - start, b"\0")
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def extended(body: bytes, kind: bytes = b"x") -> bytes:
    return header(size=b"%011o" % len(body), type=kind) + body + bytes(-len(body) % 512)


def record(key: bytes, value: bytes) -> bytes:
    from ocikit.storage.archive.fields import format_records

    return format_records({key: value})


def old_sparse(pieces: list[tuple[int, int]], real: int, stored: int) -> bytes:
    block = bytearray(header(size=b"%011o" % stored, type=b"S"))
    block[257:265] = b"ustar  \0"
    block[345:500] = bytes(155)
    for index, (offset, length) in enumerate(pieces):
        block[386 + index * 24 : 410 + index * 24] = b"%011o\0%011o\0" % (offset, length)
    block[483:495] = b"%011o\0" % real
    block[148:156] = b" " * 8
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


BAD = {
    "negative size": header(size=b"\xff" * 12),
    "huge base-256 size": header(size=b"\x80" + b"\xff" * 11),
    "size beyond the end": header(size=b"77777777777") + b"x" * 1000,
    "size that is no number": header(size=b"12x45"),
    "size that is not octal": header(size=b"99999999"),
    "python numbers": header(size=b"1_0"),
    "negative extended size": extended(record(b"size", b"-5")) + header(),
    "overflowing extended size": extended(record(b"size", b"9" * 25)) + header(),
    "extended size beyond the end": extended(record(b"size", b"9000000000000000000")) + header(),
    "broken checksum": b"y" + header()[1:],
    "record without length": extended(b"path=x\n") + header(),
    "record of wrong length": extended(b"100 path=x\n") + header(),
    "record of length zero": extended(b"0 path=x\n") + header(),
    "record without newline": extended(b"9 path=xy") + header(),
    "NUL in a path": extended(record(b"path", b"a\0b")) + header(),
    "long extended header": extended(record(b"comment", b"x" * (1 << 20))) + header(),
    "many extended headers": extended(record(b"comment", b"x" * 1_000_000)) * 6 + header(),
    "long name of 2 MiB": extended(b"n" * (2 << 20), b"L") + header(),
    "truncated extended header": extended(record(b"comment", b"x" * 5000))[:2000],
    "bad time": extended(record(b"mtime", b"1.x")) + header(),
    "infinite time": extended(record(b"mtime", b"inf")) + header(),
    "sparse overlap": old_sparse([(0, 512), (100, 512)], 2000, 1024) + bytes(1024),
    "sparse beyond the file": old_sparse([(0, 512)], 100, 512) + bytes(512),
    "sparse of other length": old_sparse([(0, 512)], 600, 1024) + bytes(1024),
    "sparse map of a billion": extended(record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.minor", b"0")
                                        + record(b"GNU.sparse.realsize", b"5")) + header(size=b"1000") + b"1000000000\n".ljust(512, b"0"),
    "sparse map without end": extended(record(b"GNU.sparse.major", b"1") + record(b"GNU.sparse.minor", b"0"))
                              + header(size=b"00010000000") + b"1" * (2 << 20),
    "owner that is no id": extended(record(b"uid", b"99999999999")) + header(),
    "zero block before an entry": bytes(512) + header(),
    "random": os.urandom(512) + bytes(1024),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_bad_archives(tmp_path: Path, name: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        apply_layer(io.BytesIO(BAD[name] + bytes(1024) * ("beyond" not in name)), tmp_path)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 400


def test_an_entry_after_five_mebibytes_of_headers_is_fine(tmp_path: Path) -> None:
    many = b"".join(extended(record(b"comment", b"x" * 1_000_000)) + header(type=b"0") for _ in range(1))
    assert apply_layer(io.BytesIO(many + bytes(1024)), tmp_path).entries == 1


LIMITED = """
import io, os, resource, sys
from ocikit.storage.archive import TarReader, apply_layer, open_decompressed
resource.setrlimit(resource.RLIMIT_DATA, (160 << 20, 160 << 20))
what, blob, target = sys.argv[1:]
stream, _ = open_decompressed(open(blob, "rb"))
if what == "read":
    reader = TarReader(stream)
    total = 0
    while reader.next():
        while piece := reader.take():
            total += len(piece)
    print(total)
else:
    print(apply_layer(stream, target).entries)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
"""


def limited(what: str, blob: bytes, tmp_path: Path) -> tuple[int, int]:
    """Reads or unpacks in a process of its own: a number and the peak memory in MiB."""
    (tmp_path / "blob").write_bytes(blob)
    (tmp_path / "target").mkdir()
    # A shell between: the peak that the kernel counts starts with what the parent of an exec had.
    command = [sys.executable, "-c", LIMITED, what, str(tmp_path / "blob"), str(tmp_path / "target")]
    done = subprocess.run(["sh", "-c", '"$@"; exit $?', "sh", *command], capture_output=True, text=True, check=True)
    number, peak = done.stdout.split()
    return int(number), int(peak)


@pytest.mark.parametrize("kind", ["gzip", "zstd"])
def test_a_gigabyte_of_zeros_in_a_megabyte(tmp_path: Path, kind: str) -> None:
    import zstandard
    from isal import isal_zlib

    size = 1 << 30
    gzipped = kind == "gzip"
    packer = isal_zlib.compressobj(1, 8, 31) if gzipped else zstandard.ZstdCompressor(level=1).compressobj()
    parts = [packer.compress(TarHeader(b"zeros", size=size).encode())]
    parts += [packer.compress(bytes(1 << 24)) for _ in range(64)]
    parts += [packer.compress(bytes(1024)), packer.flush()]
    total, peak = limited("read", b"".join(parts), tmp_path)
    assert total == size
    assert peak < 80


def test_many_empty_entries(tmp_path: Path) -> None:
    out = io.BytesIO()
    with TarWriter(out) as archive:
        for number in range(10_000):
            archive.add(TarHeader(b"d%d/some-file-name-%d" % (number % 50, number), uid=UID, gid=GID))
    count, peak = limited("apply", gzip.compress(out.getvalue(), 1), tmp_path)
    assert count == 10_000
    assert peak < 80


def test_unpacking_into_a_tree_with_a_link_that_leads_out(tmp_path: Path) -> None:
    """Even a link that was there before is resolved inside the root."""
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "out").symlink_to(outside)
    (root / "up").symlink_to("../outside")
    for name in ("out/x", "up/x"):
        with pytest.raises(ArchiveError):
            apply_layer(io.BytesIO(tar(member(name, b"1"))), root)
    assert list(outside.iterdir()) == []


def test_replacing_a_link_does_not_touch_its_target(tmp_path: Path) -> None:
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.write_text("safe")
    (root / "x").symlink_to(outside)
    apply(tar(member("x", b"new")), root)
    assert outside.read_text() == "safe" and (root / "x").read_bytes() == b"new"
    (root / "y").symlink_to(tmp_path)
    apply(tar(directory("y", mode=0o700)), root)
    assert not (root / "y").is_symlink() and outside.exists()


@pytest.mark.parametrize("name", [".wh...", "d/.wh..", ".wh."])
@pytest.mark.parametrize("whiteouts", ["overlay", "remove"])
def test_whiteouts_of_outside(tmp_path: Path, name: str, whiteouts: str) -> None:
    root = tmp_path / "root"
    (root / "d").mkdir(parents=True)
    (root / "d/keep").touch()
    try:
        apply(tar(member(name, b"")), root, whiteouts=whiteouts)
    except ArchiveError as error:
        assert "names no file" in str(error)
    assert (root / "d/keep").exists() and os.listdir(tmp_path) == ["root"]


def test_devices_in_a_user_namespace_are_left_out(tmp_path: Path) -> None:
    data = tar(member("sda", type=tarfile.BLKTYPE, devmajor=8, devminor=0), member("x", b"1"))
    apply(data, tmp_path, in_userns=True)
    assert os.listdir(tmp_path) == ["x"]


def test_deep_directories(tmp_path: Path) -> None:
    """The kernel's limit on paths, not Python's on recursion."""
    try:
        with pytest.raises(ArchiveError, match="File name too long"):
            apply_layer(io.BytesIO(tar(member("a/" * 3000 + "x", b""))), tmp_path)
        apply(tar(member("b/" * 400 + "x", b"1"), member("b/" * 200 + "y", b"2")), tmp_path)
    finally:
        # pytest's own clean-up recurses, and dies of such a tree in some later run.
        for entry in tmp_path.iterdir():
            remove_tree(str(entry))


# -- properties ---------------------------------------------------------------------------------------------------------

NAMES = st.text("ab./é", min_size=1, max_size=12)
ENTRY = st.one_of(
    st.tuples(st.just("file"), NAMES, st.binary(max_size=1500)),
    st.tuples(st.just("dir"), NAMES, st.just(b"")),
    st.tuples(st.just("link"), NAMES, st.sampled_from([b"..", b"/", b"a", b"a/b", b"../../x"])),
    st.tuples(st.just("hard"), NAMES, st.sampled_from([b"a", b"b", b"../a", b"/etc/passwd"])),
)
FORMATS = st.sampled_from([tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])


def make(entries: list[tuple[str, str, bytes]], format: int) -> bytes:
    kinds = {"dir": tarfile.DIRTYPE, "link": tarfile.SYMTYPE, "hard": tarfile.LNKTYPE}
    members = []
    for kind, name, value in entries:
        if kind == "file":
            members.append(member(name, value))
        else:
            members.append(member(name, type=kinds[kind], linkname=value.decode() if kind != "dir" else "", mode=0o755))
    return tar(*members, format=format)


@settings(deadline=None, max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(ENTRY, max_size=6), FORMATS)
def test_nothing_leaves_the_root(entries: list[tuple[str, str, bytes]], format: int) -> None:
    """Whatever the entries are: unpacked and re-created bit for bit, or refused; and never a file elsewhere."""
    data = make(entries, format)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "deep/root"
        root.mkdir(parents=True)
        try:
            apply(data, root)
        except SplitError:
            # Two names of one file through a link: the later content won, as with the Go tools.
            assert any(kind == "link" for kind, _, _ in entries)
        except ArchiveError as error:
            assert "\n" not in str(error)
        assert os.listdir(folder) == ["deep"] and os.listdir(f"{folder}/deep") == ["root"]


def split_and_back(data: bytes) -> bytes:
    """Through tar-split, with the contents kept in memory."""
    reader, contents = TarReader(io.BytesIO(data)), []
    while reader.next():
        content = reader.read()
        if not lost(reader.name):  # the others are kept in the tar-split itself
            contents.append(content)
    out = io.BytesIO()
    split_only(io.BytesIO(data), out)
    files = iter([content for content in contents if content])

    def open_member(name: bytes) -> int:
        fd = os.memfd_create("content")
        os.write(fd, next(files))
        os.lseek(fd, 0, 0)
        return fd

    return assemble(io.BytesIO(out.getvalue()), open_member).read()


@settings(deadline=None, max_examples=150)
@given(st.lists(ENTRY, max_size=6), FORMATS, st.binary(max_size=2000), st.integers(0, 20))
def test_tar_split_of_any_tar(entries: list[tuple[str, str, bytes]], format: int, behind: bytes, blocks: int) -> None:
    data = make(entries, format) + behind
    assert split_and_back(data) == data


@settings(deadline=None, max_examples=300)
@given(st.lists(ENTRY, max_size=3), FORMATS, st.lists(st.tuples(st.integers(0, 6000), st.integers(0, 255)), max_size=4))
def test_damaged_tars(entries: list[tuple[str, str, bytes]], format: int, damage: list[tuple[int, int]]) -> None:
    """A flipped byte gives an ArchiveError or another tar, nothing else."""
    data = bytearray(make(entries, format)[:6000])
    for position, value in damage:
        if position < len(data):
            data[position] = value
    try:
        assert split_and_back(bytes(data)) == data
    except ArchiveError:
        pass


@settings(deadline=None)
@given(st.binary(max_size=1500))
def test_any_bytes(data: bytes) -> None:
    reader = TarReader(io.BytesIO(data))
    try:
        while reader.next():
            reader.read()
    except BadHeader:
        pass
    except ArchiveError as error:
        assert "unexpected EOF" in str(error)
