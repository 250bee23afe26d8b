from __future__ import annotations

import io
import os
import stat
import tarfile
import time
from pathlib import Path

import pytest

from ocikit.storage.archive import (
    ApplyOptions,
    apply_layer,
    changes_naive,
    changes_overlay,
    copy_tree,
    create_tar,
    diff_naive,
    diff_overlay,
    shift_tree,
)


def whiteout(path: Path) -> None:
    try:
        os.mknod(path, stat.S_IFCHR, 0)
    except PermissionError:
        pytest.skip("this kernel lets only root make overlay whiteouts")


def opaque(path: Path) -> None:
    try:
        os.setxattr(path, "user.overlay.opaque", b"y")
    except OSError:
        pytest.skip("this file system keeps no user attributes")


@pytest.fixture
def layers(tmp_path: Path) -> tuple[Path, Path]:
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    for name in ("d/old", "gone", "sub/gone", "same"):
        (lower / name).parent.mkdir(parents=True, exist_ok=True)
        (lower / name).write_text(name)
    (upper / "d").mkdir(parents=True)
    (upper / "d/new").write_text("new")
    (upper / "same").write_text("changed")
    (upper / "sub").mkdir()
    (upper / "fresh").mkdir()
    opaque(upper / "d")
    opaque(upper / "fresh")
    whiteout(upper / "gone")
    whiteout(upper / "sub/gone")
    return lower, upper


def test_overlay_tar(layers: tuple[Path, Path]) -> None:
    lower, upper = layers
    with tarfile.open(fileobj=io.BytesIO(diff_overlay(upper, [lower]).read())) as archive:
        infos = list(archive)
    assert [info.name for info in infos] == [
        "d", "d/.wh..wh..opq", "d/new", "fresh", ".wh.gone", "same", "sub", "sub/.wh.gone",
    ]  # fmt: skip
    by_name = {info.name: info for info in infos}
    assert (by_name[".wh.gone"].mode, by_name[".wh.gone"].size, by_name[".wh.gone"].type) == (0, 0, tarfile.REGTYPE)
    assert by_name["d/.wh..wh..opq"].mtime == 0
    assert by_name["d/.wh..wh..opq"].mode == by_name["d"].mode
    assert by_name["d"].pax_headers == {}


def test_overlay_changes(layers: tuple[Path, Path]) -> None:
    lower, upper = layers
    assert changes_overlay(upper, [lower]) == [
        ("D", "/d"), ("A", "/d/new"), ("A", "/fresh"), ("D", "/gone"), ("C", "/same"), ("C", "/sub"), ("D", "/sub/gone"),
    ]  # fmt: skip


def test_overlay_round_trip(layers: tuple[Path, Path], tmp_path: Path) -> None:
    lower, upper = layers
    data = diff_overlay(upper, [lower]).read()
    again = tmp_path / "again"
    again.mkdir()
    apply_layer(io.BytesIO(data), again, ApplyOptions(opaque_xattr="user.overlay.opaque"))
    assert diff_overlay(again, [lower]).read() == data


def test_naive(tmp_path: Path) -> None:
    old, new = tmp_path / "old", tmp_path / "new"
    for name in ("keep/a", "change/deep/x", "gone/y", "type"):
        (old / name).parent.mkdir(parents=True, exist_ok=True)
        (old / name).write_text(name)
    copy_tree(old, new_dir(new))
    (new / "change/deep/x").write_text("other")
    (new / "gone/y").unlink()
    (new / "gone").rmdir()
    (new / "type").unlink()
    (new / "type").mkdir()
    (new / "type/in").touch()
    (new / "add").symlink_to("keep")
    assert changes_naive(new, old) == [
        ("A", "/add"), ("C", "/change"), ("C", "/change/deep"), ("C", "/change/deep/x"), ("D", "/gone"), ("C", "/type"),
        ("A", "/type/in"),
    ]  # fmt: skip
    began = time.time()
    data = diff_naive(new, old).read()
    assert int(time.time()) > int(began)
    assert names(data) == [
        "add", "change", "change/deep", "change/deep/x", ".wh.gone", "type", "type/in",
    ]  # fmt: skip
    apply_layer(io.BytesIO(data), old, ApplyOptions(whiteouts="remove"))
    assert changes_naive(new, old) == []


def new_dir(path: Path) -> Path:
    path.mkdir()
    return path


def names(data: bytes) -> list[str]:
    with tarfile.open(fileobj=io.BytesIO(data)) as archive:
        return archive.getnames()


def test_naive_against_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").touch()
    assert changes_naive(tmp_path, None) == [("A", "/a"), ("A", "/a/b")]
    assert diff_naive(tmp_path, None).read() == create_tar(tmp_path).read()


def test_copy_tree(tmp_path: Path) -> None:
    source = tmp_path / "source"
    (source / "d").mkdir(parents=True)
    (source / "d/file").write_bytes(os.urandom(300_000))
    os.link(source / "d/file", source / "again")
    (source / "link").symlink_to("nowhere")
    os.mkfifo(source / "fifo", 0o640)
    os.utime(source / "d", ns=(5, 7))
    (source / "d").chmod(0o2710)
    target = new_dir(tmp_path / "target")
    copy_tree(source, target)
    assert create_tar(target).read() == create_tar(source).read()
    assert (target / "d").stat().st_mtime_ns == 7
    assert (target / "again").stat().st_ino == (target / "d/file").stat().st_ino
    assert changes_naive(target, source) == []


def test_shift_to_the_same_ids(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/tool").touch()
    (tmp_path / "d/tool").chmod(0o4755)
    os.link(tmp_path / "d/tool", tmp_path / "again")
    uid, gid = os.geteuid(), os.getegid()
    count = shift_tree(
        tmp_path, uid_from=((0, uid, 1),), gid_from=((0, gid, 1),), uid_to=((0, uid, 1),), gid_to=((0, gid, 1),)
    )
    assert count == 3
    assert stat.S_IMODE((tmp_path / "d/tool").stat().st_mode) == 0o4755
