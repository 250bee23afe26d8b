"""Puts entries into a container's file system and computes the digest of what was put, in one pass over the bytes.

The digest is that of an uncompressed tar in the form that buildah hashes (specification of builds, "Content digest");
it stands in the history and is half of the cache key.
"""

from __future__ import annotations

import os
import stat

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.rooted import resolve
from ocikit.libpod.build.sources import Entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    Hash = Callable[[bytes], object]

CHUNK_BYTES = 1 << 20


class Attributes:
    """What flags set on every entry. ``owner`` None keeps the source's; ``mode`` None keeps its permissions."""

    __slots__ = ("keep_setid", "mode", "mtime_s", "owner")

    def __init__(
        self,
        owner: tuple[int, int] | None = (0, 0),
        mode: int | None = None,
        *,
        keep_setid: bool = False,
        mtime_s: int | None = None,
    ) -> None:
        self.owner, self.mode, self.keep_setid, self.mtime_s = owner, mode, keep_setid, mtime_s

    def mode_of(self, status: os.stat_result) -> int:
        if self.mode is not None and not stat.S_ISLNK(status.st_mode):
            return self.mode
        return stat.S_IMODE(status.st_mode) & (0o7777 if self.keep_setid else 0o1777)

    def owner_of(self, status: os.stat_result) -> tuple[int, int]:
        return self.owner if self.owner is not None else (status.st_uid, status.st_gid)


class Writer:
    """Writes entries below ``root``/``base`` (inside the container). Existing files are replaced, directories are kept."""

    def __init__(self, root: str, base: str, attributes: Attributes) -> None:
        self.root, self.base, self.attributes = root, base, attributes
        self._times: list[tuple[str, tuple[int, int]]] = []
        # The directory of the last entry and where it is: entries come directory by directory, and resolving a path costs
        # a readlink for each of its components.
        self._folder: tuple[str, str] = ("", "")

    def _where(self, name: str) -> str:
        folder, _, last = name.rpartition("/")
        if not last or last in (".", ".."):
            return resolve(self.root, f"{self.base}/{name}", follow_last=False)
        if not self._folder[1] or folder != self._folder[0]:
            self._folder = (folder, resolve(self.root, f"{self.base}/{folder}"))
        return f"{self._folder[1]}/{last}"

    def put(self, entry: Entry, hash_update: Hash | None = None) -> None:
        """Copies one entry; a regular file's bytes go to ``hash_update`` on their way."""
        where = self._where(entry.name)
        kind = stat.S_IFMT(entry.status.st_mode)
        if kind == stat.S_IFDIR:
            self._directory(entry, where)
            return
        try:
            found = os.lstat(where)
        except FileNotFoundError:
            pass
        else:
            if stat.S_ISDIR(found.st_mode):
                raise BuildError(f'cannot copy "{entry.path}" over the directory "{self.base}/{entry.name}"')
            os.unlink(where)
        if kind == stat.S_IFREG:
            self._regular(entry, where, hash_update)
        elif kind == stat.S_IFLNK:
            os.symlink(os.readlink(entry.path), where)
        else:
            os.mknod(where, kind | 0o600, entry.status.st_rdev)
        self._finish(entry, where, kind)

    def _directory(self, entry: Entry, where: str) -> None:
        where = resolve(self.root, f"{self.base}/{entry.name}")
        existed = os.path.isdir(where)
        if not existed:
            if os.path.lexists(where):
                os.unlink(where)
            os.mkdir(where, 0o755)
        # The destination directory itself belongs to whoever made it when it was there before.
        if existed and not entry.name:
            return
        os.chown(where, *self.attributes.owner_of(entry.status))
        os.chmod(where, self.attributes.mode_of(entry.status))
        self._times.append((where, self._mtime(entry)))

    def _mtime(self, entry: Entry) -> tuple[int, int]:
        fixed = self.attributes.mtime_s
        when = entry.status.st_mtime_ns if fixed is None else fixed * 1_000_000_000
        return when, when

    def _regular(self, entry: Entry, where: str, hash_update: Hash | None) -> None:
        source = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            target = os.open(where, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                for chunk in chunks(source, entry.status.st_size, entry.path):
                    if hash_update:
                        hash_update(chunk)
                    view = memoryview(chunk)
                    while view:
                        view = view[os.write(target, view) :]
            finally:
                os.close(target)
        finally:
            os.close(source)

    def _finish(self, entry: Entry, where: str, kind: int) -> None:
        os.lchown(where, *self.attributes.owner_of(entry.status))
        if kind != stat.S_IFLNK:
            os.chmod(where, self.attributes.mode_of(entry.status))
            copy_xattrs(entry.path, where, keep_capabilities=self.attributes.keep_setid)
        os.utime(where, ns=self._mtime(entry), follow_symlinks=False)

    def close(self) -> None:
        """Directories' times last: writing into one moves its time."""
        for where, when in reversed(self._times):
            os.utime(where, ns=when)


def chunks(fd: int, size: int, path: str) -> Iterable[bytes]:
    """Exactly ``size`` bytes of a file in pieces; a file that shrank meanwhile is an error, not a short copy."""
    left = size
    while left:
        piece = os.read(fd, min(CHUNK_BYTES, left))
        if not piece:
            raise BuildError(f'"{path}" became shorter while it was copied')
        left -= len(piece)
        yield piece


def copy_xattrs(source: str, target: str, *, keep_capabilities: bool) -> None:
    """``user.*`` attributes, and file capabilities where set-id bits are kept as well. File systems without any are fine."""
    try:
        names = os.listxattr(source, follow_symlinks=False)
    except OSError:
        return
    for name in names:
        if name.startswith("user.") and not name.startswith("user.overlay."):
            wanted = True
        else:
            wanted = keep_capabilities and name == "security.capability"
        if wanted:
            os.setxattr(target, name, os.getxattr(source, name, follow_symlinks=False), follow_symlinks=False)
