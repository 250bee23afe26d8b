"""ocikit.common.files: whole files, paths that stay inside, trees that go away."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from ocikit.common import files


def test_atomic_write_replaces_and_sets_mode(tmp_path: Path) -> None:
    target = tmp_path / "f"
    mtime = files.atomic_write(target, b"one")
    assert target.stat().st_mtime_ns == mtime
    assert target.stat().st_mode & 0o7777 == 0o600
    files.atomic_write(str(target), b"two", mode=0o644, sync=False)
    assert target.read_bytes() == b"two"
    assert target.stat().st_mode & 0o7777 == 0o644
    assert os.listdir(tmp_path) == ["f"]


def test_atomic_write_failure_leaves_the_old(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "f"
    target.write_bytes(b"old")

    def full(fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fdatasync", full)
    with pytest.raises(OSError):
        files.atomic_write(target, b"new")
    assert target.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["f"]


def test_read_small(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x" * 100000)
    assert len(files.read_small(tmp_path / "f")) == 100000
    assert files.read_small("/proc/self/stat").endswith(b"\n")
    with pytest.raises(FileNotFoundError):
        files.read_small(tmp_path / "none")


def test_makedirs_mode(tmp_path: Path) -> None:
    old = os.umask(0o077)
    try:
        assert files.makedirs_mode(tmp_path / "a/b", 0o755)
        assert not files.makedirs_mode(tmp_path / "a/b", 0o700)
    finally:
        os.umask(old)
    assert (tmp_path / "a").stat().st_mode & 0o7777 == 0o755
    (tmp_path / "file").touch()
    with pytest.raises(FileExistsError):
        files.makedirs_mode(tmp_path / "file")


def _walked(root: int, path: str, flags: int, mode: int = 0) -> int:
    return files._walk_beneath(root, path, flags, mode)


@pytest.mark.parametrize("opener", [files.open_beneath, _walked])
class TestBeneath:
    def open(self, opener: Callable[..., int], root: Path, path: str, flags: int = os.O_RDONLY) -> bytes:
        base = os.open(root, os.O_PATH)
        try:
            fd = opener(base, path, flags, 0o600)
        finally:
            os.close(base)
        try:
            return os.read(fd, 100) if flags == os.O_RDONLY else b""
        finally:
            os.close(fd)

    def test_inside(self, opener: Callable[..., int], tmp_path: Path) -> None:
        root = tmp_path / "root"
        (root / "d/e").mkdir(parents=True)
        (root / "d/f").write_text("content")
        (root / "abs").symlink_to("/d")
        (root / "up").symlink_to("../../../d/f")
        (tmp_path / "secret").write_text("secret")
        for path in ("d/f", "/d/f", "../../d/f", "abs/f", "up", "d/e/../f", "./d//f"):
            assert self.open(opener, root, path) == b"content", path
        for path in ("../secret", "d/e/../../../secret", "missing"):
            with pytest.raises(FileNotFoundError):
                self.open(opener, root, path)

    def test_create_through_link_stays_inside(self, opener: Callable[..., int], tmp_path: Path) -> None:
        root = tmp_path / "root"
        root.mkdir()
        (root / "out").symlink_to("../outside")
        self.open(opener, root, "out", os.O_WRONLY | os.O_CREAT)
        assert not (tmp_path / "outside").exists()
        assert (root / "outside").exists()

    def test_loop(self, opener: Callable[..., int], tmp_path: Path) -> None:
        (tmp_path / "a").symlink_to("a")
        with pytest.raises(OSError):
            self.open(opener, tmp_path, "a")


class TestRemoveTree:
    def test_kinds(self, tmp_path: Path) -> None:
        files.remove_tree(tmp_path / "none")
        (tmp_path / "keep").mkdir()
        (tmp_path / "keep/file").touch()
        (tmp_path / "link").symlink_to("keep")
        files.remove_tree(tmp_path / "link")
        assert (tmp_path / "keep/file").exists()
        (tmp_path / "keep/back").symlink_to(tmp_path)
        os.mkfifo(tmp_path / "keep/pipe")
        files.remove_tree(f"{tmp_path}/keep/")
        assert os.listdir(tmp_path) == []

    def test_without_permission_bits(self, tmp_path: Path) -> None:
        (tmp_path / "t/locked").mkdir(parents=True)
        (tmp_path / "t/locked/file").touch()
        (tmp_path / "t/locked").chmod(0)
        (tmp_path / "t").chmod(0o500)
        files.remove_tree(tmp_path / "t")
        assert os.listdir(tmp_path) == []

    def test_very_deep(self, tmp_path: Path) -> None:
        fd = os.open(tmp_path, os.O_RDONLY)
        for name in ["top"] + ["d"] * 3000:
            os.mkdir(name, dir_fd=fd)
            deeper = os.open(name, os.O_RDONLY, dir_fd=fd)
            os.close(fd)
            fd = deeper
        os.close(fd)
        files.remove_tree(tmp_path / "top")
        assert os.listdir(tmp_path) == []
