"""Locks against threads, processes and the classic POSIX locks of the Go tools; the last-writer token."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from ocikit.storage import lockfile
from ocikit.storage.lockfile import LockFile

POSIX_HOLDER = """
import fcntl, sys
f = open(sys.argv[1], "r+b")
fcntl.lockf(f, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


def test_posix_lock_of_another_process_excludes_and_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.lock"
    path.touch()
    said: list[str] = []
    monkeypatch.setattr(lockfile, "on_wait", lambda path, holder: said.append(holder))
    with subprocess.Popen(
        [sys.executable, "-c", POSIX_HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None and other.stdin is not None
        assert other.stdout.readline() == b"held\n"
        lock = LockFile(str(path))
        assert not lock.try_write()
        threading.Timer(0.2, other.stdin.close).start()
        with lock.writing():
            assert other.wait(5) == 0
    assert f"(pid {other.pid})" in said[0]


def test_ours_excludes_posix_locks_and_survives_a_stray_close(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    lock = LockFile(str(path))
    probe = "import fcntl, sys; fcntl.lockf(open(sys.argv[1], 'r+b'), fcntl.LOCK_EX | fcntl.LOCK_NB)"
    with lock.writing():
        path.read_bytes()
        assert subprocess.run([sys.executable, "-c", probe, path], stderr=subprocess.DEVNULL, check=False).returncode
    assert not subprocess.run([sys.executable, "-c", probe, path], check=False).returncode


def test_threads_exclude_each_other(tmp_path: Path) -> None:
    lock = LockFile(str(tmp_path / "x.lock"))
    inside = []

    def work() -> None:
        for _ in range(50):
            with lock.writing(), lock.writing():
                inside.append(1)
                assert len(inside) == 1
                inside.pop()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_forked_child_does_not_prolong_the_lock(tmp_path: Path) -> None:
    lock = LockFile(str(tmp_path / "x.lock"))
    read, write = os.pipe()
    with lock.writing():
        pid = os.fork()
        if pid == 0:
            os.close(write)
            os.read(read, 1)
            os._exit(0)
    other = LockFile(lock.path)
    assert other.try_write()
    other.release()
    os.close(write)
    os.close(read)
    os.waitpid(pid, 0)


def test_token(tmp_path: Path) -> None:
    one, two = LockFile(str(tmp_path / "x.lock")), LockFile(str(tmp_path / "x.lock"))
    with one.writing():
        assert one.touched()  # first look: the empty token
        one.touch()
        assert not one.touched()
    with two.reading():
        assert two.touched()
        assert not two.touched()
    data = Path(one.path).read_bytes()
    assert len(data) == 64
    assert int.from_bytes(data[16:20], "little") == os.getpid()
    Path(one.path).write_bytes(b"short")
    with two.reading():
        assert two.touched()


def test_read_only_lock_on_what_cannot_be_written(tmp_path: Path) -> None:
    lock = LockFile(str(tmp_path / "none/x.lock"), read_only=True)
    with lock.reading():
        assert lock.touched()


def test_struct_is_what_fcntl_expects() -> None:
    assert len(lockfile._READ) == 32
    assert fcntl.F_RDLCK == 0 and fcntl.F_WRLCK == 1 and fcntl.F_UNLCK == 2
