"""What changed between a layer and those below: as a tar and as a list. Rules: storage format, section 12."""

from __future__ import annotations

import os
import stat
import time

from .attributes import at
from .errors import ArchiveError
from .fields import REGULAR
from .streams import PieceStream, gather
from .walk import Entries, Node, TarOptions, read_xattrs, walk
from .writer import END, TarHeader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

_O_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
OPAQUE = ("trusted.overlay.opaque", "user.overlay.opaque")

Change = tuple[str, str]
"""``A``dded, ``C``hanged or ``D``eleted, and the path with a leading slash."""


def _is_opaque(node: Node) -> bool:
    for name in OPAQUE:
        try:
            if os.getxattr(at(node.dir_fd, node.name), name, follow_symlinks=False) == b"y":
                return True
        except OSError:
            continue
    return False


def exists_below(lowers: Sequence[int], path: bytes) -> os.stat_result | None:
    """What the layers below (descriptors, nearest first) show at a path: a whiteout or a file on the way there hides the rest."""
    for lower in lowers:
        parts = path.split(b"/")
        for index in range(1, len(parts) + 1):
            try:
                status = os.stat(b"/".join(parts[:index]), dir_fd=lower, follow_symlinks=False)
            except FileNotFoundError:
                break
            if stat.S_ISCHR(status.st_mode) and status.st_rdev == 0:
                return None
            if index == len(parts):
                return status
            if not stat.S_ISDIR(status.st_mode):
                return None
    return None


class _Open:
    """Opens directories given as paths or descriptors, closes what it opened."""

    def __init__(self, *directories: int | str | bytes | os.PathLike[str]) -> None:
        self.fds: list[int] = []
        try:
            for each in directories:
                self.fds.append(os.open(".", _O_DIR, dir_fd=each) if isinstance(each, int) else os.open(each, _O_DIR))
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()


def diff_overlay(
    diff: int | str | bytes | os.PathLike[str],
    lowers: Sequence[int | str | bytes | os.PathLike[str]] = (),
    options: TarOptions | None = None,
) -> PieceStream:
    """A layer's own ``diff`` directory as the tar that the Go tools would make of it.

    lowers: the ``diff`` directories below, nearest first; they decide whether an opaque mark means anything.
    """

    def pieces() -> Iterator[bytes]:
        opened = _Open(diff, *lowers)
        root, *below = opened.fds
        entries = Entries(options or TarOptions())
        try:
            for node in walk(root):
                if node.is_whiteout:
                    yield _whiteout(node.path, node.status, int(node.status.st_mtime)).encode()
                    continue
                header = entries.header(node)
                if header is None:
                    continue
                yield from entries.pieces(node, header)
                if node.is_dir and below and _is_opaque(node) and exists_below(below, node.path) is not None:
                    yield TarHeader(
                        node.path + b"/.wh..wh..opq", REGULAR, header.mode & 0o777, header.uid, header.gid
                    ).encode()
            yield END
        except OSError as error:
            raise ArchiveError(f"cannot make a tar of a layer's changes: {error.strerror}") from error
        finally:
            opened.close()

    return PieceStream(gather(pieces()))


def _whiteout(path: bytes, status: os.stat_result | None, mtime: int) -> TarHeader:
    where, slash, name = path.rpartition(b"/")
    uid, gid = (status.st_uid, status.st_gid) if status is not None else (0, 0)
    return TarHeader(where + slash + b".wh." + name, REGULAR, 0, uid, gid, 0, mtime)


def changes_overlay(
    diff: int | str | bytes | os.PathLike[str], lowers: Sequence[int | str | bytes | os.PathLike[str]] = ()
) -> list[Change]:
    """What a layer's own ``diff`` directory changes in the layers below, sorted by path."""
    opened = _Open(diff, *lowers)
    root, *below = opened.fds
    try:
        out = []
        for node in walk(root):
            older = exists_below(below, node.path)
            if node.is_whiteout:
                if older is not None:
                    out.append(("D", node.path))
            elif node.is_dir and older is not None and _is_opaque(node):
                out.append(("D", node.path))
            elif older is None:
                out.append(("A", node.path))
            else:
                out.append(("C", node.path))
        return [(kind, "/" + os.fsdecode(path)) for kind, path in sorted(out, key=lambda change: change[1])]
    finally:
        opened.close()


# -- naive: two whole trees ---------------------------------------------------------------------------------------------


class _Tree:
    """One tree, level by level."""

    def __init__(self, root: int) -> None:
        self.root = root

    def names(self, path: bytes) -> set[bytes]:
        fd = os.open(path or b".", _O_DIR | os.O_NOFOLLOW, dir_fd=self.root)
        try:
            return {os.fsencode(name) for name in os.listdir(fd)}
        finally:
            os.close(fd)

    def status(self, path: bytes) -> os.stat_result:
        return os.stat(path, dir_fd=self.root, follow_symlinks=False)


def _same_time(a: int, b: int) -> bool:
    """Equal; whole seconds suffice when one side kept no more (a tar without fractions, an old file system)."""
    if a == b:
        return True
    second = 1_000_000_000
    return a // second == b // second and (a % second == 0 or b % second == 0)


def _differs(new: _Tree, old: _Tree, path: bytes, a: os.stat_result, b: os.stat_result) -> bool:
    if (a.st_dev, a.st_ino) == (b.st_dev, b.st_ino):
        return False
    if (a.st_mode, a.st_uid, a.st_gid, a.st_rdev) != (b.st_mode, b.st_uid, b.st_gid, b.st_rdev):
        return True
    # A directory's size and times change with its contents, and those are compared one by one.
    if not stat.S_ISDIR(a.st_mode) and (a.st_size != b.st_size or not _same_time(a.st_mtime_ns, b.st_mtime_ns)):
        return True
    if stat.S_ISLNK(a.st_mode):
        return os.readlink(path, dir_fd=new.root) != os.readlink(path, dir_fd=old.root)
    return read_xattrs(at(new.root, path)) != read_xattrs(at(old.root, path))


def _changes(new: _Tree, old: _Tree) -> dict[bytes, str]:
    """Path -> kind, parents of changes included."""
    out: dict[bytes, str] = {}
    # (path, whether the old tree has this directory too)
    pending: list[tuple[bytes, bool]] = [(b"", True)]
    while pending:
        path, both = pending.pop()
        inside = path + b"/" if path else b""
        names = new.names(path)
        older = old.names(path) if both else set()
        for name in names | older:
            full = inside + name
            if name not in names:
                out[full] = "D"
            else:
                status = new.status(full)
                before = old.status(full) if name in older else None
                if before is None:
                    out[full] = "A"
                elif _differs(new, old, full, status, before):
                    out[full] = "C"
                if stat.S_ISDIR(status.st_mode):
                    pending.append((full, before is not None and stat.S_ISDIR(before.st_mode)))
            if full in out:
                parent = path
                while parent and parent not in out:
                    out[parent] = "C"
                    parent = parent.rpartition(b"/")[0]
    return out


def changes_naive(
    new: int | str | bytes | os.PathLike[str], old: int | str | bytes | os.PathLike[str] | None
) -> list[Change]:
    """What differs between two mounted trees, sorted by path; everything is added when there is no old one."""
    opened = _Open(new, *(() if old is None else (old,)))
    try:
        if old is None:
            return [("A", "/" + os.fsdecode(node.path)) for node in walk(opened.fds[0])]
        found = _changes(_Tree(opened.fds[0]), _Tree(opened.fds[1]))
        return [(found[path], "/" + os.fsdecode(path)) for path in sorted(found)]
    finally:
        opened.close()


def diff_naive(
    new: int | str | bytes | os.PathLike[str],
    old: int | str | bytes | os.PathLike[str] | None,
    options: TarOptions | None = None,
) -> PieceStream:
    """The changes between two mounted trees as a tar, sorted by path, deletions as ``.wh.`` entries."""

    def pieces() -> Generator[bytes, None, None]:
        began = time.time()
        opened = _Open(new, *(() if old is None else (old,)))
        root = opened.fds[0]
        entries = Entries(options or TarOptions())
        try:
            if old is None:
                found = {node.path: "A" for node in walk(root)}
            else:
                found = _changes(_Tree(root), _Tree(opened.fds[1]))
            for path in sorted(found):
                if found[path] == "D":
                    yield _whiteout(path, None, int(time.time())).encode()
                    continue
                node = Node(path, root, path, os.stat(path, dir_fd=root, follow_symlinks=False))
                header = entries.header(node)
                if header is not None:
                    yield from entries.pieces(node, header)
            yield END
        except OSError as error:
            raise ArchiveError(f"cannot make a tar of a layer's changes: {error.strerror}") from error
        finally:
            opened.close()
        # A file changed within this second would look unchanged to the next comparison by whole seconds.
        if int(time.time()) == int(began):
            time.sleep(int(began) + 1 - time.time())

    return PieceStream(gather(pieces()))
