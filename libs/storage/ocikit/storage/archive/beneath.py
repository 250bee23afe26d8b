"""Paths beneath an open root directory, never outside it: openat2 with RESOLVE_IN_ROOT, and a cache of directories.

A symbolic link inside the tree, even an absolute one, resolves inside the tree. Members are then made relative to their
directory's descriptor, so no path is walked twice and nothing can be swapped underneath.
"""

from __future__ import annotations

import errno
import os
import stat

from .errors import ArchiveError
from .fields import clean_path
from .reader import show

_O_DIR = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
_MAX_OPEN = 256


def open_in_root(root: int, path: bytes, flags: int) -> int:
    """openat2(2) of a path whose root is the directory ``root``."""
    from ocikit.common.linux import RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2

    while True:
        try:
            return openat2(root, path or b".", flags | os.O_CLOEXEC, 0, RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)
        except OSError as error:
            if error.errno != errno.EAGAIN:  # a rename elsewhere raced with a ".." in a link's target
                raise


def open_file_beneath(root: int, name: bytes) -> int:
    """A regular file for reading; OSError when there is none."""
    fd = open_in_root(root, clean_path(name), os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise FileNotFoundError(errno.ENOENT, "not a regular file")
    return fd


class Root:
    """The tree being unpacked: gives a descriptor for each directory, and makes the missing ones."""

    __slots__ = ("_cache", "fd", "gid", "mode", "stale", "uid")

    def __init__(self, fd: int, *, mode: int = 0o777, uid: int = -1, gid: int = -1) -> None:
        self.fd = fd
        self.mode = mode
        self.uid = uid
        self.stale = False
        self.gid = gid
        self._cache: dict[bytes, tuple[int, bool]] = {}

    def directory(self, path: bytes) -> tuple[int, bool]:
        """The descriptor (O_PATH) of a clean path's directory and whether its group is inherited (setgid).

        Good until two hundred other directories were asked for.
        """
        found = self._cache.pop(path, None)
        if found is None:
            try:
                fd = self._open(path)
            except FileNotFoundError:
                fd = self._make(path)
            found = self._opened(fd)
        self._cache[path] = found  # last used is last thrown out
        return found

    def existing(self, path: bytes) -> int:
        """As directory(), but OSError when it is missing."""
        found = self._cache.pop(path, None) or self._opened(self._open(path))
        self._cache[path] = found
        return found[0]

    def _opened(self, fd: int) -> tuple[int, bool]:
        if len(self._cache) >= _MAX_OPEN:
            os.close(self._cache.pop(next(iter(self._cache)))[0])
        return fd, bool(os.fstat(fd).st_mode & stat.S_ISGID)

    def _open(self, path: bytes) -> int:
        head, _, tail = path.rpartition(b"/")
        parent = self._cache.get(head)
        if tail and (parent is not None or not head):
            # One plain open from the parent; only a link needs the careful resolution.
            try:
                return os.open(tail, _O_DIR | os.O_NOFOLLOW, dir_fd=parent[0] if parent else self.fd)
            except NotADirectoryError:
                pass
        return open_in_root(self.fd, path, _O_DIR)

    def _make(self, path: bytes) -> int:
        """Makes a directory that is missing, and its parents. Not recursive: paths can be 2,000 levels deep."""
        missing: list[bytes] = []
        fd = -1
        while fd < 0:
            path, _, tail = path.rpartition(b"/")
            missing.append(tail)
            try:
                fd = open_in_root(self.fd, path, _O_DIR)
            except FileNotFoundError:
                if not path:
                    raise
        for tail in reversed(missing):
            try:
                os.mkdir(tail, self.mode, dir_fd=fd)
                if self.uid >= 0 and (self.uid, self.gid) != (os.geteuid(), os.getegid()):
                    os.chown(tail, self.uid, self.gid, dir_fd=fd, follow_symlinks=False)
                below = os.open(tail, _O_DIR | os.O_NOFOLLOW, dir_fd=fd)
            except FileExistsError:
                # A link that leads nowhere: making its target is not ours to decide.
                raise ArchiveError(
                    f"cannot make the directory {show(tail)}: a broken symbolic link is in its place"
                ) from None
            finally:
                os.close(fd)
            fd = below
        return fd

    def changed(self, path: bytes) -> None:
        """A directory's mode changed: look again when it is next used."""
        found = self._cache.pop(path, None)
        if found is not None:
            os.close(found[0])

    def forget(self) -> None:
        """Closes all cached descriptors; due when ``stale``, that is after a directory or link was removed or replaced."""
        for fd, _ in self._cache.values():
            os.close(fd)
        self._cache.clear()
        self.stale = False


def remove(dir_fd: int, name: bytes) -> None:
    """Removes a file, or a directory with all that is in it, without following links."""
    try:
        os.unlink(name, dir_fd=dir_fd)
        return
    except (IsADirectoryError, PermissionError):
        pass
    empty(dir_fd, name)
    os.rmdir(name, dir_fd=dir_fd)


def empty(dir_fd: int, name: bytes) -> None:
    """Removes everything in a directory. Iterative: a hostile layer can nest deeper than Python recurses."""
    stack = [os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=dir_fd)]
    names: list[bytes] = []
    try:
        while stack:
            fd = stack[-1]
            below = None
            for entry in os.listdir(fd):
                raw = os.fsencode(entry)
                try:
                    os.unlink(raw, dir_fd=fd)
                except (IsADirectoryError, PermissionError):
                    try:
                        os.rmdir(raw, dir_fd=fd)
                    except OSError as error:
                        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                            raise
                        below = raw
            if below is None:
                os.close(stack.pop())
                if names:
                    os.rmdir(names.pop(), dir_fd=stack[-1])
            else:
                if len(stack) >= 512:
                    raise ArchiveError("directories are nested deeper than 512 levels")
                stack.append(os.open(below, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd))
                names.append(below)
    finally:
        for fd in stack:
            os.close(fd)
