from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.storage.archive import (
    ArchiveError,
    TarHeader,
    TarOptions,
    TarReader,
    TarWriter,
    apply_layer,
    create_tar,
)
from ocikit.storage.archive.fields import DIRECTORY, SYMLINK

NAME = st.binary(min_size=1, max_size=300).filter(lambda name: b"\0" not in name and not name.endswith(b"/"))
NUMBER = st.integers(0, 2**40)
HEADERS = st.builds(
    TarHeader,
    name=NAME,
    mode=st.integers(0, 0o7777),
    uid=NUMBER,
    gid=NUMBER,
    mtime=st.integers(-(2**40), 2**40),
    uname=st.binary(max_size=40).filter(lambda text: b"\0" not in text),
    xattrs=st.dictionaries(st.sampled_from([b"user.a", b"security.capability"]), st.binary(min_size=1, max_size=50)),
    mtime_ns=st.none() | st.integers(-(10**18), 10**18).filter(lambda ns: ns % 10**9 != 0),
)


@given(st.lists(st.tuples(HEADERS, st.binary(max_size=2000)), max_size=5))
def test_what_is_written_is_read(entries: list[tuple[TarHeader, bytes]]) -> None:
    out = io.BytesIO()
    with TarWriter(out) as tar:
        for header, data in entries:
            tar.add(header, data)
    reader = TarReader(io.BytesIO(out.getvalue()))
    for header, data in entries:
        assert reader.next()
        if header.mtime_ns is not None:
            header.mtime = header.mtime_ns // 10**9
        assert TarHeader.of(reader) == header.with_(size=len(data))
        assert reader.read() == data
    assert not reader.next()


@given(st.text("abc/é", min_size=1, max_size=300).map(lambda name: name.strip("/") or "x"))
def test_tarfile_agrees_on_names(name: str) -> None:
    out = io.BytesIO()
    with TarWriter(out) as tar:
        tar.add(TarHeader(name.encode(), mtime=5), b"data")
    with tarfile.open(fileobj=io.BytesIO(out.getvalue()), encoding="utf-8") as archive:
        (info,) = archive.getmembers()
        assert info.name == name and info.mtime == 5


def test_ustar_where_it_fits() -> None:
    assert len(TarHeader(b"a" * 100).encode()) == 512
    assert len(TarHeader(b"p" * 155 + b"/" + b"n" * 100).encode()) == 512
    assert len(TarHeader(b"p" * 156 + b"/" + b"n" * 100).encode()) > 512
    assert len(TarHeader("é".encode()).encode()) == 1536
    assert len(TarHeader(b"x", uid=0o7777777).encode()) == 512
    assert len(TarHeader(b"x", uid=0o7777777 + 1).encode()) == 1536


def test_short_content_is_an_error() -> None:
    with pytest.raises(ArchiveError, match="ends 7 bytes too early"):
        TarWriter(io.BytesIO()).add(TarHeader(b"x", size=10), io.BytesIO(b"abc"))


def tree(root: Path) -> None:
    (root / "d/sub").mkdir(parents=True)
    (root / "d/file").write_bytes(b"x" * 600_000)
    (root / "d/sub/tool").write_bytes(b"#!")
    (root / "d/sub/tool").chmod(0o755)
    os.link(root / "d/file", root / "d/second")
    (root / "link").symlink_to("../outside")
    os.mkfifo(root / "fifo")
    (root / "d.first").touch()


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return [info.name + ("/" if info.isdir() else "") for info in archive]


def test_create_tar_order_and_links(tmp_path: Path) -> None:
    tree(tmp_path)
    data = create_tar(tmp_path).read()
    assert names(data) == ["d/", "d/file", "d/second", "d/sub/", "d/sub/tool", "d.first", "fifo", "link"]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert archive.getmember("d/second").islnk() and archive.getmember("d/second").linkname == "d/file"
        assert archive.getmember("link").mode == 0o777 and archive.getmember("link").linkname == "../outside"
        assert archive.getmember("d/file").uname == ""
    assert len(data) % 512 == 0


def test_create_tar_there_and_back(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    tree(tmp_path / "a")
    data = create_tar(tmp_path / "a").read()
    apply_layer(io.BytesIO(data), tmp_path / "b")
    assert create_tar(tmp_path / "b").read() == data


def test_options(tmp_path: Path) -> None:
    tree(tmp_path)

    def keep(header: TarHeader) -> TarHeader | None:
        if header.name == b"in/d/sub/":
            return None
        return header.with_(mode=0o700) if header.type == DIRECTORY else header

    options = TarOptions(prefix=b"in/", owner=(7, 8), mtime=99, filter=keep, include_root=True)
    data = create_tar(tmp_path, options, names=(b"d", b"link")).read()
    assert names(data) == ["in/", "in/d/", "in/d/file", "in/d/second", "in/link"]
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        assert {(info.uid, info.gid, info.mtime) for info in archive} == {(7, 8, 99)}
        assert archive.getmember("in/d").mode == 0o700


def test_ids_are_mapped_back(tmp_path: Path) -> None:
    (tmp_path / "x").touch()
    uid, gid = os.geteuid(), os.getegid()
    options = TarOptions(uidmap=((1000, uid, 1),), gidmap=((2000, gid, 1),))
    with tarfile.open(fileobj=io.BytesIO(create_tar(tmp_path, options).read())) as archive:
        assert (archive.getmember("x").uid, archive.getmember("x").gid) == (1000, 2000)
    with pytest.raises(ArchiveError, match="cannot be mapped to a container ID"):
        create_tar(tmp_path, TarOptions(uidmap=((0, uid + 1, 1),))).read()


def test_small_reads(tmp_path: Path) -> None:
    tree(tmp_path)
    whole = create_tar(tmp_path).read()
    stream, out = create_tar(tmp_path), b""
    while piece := stream.read(70_001):
        assert len(piece) <= 70_001
        out += piece
    assert out == whole


def test_symlink_header() -> None:
    assert TarHeader(b"l", SYMLINK, linkname=b"t" * 101).encode().count(b"linkpath") == 1
