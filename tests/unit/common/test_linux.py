"""ocikit.common.linux: calls that need no privilege, and how failures look."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ocikit.common import linux


def test_failure_names_the_path() -> None:
    with pytest.raises(OSError) as info:
        linux.umount2("/nonexistent/x")
    assert info.value.errno in (errno.ENOENT, errno.EPERM)
    assert info.value.filename == "/nonexistent/x"


def test_openat2_stays_in_root(tmp_path: Path) -> None:
    (tmp_path / "in").write_text("inside")
    (tmp_path / "link").symlink_to("/in")
    root = os.open(tmp_path, os.O_PATH)
    try:
        fd = linux.openat2(root, "../../link", os.O_RDONLY, 0, linux.RESOLVE_IN_ROOT)
    except OSError as exc:
        if exc.errno in (errno.ENOSYS, errno.EPERM):
            pytest.skip("no openat2 here")
        raise
    finally:
        os.close(root)
    assert os.read(fd, 10) == b"inside"
    assert not os.get_inheritable(fd)
    os.close(fd)


def test_prctl_and_capabilities() -> None:
    assert linux.prctl(linux.PR_GET_NO_NEW_PRIVS) in (0, 1)
    effective, permitted, _ = linux.capget()
    assert effective & ~permitted == 0
    code = "from ocikit.common import linux; e, p, i = linux.capget(); linux.capset(0, p, i); print(linux.capget()[0])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "0"


def test_unknown_namespace_descriptor() -> None:
    read, write = os.pipe()
    try:
        with pytest.raises(OSError, match=r"setns"):
            linux.setns(read)
    finally:
        os.close(read)
        os.close(write)
