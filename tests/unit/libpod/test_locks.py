"""Locks: allocation, exclusion between processes, owners that died."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from ocikit.common.errors import OcikitError
from ocikit.libpod.locks import FileLocks, ShmLocks


def test_segment_layout(tmp_path: Path) -> None:
    ShmLocks("locks", 2048, str(tmp_path))
    data = (tmp_path / "locks").read_bytes()
    assert len(data) == 82488
    assert data[:2] == b"\xd1\x87"
    assert int.from_bytes(data[48:52], "little") == 64 and int.from_bytes(data[52:56], "little") == 2048


@pytest.mark.parametrize("kind", ["shm", "file"])
def test_allocation(tmp_path: Path, kind: str) -> None:
    locks = ShmLocks("locks", 64, str(tmp_path)) if kind == "shm" else FileLocks(str(tmp_path / "locks"), 64)
    assert [locks.allocate() for _ in range(40)] == list(range(40))
    locks.free(3)
    assert locks.allocate() == 3
    locks.claim(50)
    assert locks.free_count() == 64 - 41
    for _ in range(23):
        locks.allocate()
    with pytest.raises(OcikitError):
        locks.allocate()


def test_another_size_is_refused(tmp_path: Path) -> None:
    ShmLocks("locks", 64, str(tmp_path))
    with pytest.raises(OcikitError, match="bytes where"):
        ShmLocks("locks", 128, str(tmp_path))


@pytest.mark.parametrize("kind", ["shm", "file"])
def test_a_dead_owner_frees_its_lock(tmp_path: Path, kind: str) -> None:
    def make() -> ShmLocks | FileLocks:
        return ShmLocks("locks", 64, str(tmp_path)) if kind == "shm" else FileLocks(str(tmp_path / "locks"))

    locks = make()
    number = locks.allocate()
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            make().acquire(number)
            os.write(writer, b"x")
            time.sleep(30)
        finally:
            os._exit(0)
    os.close(writer)
    assert os.read(reader, 1) == b"x"
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    os.close(reader)
    with locks.hold(number), locks.hold(number):
        pass
    with locks.hold(number):
        pass
