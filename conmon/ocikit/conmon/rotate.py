"""Replacing a log file: truncation by rename, or a shift through ``PATH.1`` to ``PATH.N``."""

from __future__ import annotations

import posix

_NEW = posix.O_WRONLY | posix.O_APPEND | posix.O_CREAT | posix.O_CLOEXEC


class Refused(Exception):
    """The path is not one that may be rotated; the old file stays in use."""


def replace(path: str) -> int:
    """An empty file takes the place of ``path`` in one rename: a reader sees the old file or the new, never none."""
    temporary = path + ".tmp"
    fd = posix.open(temporary, _NEW | posix.O_TRUNC, 0o640)
    try:
        posix.rename(temporary, path)
    except OSError:
        posix.close(fd)
        raise
    return fd


def shift(path: str, old_fd: int, max_files: int, allowed: tuple[str, ...]) -> int:
    """``PATH`` becomes ``PATH.1``, ``PATH.1`` becomes ``PATH.2`` ... and the oldest goes; the descriptor of the new PATH."""
    import fcntl

    _check(path, allowed)
    fcntl.lockf(old_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    fresh = path + ".new"
    fd = posix.open(fresh, _NEW | posix.O_EXCL, 0o640)
    try:
        for number in range(max_files - 1, 0, -1):
            try:
                posix.rename(f"{path}.{number}", f"{path}.{number + 1}")
            except FileNotFoundError:
                continue
        posix.rename(path, f"{path}.1")
        posix.rename(fresh, path)
    except OSError:
        posix.close(fd)
        posix.unlink(fresh)
        raise
    return fd


def _check(path: str, allowed: tuple[str, ...]) -> None:
    if ".." in path.split("/"):
        raise Refused(f"{path} has a parent-directory component")
    if (posix.lstat(path).st_mode & 0o170000) == 0o120000:
        raise Refused(f"{path} is a symbolic link")
    folder = path.rpartition("/")[0] or "/"
    if allowed and not any(folder == base.rstrip("/") or folder.startswith(base.rstrip("/") + "/") for base in allowed):
        raise Refused(f"{path} lies outside the allowed directories")
