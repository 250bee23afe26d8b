from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import stat
import tarfile
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from ocikit.storage.archive import (
    ApplyOptions,
    ArchiveError,
    DuplicatePath,
    TruncatedArchive,
    apply_layer,
    unpack_layer,
)

from .support import apply, directory, member, tar

FORMATS = [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT]


def listing(root: Path) -> dict[str, tuple[str, int, bytes]]:
    out = {}
    for path in sorted(root.rglob("*")):
        status = path.lstat()
        data = b""
        if stat.S_ISLNK(status.st_mode):
            data = os.fsencode(os.readlink(path))
        elif stat.S_ISREG(status.st_mode):
            data = path.read_bytes()
        out[str(path.relative_to(root))] = (stat.filemode(status.st_mode), status.st_mtime_ns // 10**9, data)
    return out


@pytest.mark.parametrize("format", FORMATS)
def test_usual_layer(tmp_path: Path, format: int) -> None:
    big = os.urandom(700_001)
    data = tar(
        directory("usr"),
        directory("usr/bin", mode=0o1777),
        member("usr/bin/tool", b"#!/bin/sh\n", mode=0o4755),
        member("usr/bin/big", big, mode=0o600, mtime=5),
        member("usr/bin/again", type=tarfile.LNKTYPE, linkname="usr/bin/tool", mode=0o4755),
        member("usr/bin/link", type=tarfile.SYMTYPE, linkname="/etc/passwd", mode=0o777),
        member("usr/fifo", type=tarfile.FIFOTYPE),
        member("empty", b""),
        member("a/" * 30 + "deep" * 10, b"deep"),
        format=format,
    )
    apply(data, tmp_path)
    got = listing(tmp_path)
    assert got["usr"] == ("drwxr-xr-x", 1_700_000_000, b"")
    assert got["usr/bin"][0] == "drwxrwxrwt"
    assert got["usr/bin/tool"] == ("-rwsr-xr-x", 1_700_000_000, b"#!/bin/sh\n")
    assert got["usr/bin/big"] == ("-rw-------", 5, big)
    assert got["usr/bin/link"] == ("lrwxrwxrwx", 1_700_000_000, b"/etc/passwd")
    assert got["usr/fifo"][0] == "prw-r--r--"
    assert (tmp_path / "usr/bin/again").stat().st_ino == (tmp_path / "usr/bin/tool").stat().st_ino
    assert got["a/" * 30 + "deep" * 10][2] == b"deep"


def test_split_lines(tmp_path: Path) -> None:
    """Segmentation, checksums and spelling as the storage format's example has them (6.1, 6.2)."""
    data = tar(directory("bin/"), member("bin/a<b", b"n\n"), member("é", b"hi\n"))
    lines = gzip.decompress(apply(data, tmp_path)).decode().splitlines()
    records = [json.loads(line) for line in lines]
    assert [record["type"] for record in records] == [2, 1, 2, 1, 2, 1, 2, 2, 2]
    assert [record["position"] for record in records] == list(range(9))
    assert lines[1] == '{"type":1,"name":"bin/","payload":null,"position":1}'
    assert lines[3] == '{"type":1,"name":"bin/a\\u003cb","size":2,"payload":"YU2wAAAAAAA=","position":3}'
    assert lines[5] == '{"type":1,"name":"é","size":3,"payload":"YUmYEAAAAAA=","position":5}'


def test_name_that_is_not_utf8(tmp_path: Path) -> None:
    data = tar(member("x\udcff", b"1"), format=tarfile.GNU_FORMAT, encoding="utf-8", errors="surrogateescape")
    split = gzip.decompress(apply(data, tmp_path))
    assert b'"name_raw":"eP8="' in split and b'"name":' not in split
    assert os.listdir(os.fsencode(tmp_path)) == [b"x\xff"]


def test_empty_input_is_an_empty_layer(tmp_path: Path) -> None:
    apply(b"", tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_trailing_bytes_are_kept(tmp_path: Path) -> None:
    apply(tar(member("a", b"1")) + os.urandom(2_500_000), tmp_path)


@pytest.mark.parametrize("cut", [100, 512, 600, 1111, 1536 + 100, 2048 + 100])
def test_truncated(tmp_path: Path, cut: int) -> None:
    data = tar(member("a", b"x" * 600), format=tarfile.USTAR_FORMAT)[:cut]
    with pytest.raises(TruncatedArchive, match="unexpected EOF"):
        apply_layer(io.BytesIO(data), tmp_path)


@pytest.mark.parametrize("names", [("a", "a"), ("a", "./a"), ("d/a", "d//a"), ("d/../a", "a")])
def test_duplicates(tmp_path: Path, names: tuple[str, str]) -> None:
    with pytest.raises(DuplicatePath, match="duplicates of file paths not supported"):
        apply_layer(io.BytesIO(tar(*(member(name, b"") for name in names))), tmp_path)


def test_times(tmp_path: Path) -> None:
    data = tar(
        directory("d", mtime=1000),
        member("d/x", b"", pax_headers={"mtime": "1350244992.023960108"}),
        member("d/old", b"", mtime=-5),
    )
    apply(data, tmp_path)
    assert (tmp_path / "d").stat().st_mtime_ns == 1000 * 10**9
    assert (tmp_path / "d/x").stat().st_mtime_ns == 1350244992023960108
    assert (tmp_path / "d/old").stat().st_mtime_ns == 0


def test_xattrs(tmp_path: Path) -> None:
    data = tar(
        member("x", b"1", pax_headers={"SCHILY.xattr.user.note": "hello", "SCHILY.xattr.security.selinux": "no"})
    )
    apply(data, tmp_path)
    assert os.getxattr(tmp_path / "x", "user.note") == b"hello"
    assert "security.selinux" not in os.listxattr(tmp_path / "x") or os.geteuid() == 0


def test_plain_whiteouts(tmp_path: Path) -> None:
    data = tar(directory("d"), member("d/.wh.gone", b""), member("d/.wh..wh..opq", b""))
    apply(data, tmp_path, whiteouts="plain")
    assert sorted(os.listdir(tmp_path / "d")) == [".wh..wh..opq", ".wh.gone"]


def test_removing_whiteouts(tmp_path: Path) -> None:
    for name in ("d/old", "d/sub/old", "d/keep", "e/gone/x"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    data = tar(
        member("d/keep", b"new"), member("d/.wh..wh..opq", b""), member("e/.wh.gone", b""), member("f/.wh.none", b"")
    )
    apply(data, tmp_path, whiteouts="remove")
    assert [str(p.relative_to(tmp_path)) for p in sorted(tmp_path.rglob("*"))] == ["d", "d/keep", "e", "f"]
    assert (tmp_path / "d/keep").read_bytes() == b"new"


@pytest.mark.parametrize("target", ["/", "..", "/etc", "../../../../etc"])
def test_links_stay_inside(tmp_path: Path, target: str) -> None:
    """A link is stored as it is; writing through it stays beneath the root."""
    root = tmp_path / "root"
    root.mkdir()
    data = tar(member("out", type=tarfile.SYMTYPE, linkname=target), member("out/evil", b"1"))
    try:
        apply(data, root)
    except ArchiveError:
        pass
    assert os.listdir(tmp_path) == ["root"]
    assert not os.path.exists("/etc/evil") and not os.path.exists("/evil")
    assert os.readlink(root / "out") == target


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/../../evil", "../../../../../../../evil"])
def test_names_stay_inside(tmp_path: Path, name: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    apply(tar(member(name, b"1")), root)
    assert (root / "evil").read_bytes() == b"1"
    assert os.listdir(tmp_path) == ["root"]


@pytest.mark.parametrize("target", ["/etc/passwd", "../../../../etc/passwd", "missing"])
def test_hard_link_to_what_is_not_in_the_layer(tmp_path: Path, target: str) -> None:
    data = tar(member("x", type=tarfile.LNKTYPE, linkname=target))
    with pytest.raises(ArchiveError, match=r"cannot unpack x: |no such file or directory"):
        apply_layer(io.BytesIO(data), tmp_path)
    assert os.listdir(tmp_path) == []


def test_hard_link_does_not_follow(tmp_path: Path) -> None:
    data = tar(
        member("link", type=tarfile.SYMTYPE, linkname="/etc/passwd"),
        member("hard", type=tarfile.LNKTYPE, linkname="link"),
    )
    apply(data, tmp_path)
    assert os.readlink(tmp_path / "hard") == "/etc/passwd"


def test_unknown_type(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="unhandled tar header type 55"):
        apply_layer(io.BytesIO(tar(member("x", b"", type=tarfile.CONTTYPE))), tmp_path)


def test_file_replaces_directory_and_back(tmp_path: Path) -> None:
    (tmp_path / "d/sub").mkdir(parents=True)
    (tmp_path / "f").write_text("file")
    apply(tar(member("d", b"now a file"), directory("f"), member("f/inner", b"1")), tmp_path)
    assert (tmp_path / "d").read_bytes() == b"now a file"
    assert (tmp_path / "f/inner").read_bytes() == b"1"


def test_unmapped_owner(tmp_path: Path) -> None:
    data = tar(member("x", b"", uid=70000))
    with pytest.raises(ArchiveError, match="container ID 70000 cannot be mapped to a host ID"):
        apply_layer(io.BytesIO(data), tmp_path, ApplyOptions(uidmap=((0, os.geteuid(), 1), (1, 100000, 65536))))


def test_id_sets(tmp_path: Path) -> None:
    data = tar(member("x", b""), member(".wh.y", b"", uid=12345))
    result = apply_layer(io.BytesIO(data), tmp_path, ApplyOptions(whiteouts="plain", ignore_chown_errors=True))
    assert result.uidset == [os.geteuid()] and result.gidset == [os.getegid()]


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize("end", [0, 512, 1024, 5, 20480])
def test_pipeline_with_any_end(tmp_path: Path, compress: Callable[[bytes], bytes], end: int) -> None:
    """An archive may end without terminator, within it, or with anything behind it."""
    data = tar(member("a", b"1"))[:1024] + bytes(end if end != 5 else 0) + b"trail" * (end == 20480)
    packed = compress(data)
    result = unpack_layer(io.BytesIO(packed), tmp_path, None, io.BytesIO())
    assert result.size == len(data)
    assert result.diff_id == "sha256:" + hashlib.sha256(data).hexdigest()
    assert result.compressed_digest == ("sha256:" + hashlib.sha256(packed).hexdigest())


def test_pipeline_stops_on_errors(tmp_path: Path) -> None:
    """A fault in the tar ends the reading of the blob, a fault of the blob the unpacking; no thread stays."""
    before = threading.active_count()
    big = tar(member("x", b"", type=tarfile.CONTTYPE), member("y", bytes(30_000_000)))
    with pytest.raises(ArchiveError, match="unhandled"):
        unpack_layer(io.BytesIO(gzip.compress(big, 1)), tmp_path, None, io.BytesIO())

    class Broken(io.BytesIO):
        def read(self, n: int | None = -1, /) -> bytes:
            data = super().read(min(n or 0, 4096))
            if self.tell() > 100_000:
                raise ConnectionResetError(104, "reset by peer")
            return data

    with pytest.raises((ConnectionResetError, ArchiveError), match="reset by peer"):
        unpack_layer(Broken(tar(member("z", bytes(1_000_000)))), tmp_path, None, io.BytesIO())
    assert threading.active_count() == before


def test_removing_skips_the_books_of_aufs(tmp_path: Path) -> None:
    apply(
        tar(member(".wh..wh.aufs", b""), member(".wh..wh.plnk/1.2", b"x"), member("a", b"1")),
        tmp_path,
        whiteouts="remove",
    )
    assert os.listdir(tmp_path) == ["a"]


def test_an_opaque_mark_spares_what_this_layer_brought(tmp_path: Path) -> None:
    for name in ("d/sub/old", "d/other/old"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).touch()
    apply(tar(member("d/sub/new", b"1"), member("d/.wh..wh..opq", b"")), tmp_path, whiteouts="remove")
    assert [str(path.relative_to(tmp_path)) for path in sorted(tmp_path.rglob("*"))] == ["d", "d/sub", "d/sub/new"]
