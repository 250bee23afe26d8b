"""Whole trees on disk: copying one (vfs layers, build contexts) and shifting the owners of one (mapped copies)."""

from __future__ import annotations

import errno
import os
import stat

from .attributes import at
from .errors import ArchiveError
from .options import IdRange, map_id, unmap_id
from .reader import show
from .walk import Node, walk

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_O_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_O_READ = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_O_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_FICLONE = 0x40049409
_CAPABILITY = "security.capability"
_NOT_HERE = frozenset((errno.EOPNOTSUPP, errno.ENOTTY, errno.EXDEV, errno.EINVAL, errno.ENOSYS))


def copy_tree(
    source: int | str | bytes | os.PathLike[str],
    target: int | str | bytes | os.PathLike[str],
    *,
    owners: bool = True,
) -> None:
    """Copies all that is in a directory into another, empty one; the target's own mode, owner and attributes follow too.

    File contents are shared where the file system can (reflink), else copied by the kernel. Hard links, devices, extended
    attributes and times are kept; sockets are left out. owners=False keeps the caller's ids (no privilege needed).
    """
    from_fd = os.open(".", _O_DIR, dir_fd=source) if isinstance(source, int) else os.open(source, _O_DIR)
    to_fd = os.open(".", _O_DIR, dir_fd=target) if isinstance(target, int) else os.open(target, _O_DIR)
    try:
        _Copy(to_fd, owners).run(from_fd)
    except OSError as error:
        raise ArchiveError(f"cannot copy a directory tree: {error.strerror}") from error
    finally:
        os.close(from_fd)
        os.close(to_fd)


class _Copy:
    """The state of one copying."""

    def __init__(self, target: int, owners: bool) -> None:
        self.target = target
        self.owners = owners
        self.links: dict[tuple[int, int], bytes] = {}
        self.reflink = True
        self.directory = b""
        self.fd = os.dup(target)

    def run(self, source: int) -> None:
        directories: list[tuple[bytes, tuple[int, int]]] = []
        try:
            for node in walk(source):
                where, _, name = node.path.rpartition(b"/")
                if where != self.directory:
                    os.close(self.fd)
                    self.fd = os.open(where or b".", _O_DIR, dir_fd=self.target)
                    self.directory = where
                self.one(node, name)
                if node.is_dir:
                    directories.append((node.path, (node.status.st_atime_ns, node.status.st_mtime_ns)))
            for path, times in reversed(directories):
                os.utime(path, ns=times, dir_fd=self.target, follow_symlinks=False)
            root = Node(b"", source, b".", os.fstat(source))
            self.attributes(root, self.target, b".")
            os.utime(self.target, ns=(root.status.st_atime_ns, root.status.st_mtime_ns))
        finally:
            os.close(self.fd)

    def one(self, node: Node, name: bytes) -> None:
        status, mode = node.status, node.status.st_mode
        if not node.is_dir and status.st_nlink > 1:
            first = self.links.setdefault((status.st_dev, status.st_ino), node.path)
            if first != node.path:
                os.link(first, name, src_dir_fd=self.target, dst_dir_fd=self.fd, follow_symlinks=False)
                return
        if stat.S_ISREG(mode):
            self.contents(node, name)
        elif node.is_dir:
            os.mkdir(name, 0o700, dir_fd=self.fd)
        elif stat.S_ISLNK(mode):
            os.symlink(os.readlink(node.name, dir_fd=node.dir_fd), name, dir_fd=self.fd)
        elif stat.S_ISSOCK(mode):
            self.links.pop((status.st_dev, status.st_ino), None)
            return
        else:
            os.mknod(name, stat.S_IFMT(mode) | 0o600, status.st_rdev, dir_fd=self.fd)
        self.attributes(node, self.fd, name)
        if not node.is_dir:
            os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=self.fd, follow_symlinks=False)

    def contents(self, node: Node, name: bytes) -> None:
        source = os.open(node.name, _O_READ, dir_fd=node.dir_fd)
        try:
            target = os.open(name, _O_NEW, 0o600, dir_fd=self.fd)
            try:
                if node.status.st_size and not (self.reflink and self.clone(source, target)):
                    copy_file(source, target)
            finally:
                os.close(target)
        finally:
            os.close(source)

    def clone(self, source: int, target: int) -> bool:
        from fcntl import ioctl

        try:
            ioctl(target, _FICLONE, source)
        except OSError as error:
            if error.errno not in _NOT_HERE:
                raise
            self.reflink = False
        return self.reflink

    def attributes(self, node: Node, dir_fd: int, name: bytes) -> None:
        status = node.status
        if self.owners:
            os.chown(name, status.st_uid, status.st_gid, dir_fd=dir_fd, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(name, stat.S_IMODE(status.st_mode), dir_fd=dir_fd)
        source = at(node.dir_fd, node.name)
        try:
            names = os.listxattr(source, follow_symlinks=node.name == b".")
        except OSError as error:
            if error.errno in _NOT_HERE:
                return
            raise
        for key in names:
            try:
                value = os.getxattr(source, key, follow_symlinks=node.name == b".")
                os.setxattr(at(dir_fd, name), key, value, follow_symlinks=node.name == b".")
            except OSError as error:
                if error.errno not in (*_NOT_HERE, errno.EPERM, errno.ENODATA, errno.EACCES):
                    raise


def copy_file(source: int, target: int) -> None:
    """Copies contents between descriptors inside the kernel, holes kept as the kernel likes; falls back to read and write."""
    try:
        while os.copy_file_range(source, target, 1 << 30):
            pass
        return
    except OSError as error:
        if error.errno not in _NOT_HERE:
            raise
    while piece := os.read(source, 1 << 20):
        view = memoryview(piece)
        while view:
            view = view[os.write(target, view) :]


def shift_tree(
    root: int | str | bytes | os.PathLike[str],
    *,
    uid_from: tuple[IdRange, ...] = (),
    gid_from: tuple[IdRange, ...] = (),
    uid_to: tuple[IdRange, ...] = (),
    gid_to: tuple[IdRange, ...] = (),
    progress: Callable[[int], None] | None = None,
) -> int:
    """Gives every file of a tree, the root included, to the ids that another map means; returns how many files.

    An owner on disk is taken back to the container's id by the ``from`` ranges (none: it is that already) and on to the host's
    by the ``to`` ranges. Each file is changed once, however many names it has; setuid bits and security.capability, which
    chown(2) drops, are put back. progress: called with the count every 1,000 files. Raises ArchiveError for an id outside.
    """

    def shifted(number: int, before: tuple[IdRange, ...], after: tuple[IdRange, ...]) -> int:
        inside = unmap_id(number, before) if before else number
        return map_id(inside, after) if after else inside

    known: dict[tuple[int, int], tuple[int, int]] = {}

    def shift(node: Node) -> None:
        status = node.status
        old = status.st_uid, status.st_gid
        new = known.get(old)
        if new is None:
            try:
                new = known[old] = shifted(old[0], uid_from, uid_to), shifted(old[1], gid_from, gid_to)
            except LookupError as error:
                raise ArchiveError(f"cannot change the owner of {show(node.path)}: {error}") from None
        if new == old:
            return
        mode = status.st_mode
        capability = None
        path = at(node.dir_fd, node.name)
        if stat.S_ISREG(mode) and mode & 0o111:
            try:
                capability = os.getxattr(path, _CAPABILITY, follow_symlinks=False)
            except OSError:
                pass
        os.chown(node.name, *new, dir_fd=node.dir_fd, follow_symlinks=False)
        if mode & 0o6000 and not stat.S_ISLNK(mode):
            os.chmod(node.name, stat.S_IMODE(mode), dir_fd=node.dir_fd)
        if capability is not None:
            os.setxattr(path, _CAPABILITY, capability, follow_symlinks=False)

    fd = os.open(".", _O_DIR, dir_fd=root) if isinstance(root, int) else os.open(root, _O_DIR)
    count = 0
    linked: set[tuple[int, int]] = set()
    try:
        for node in walk(fd):
            status = node.status
            if status.st_nlink > 1 and not node.is_dir:
                key = status.st_dev, status.st_ino
                if key in linked:
                    continue
                linked.add(key)
            shift(node)
            count += 1
            if progress is not None and not count % 1000:
                progress(count)
        shift(Node(b"", fd, b".", os.fstat(fd)))
        return count + 1
    except OSError as error:
        raise ArchiveError(f"cannot change the owners of a directory tree: {error.strerror}") from error
    finally:
        os.close(fd)
