"""A directory tree as tar entries, through descriptors, in a fixed order.

Order: depth first, a directory before its contents, names sorted as bytes (storage format, 12.2).
"""

from __future__ import annotations

import errno
import os
import stat
from dataclasses import dataclass

from .attributes import OVERRIDE_STAT, at
from .errors import ArchiveError
from .fields import BLOCKDEV, CHARDEV, DIRECTORY, FIFO, HARDLINK, REGULAR, SYMLINK
from .options import IdRange, unmap_id
from .reader import show
from .streams import PieceStream, gather
from .writer import END, TarHeader, padding

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    Filter = Callable[[TarHeader], TarHeader | None]

CHUNK = 1 << 18
_O_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_O_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY
_TYPES = {
    stat.S_IFREG: REGULAR,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: SYMLINK,
    stat.S_IFCHR: CHARDEV,
    stat.S_IFBLK: BLOCKDEV,
    stat.S_IFIFO: FIFO,
}
_KEPT_XATTRS = frozenset(("security.capability", "security.ima"))


@dataclass(frozen=True, slots=True, kw_only=True)
class TarOptions:
    """How a tree becomes a tar.

    prefix: put before every name. include_root: an entry for the root itself (its name is the prefix, or ``./``).
    uidmap, gidmap: ids on disk are translated back to the container's. owner, mtime: the same for all entries.
    User and group names are never written.
    filter: sees every header and returns it, a changed one, or None to leave the entry (a directory: with all in it) out.
    override_stat: believe ``user.containers.override_stat`` (force_mask stores).
    """

    prefix: bytes = b""
    include_root: bool = False
    uidmap: tuple[IdRange, ...] = ()
    gidmap: tuple[IdRange, ...] = ()
    owner: tuple[int, int] | None = None
    mtime: int | None = None
    xattrs: bool = True
    override_stat: bool = False
    filter: Filter | None = None


class Node:
    """One file met by walk(): ``path`` beneath the root, its status, its directory's descriptor and name in it."""

    __slots__ = ("dir_fd", "name", "path", "skip", "status")

    def __init__(self, path: bytes, dir_fd: int, name: bytes, status: os.stat_result) -> None:
        self.path = path
        self.dir_fd = dir_fd
        self.name = name
        self.status = status
        self.skip = False

    @property
    def is_dir(self) -> bool:
        return stat.S_ISDIR(self.status.st_mode)

    @property
    def is_whiteout(self) -> bool:
        """A character device 0/0: overlay's mark of a deleted name."""
        return stat.S_ISCHR(self.status.st_mode) and self.status.st_rdev == 0


def walk(root: int, names: tuple[bytes, ...] | None = None) -> Iterator[Node]:
    """Every file beneath a directory's descriptor. Set ``node.skip`` to stay out of a directory.

    names: walk only these of the root's entries. A file that vanishes meanwhile is passed over.
    """
    stack: list[tuple[int, bytes, list[bytes]]] = []

    def enter(fd: int, path: bytes, only: tuple[bytes, ...] | None = None) -> None:
        try:
            found = list(only) if only is not None else [os.fsencode(name) for name in os.listdir(fd)]
        except BaseException:
            os.close(fd)
            raise
        found.sort(reverse=True)
        stack.append((fd, path, found))

    try:
        enter(os.open(".", _O_DIR, dir_fd=root), b"", names)
        while stack:
            fd, path, left = stack[-1]
            if not left:
                os.close(stack.pop()[0])
                continue
            name = left.pop()
            try:
                status = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:
                continue
            node = Node(path + name, fd, name, status)
            yield node
            if stat.S_ISDIR(status.st_mode) and not node.skip:
                try:
                    below = os.open(name, _O_DIR, dir_fd=fd)
                except (FileNotFoundError, NotADirectoryError):
                    continue
                enter(below, path + name + b"/")
    finally:
        for fd, _, _ in stack:
            os.close(fd)


def read_xattrs(target: int | bytes) -> dict[bytes, bytes]:
    """The extended attributes that layers keep (storage format, 12.1)."""
    try:
        found = os.listxattr(target) if isinstance(target, int) else os.listxattr(target, follow_symlinks=False)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EPERM, errno.EACCES, errno.ENOENT):
            return {}
        raise
    out = {}
    for name in found:
        if name in _KEPT_XATTRS or (name.startswith("user.") and not name.startswith(("user.overlay.", OVERRIDE_STAT))):
            try:
                follow = isinstance(target, int)
                out[os.fsencode(name)] = (
                    os.getxattr(target, name) if follow else os.getxattr(target, name, follow_symlinks=False)
                )
            except OSError as error:
                if error.errno != errno.ENODATA:
                    raise
    return out


class Entries:
    """Turns nodes into headers and bytes; remembers hard links."""

    __slots__ = ("_links", "options")

    def __init__(self, options: TarOptions) -> None:
        self.options = options
        self._links: dict[tuple[int, int], bytes] = {}

    def header(self, node: Node) -> TarHeader | None:
        """The entry for a node, None for sockets and filtered ones (a filtered directory is then skipped)."""
        options, status = self.options, node.status
        kind = _TYPES.get(stat.S_IFMT(status.st_mode))
        if kind is None:
            return None
        name = options.prefix + node.path
        header = TarHeader(
            name + b"/" if kind == DIRECTORY else name,
            kind,
            stat.S_IMODE(status.st_mode),
            status.st_uid,
            status.st_gid,
            status.st_size if kind == REGULAR else 0,
            int(status.st_mtime_ns // 1_000_000_000),
        )
        if kind == SYMLINK:
            header.mode = 0o777
            header.linkname = os.readlink(node.name, dir_fd=node.dir_fd)
        elif kind in (CHARDEV, BLOCKDEV):
            header.devmajor, header.devminor = os.major(status.st_rdev), os.minor(status.st_rdev)
        if options.xattrs or options.override_stat:
            self._attributes(node, header)
        self.own(header)
        if options.mtime is not None:
            header.mtime = options.mtime
        if options.filter is not None:
            changed = options.filter(header)
            if changed is None:
                node.skip = True
                return None
            header = changed
        if status.st_nlink > 1 and kind != DIRECTORY:
            key = status.st_dev, status.st_ino
            first = self._links.setdefault(key, header.name)
            if first != header.name:
                header.type, header.linkname, header.size = HARDLINK, first, 0
        return header

    def own(self, header: TarHeader) -> None:
        """Ids as the tar has them."""
        options = self.options
        if options.owner is not None:
            header.uid, header.gid = options.owner
            return
        try:
            if options.uidmap:
                header.uid = unmap_id(header.uid, options.uidmap)
            if options.gidmap:
                header.gid = unmap_id(header.gid, options.gidmap)
        except LookupError as error:
            raise ArchiveError(f"cannot write {show(header.name)} to a tar: {error}") from None

    def _attributes(self, node: Node, header: TarHeader) -> None:
        target = at(node.dir_fd, node.name)
        if self.options.xattrs:
            header.xattrs = read_xattrs(target)
        if self.options.override_stat and header.type != SYMLINK:
            try:
                value = os.getxattr(target, OVERRIDE_STAT, follow_symlinks=False)
            except OSError:
                return
            parts = value.split(b":")
            try:
                header.uid, header.gid, header.mode = int(parts[0]), int(parts[1]), int(parts[2], 8) & 0o7777
            except (ValueError, IndexError):
                raise ArchiveError(f"{show(node.path)} has a damaged {OVERRIDE_STAT} attribute") from None
            name, _, numbers = (parts[3] if len(parts) > 3 else b"").partition(b"-")
            kind = {b"pipe": FIFO, b"char": CHARDEV, b"block": BLOCKDEV}.get(name)
            if kind is not None:
                header.type, header.size = kind, 0
                if numbers:
                    major, _, minor = numbers.partition(b"-")
                    header.devmajor, header.devminor = int(major), int(minor)

    def pieces(self, node: Node, header: TarHeader) -> Iterator[bytes]:
        """Header, contents and padding."""
        if header.type != REGULAR or not header.size:
            yield header.encode()
            return
        try:
            fd = os.open(node.name, _O_FILE, dir_fd=node.dir_fd)
        except FileNotFoundError:
            return
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode):
                raise ArchiveError(f"{show(node.path)} was replaced while it was being read")
            header.size = left = status.st_size
            yield header.encode()
            while left:
                piece = os.read(fd, min(left, CHUNK))
                if not piece:
                    raise ArchiveError(f"{show(node.path)} became {left} bytes shorter while it was being read")
                left -= len(piece)
                yield piece
            yield padding(header.size)
        finally:
            os.close(fd)


def tree_pieces(root: int, options: TarOptions, names: tuple[bytes, ...] | None = None) -> Iterator[bytes]:
    """A tree's entries without the end marker, so that several trees can go into one tar."""
    entries = Entries(options)
    if options.include_root:
        node = Node(b"", root, b".", os.fstat(root))
        header = entries.header(node)
        if header is not None:
            header.name = options.prefix.rstrip(b"/") + b"/" if options.prefix.strip(b"/") else b"./"
            yield header.encode()
    for node in walk(root, names):
        header = entries.header(node)
        if header is not None:
            yield from entries.pieces(node, header)


def create_tar(
    root: int | str | bytes | os.PathLike[str],
    options: TarOptions | None = None,
    names: tuple[bytes, ...] | None = None,
) -> PieceStream:
    """A tar of a directory's contents as a readable stream.

    root: descriptor (left open) or path. names: only these of its entries, with all in them. A hard link's further names
    refer to its first; sockets are left out; sparse files are written in full. Raises ArchiveError when a file changes.
    """

    def pieces() -> Generator[bytes, None, None]:
        fd = os.open(".", _O_DIR, dir_fd=root) if isinstance(root, int) else os.open(root, _O_DIR)
        try:
            yield from tree_pieces(fd, options or TarOptions(), names)
            yield END
        except OSError as error:
            raise ArchiveError(f"cannot make a tar: {error.strerror}{_named(error)}") from error
        finally:
            os.close(fd)

    return PieceStream(gather(pieces()))


def _named(error: OSError) -> str:
    name = error.filename
    return f": {show(os.fsencode(name))}" if isinstance(name, (str, bytes)) else ""
