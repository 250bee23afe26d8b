from __future__ import annotations

import gzip
import io
import os
from pathlib import Path

import pytest

from ocikit.storage.archive import SplitError, SplitReader, assemble, open_in
from ocikit.storage.archive.split import checksum
from tests.unit.storage.archive.support import apply, member, tar

SUMS = {b"123456789": 0xB90956C775A41001, b"n\n": 0x614DB00000000000, b"hi\n": 0x6149981000000000}


@pytest.mark.parametrize("data", SUMS)
def test_checksum(data: bytes) -> None:
    """The check values of the storage format, 6.2; and in two steps."""
    assert checksum(data) == SUMS[data]
    assert checksum(data[1:], checksum(data[:1])) == SUMS[data]
    assert checksum(memoryview(data)) == SUMS[data]


@pytest.mark.parametrize(
    "text",
    [
        b"0\n", b"[]\n", b"{}\n", b"null\n", b'{"type":3}\n', b'{"type":2,"payload":7}\n', b'{"type":2,"payload":"*"}\n',
        b'{"type":1,"name":"x","size":-1}\n', b'{"type":1,"name":"x","size":5}\n', b'{"type":2,"payload":""}',
        b"[" * 100_000 + b"\n", b'{"type":1,"name":"\\ud800","size":0}\n', b"\xff\n",
    ],
)  # fmt: skip
def test_damaged(text: bytes) -> None:
    with pytest.raises(SplitError, match="tar-split data"):
        list(SplitReader(io.BytesIO(text)))
    with pytest.raises(SplitError):
        list(SplitReader(io.BytesIO(gzip.compress(text))))


@pytest.fixture
def layer(tmp_path: Path) -> tuple[Path, bytes]:
    return tmp_path, apply(tar(member("a", b"content" * 100_000), member("b", b"x")), tmp_path)


def again(layer: tuple[Path, bytes]) -> None:
    fd = os.open(layer[0], os.O_RDONLY)
    try:
        assemble(io.BytesIO(layer[1]), open_in(fd)).read()
    finally:
        os.close(fd)


def test_changed_contents(layer: tuple[Path, bytes]) -> None:
    with (layer[0] / "a").open("r+b") as file:
        file.write(b"C")
    with pytest.raises(SplitError, match="file integrity checksum failed for 'a'"):
        again(layer)


def test_shorter_and_longer(layer: tuple[Path, bytes]) -> None:
    (layer[0] / "b").write_bytes(b"xy")
    with pytest.raises(SplitError, match="b is longer than recorded"):
        again(layer)
    os.truncate(layer[0] / "b", 1)
    os.truncate(layer[0] / "a", 5)
    with pytest.raises(SplitError, match="a is 699995 bytes shorter than recorded"):
        again(layer)


@pytest.mark.parametrize("how", ["gone", "link", "fifo", "directory"])
def test_not_a_file_any_more(layer: tuple[Path, bytes], how: str) -> None:
    """A link or fifo in a file's place is not opened, least of all waited for."""
    path = layer[0] / "b"
    path.unlink()
    if how == "link":
        path.symlink_to("a")
    elif how == "fifo":
        os.mkfifo(path)
    elif how == "directory":
        path.mkdir()
    with pytest.raises(SplitError, match="b cannot be read"):
        again(layer)


def test_first_directory_that_has_the_name(tmp_path: Path) -> None:
    top, low = tmp_path / "top", tmp_path / "low"
    top.mkdir()
    low.mkdir()
    data = tar(member("a", b"one"), member("b", b"two"))
    split = apply(data, low)
    os.rename(low / "a", top / "a")
    fds = [os.open(path, os.O_RDONLY) for path in (top, low)]
    try:
        assert assemble(io.BytesIO(split), open_in(*fds)).read() == data
    finally:
        for fd in fds:
            os.close(fd)
