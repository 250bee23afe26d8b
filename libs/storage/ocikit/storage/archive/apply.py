"""Unpacking one layer beneath an open directory.

Rules: storage format, section 11. Nothing is ever made, changed or read outside the directory (see ``beneath``); every fault
is an ArchiveError of one sentence. The caller unpacks into a directory that nobody else sees yet, so a failure leaves only
what the caller throws away.
"""

from __future__ import annotations

import errno
import os
import stat
from array import array

from .attributes import OVERRIDE_STAT, Attributes, at, override, times_of
from .beneath import Root, remove
from .errors import ArchiveError, DuplicatePath
from .fields import BLOCKDEV, CHARDEV, DIRECTORY, FIFO, HARDLINK, PAX_GLOBAL, REGULAR, SYMLINK, clean_path
from .options import ApplyOptions, ApplyResult
from .reader import TarReader, show
from .split import checksum

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .reader import Readable
    from .split import SplitWriter

_O_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_SPECIAL = frozenset((CHARDEV, BLOCKDEV, FIFO))


def apply_layer(
    stream: Readable,
    dest: int | str | bytes | os.PathLike[str],
    options: ApplyOptions | None = None,
    split: SplitWriter | None = None,
) -> ApplyResult:
    """Unpacks an uncompressed layer tar into a directory, and writes its tar-split on the way.

    stream: ``read(n)``; it is read to its end. dest: a directory's descriptor (left open) or path.
    split: gets every record; it is not closed. An empty input is an empty layer. Raises ArchiveError.
    """
    fd = dest if isinstance(dest, int) else os.open(dest, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    layer = _Layer(fd, options or ApplyOptions())
    try:
        return layer.apply(TarReader(stream, record=split is not None), split)
    finally:
        layer.root.forget()
        if fd != dest:
            os.close(fd)


class _Layer:
    """The state of one unpacking."""

    __slots__ = ("attributes", "dirs", "dirtimes", "options", "parents", "root", "seen", "unpacked")

    def __init__(self, fd: int, options: ApplyOptions) -> None:
        self.options = options
        self.attributes = Attributes(options)
        uid, gid = (0, 0) if options.force_mask is not None else self.attributes.shift(0, 0)
        self.root = Root(fd, mode=options.parent_mode, uid=uid, gid=gid)
        # Names are remembered as 64-bit hashes, 8 bytes each, and compared at the end: a million names take 8 MB instead of
        # 150. Python's hash is keyed at random, so a chance meeting is 3 in 10^8 for a million names.
        self.seen = [array("q") for _ in range(16)]
        # A directory's times change with everything made in it, so they are set at the end: 16 bytes and the path for each.
        self.dirs = bytearray()
        self.dirtimes = array("q")
        self.unpacked: set[bytes] = set()  # only for "remove": what an opaque mark spares
        self.parents: set[bytes] = set()

    def apply(self, reader: TarReader, split: SplitWriter | None) -> ApplyResult:
        path = b""
        try:
            entries, uids, gids = self.entries(reader, split)
            if split is not None:
                split.tail(reader)
            else:
                while reader.rest():
                    pass
            for bucket in self.seen:
                if len(set(bucket)) != len(bucket):
                    raise DuplicatePath("duplicates of file paths not supported")
            self.set_directory_times()
        except OSError as error:
            path = reader.name
            raise ArchiveError(f"cannot unpack {show(path) or 'the layer'}: {error.strerror}") from error
        except (ValueError, OverflowError) as error:
            raise ArchiveError(f"cannot unpack {show(reader.name)}: {error}") from error
        return ApplyResult(entries, reader.consumed, sorted(uids), sorted(gids), self.attributes.warnings)

    def entries(self, reader: TarReader, split: SplitWriter | None) -> tuple[int, set[int], set[int]]:
        # Names bound to locals: the loop runs once per file of a layer, 20,000 of them in well under a second.
        root, seen = self.root, self.seen
        directory, regular = root.directory, self.regular
        uids: set[int] = set()
        gids: set[int] = set()
        plain, removing = self.options.whiteouts == "plain", self.options.whiteouts == "remove"
        top = root.fd, bool(os.fstat(root.fd).st_mode & stat.S_ISGID)
        head, (dir_fd, inherit) = b"", top
        count = 0
        while reader.next():
            count += 1
            name = path = reader.name
            kind = reader.type
            stored = kind == REGULAR
            if path[:2] == b"./":
                path = path[2:]
            if path[-1:] == b"/":
                path = path[:-1]
            if not path or path[0] == 0x2F or path[-1] == 0x2F or path[-1] == 0x2E or b"//" in path or b"./" in path:
                full = os.path.normpath(name)
                if full[:2] == b"..":
                    stored = False  # "../x" lands on "x", but no tool looks for it there when re-assembling
                path = clean_path(path)
                # For tar-split "/x", "../x" and "x" are three names.
                key = hash(full if full[:1] == b"/" or full[:2] == b".." else path)
            else:
                key = hash(path)
            seen[key & 15].append(key)
            if len(path) > 4095:  # PATH_MAX: it could be made step by step, but never opened again by its name
                raise OSError(errno.ENAMETOOLONG, os.strerror(errno.ENAMETOOLONG))
            segment = reader.segment
            if kind == PAX_GLOBAL:
                if split is not None:
                    split.entry(segment, name, 0, 0)
                continue
            where, _, base = path.rpartition(b"/")
            if root.stale:
                root.forget()
                head, (dir_fd, inherit) = b"", top
            white = base[:4] == b".wh."
            if removing and b".wh..wh." in path and base != b".wh..wh..opq":
                # The books that aufs kept of itself; for overlay they are files and whiteouts like any other.
                pass_over(reader, split)
                continue
            if where != head:
                try:
                    dir_fd, inherit = directory(where) if where else top
                except NotADirectoryError:
                    if not white or plain:
                        raise
                    # Its directory is itself a whiteout or a file: nothing below can show through there.
                    root.stale = True
                    pass_over(reader, split)
                    continue
                head = where
            if not white:
                uids.add(reader.uid)
                gids.add(reader.gid)
            if removing:
                self.unpacked.add(path)
                above = where
                while above and above not in self.parents:
                    self.parents.add(above)
                    above = above.rpartition(b"/")[0]
            if white and not plain:
                self.whiteout(reader, dir_fd, where, base)
            elif kind == REGULAR and path:
                if stored and reader.sparse is None:
                    size = reader.size
                    crc = regular(reader, dir_fd, base, inherit, split is not None)
                    if split is not None:
                        split.entry(segment, name, size, crc)
                else:
                    if split is not None:
                        split.entry(segment, name, 0, 0)
                    self.unusual(reader, dir_fd, base, inherit, split)
                continue
            elif kind == DIRECTORY:
                self.make_directory(reader, dir_fd, path, base)
            elif not path:
                pass  # "." as a file: as the Go tools, no effect
            elif kind == HARDLINK:
                self.hardlink(reader, dir_fd, base)
            elif kind == SYMLINK:
                self.symlink(reader, dir_fd, base, inherit)
            elif kind in _SPECIAL:
                self.special(reader, dir_fd, base, inherit)
            else:
                raise ArchiveError(f"layer has an entry {show(name)} with unhandled tar header type {kind}")
            pass_over(reader, split)
        return count, uids, gids

    def create(self, dir_fd: int, base: bytes, mode: int) -> int:
        try:
            return os.open(base, _O_NEW, mode & 0o777, dir_fd=dir_fd)
        except FileExistsError:
            self.clear(dir_fd, base)
            return os.open(base, _O_NEW, mode & 0o777, dir_fd=dir_fd)

    def regular(self, reader: TarReader, dir_fd: int, base: bytes, inherit: bool, sum_up: bool) -> int:
        """Makes a file; the CRC-64 of its contents if asked for."""
        fd = self.create(dir_fd, base, reader.mode)
        try:
            crc = 0
            if reader.size:
                piece = reader.take()
                if sum_up:
                    crc = checksum(piece)
                done = os.write(fd, piece)
                while done < len(piece):
                    done += os.write(fd, piece[done:])
                while piece := reader.take():
                    if sum_up:
                        crc = checksum(piece, crc)
                    done = os.write(fd, piece)
                    while done < len(piece):
                        done += os.write(fd, piece[done:])
            self.attributes.file(reader, fd, inherit)
            return crc
        finally:
            os.close(fd)

    def unusual(self, reader: TarReader, dir_fd: int, base: bytes, inherit: bool, split: SplitWriter | None) -> None:
        """Makes a file whose stored bytes are not its contents (sparse), or will not be found under its name.

        Such payloads are kept in the tar-split itself, so that these layers too are re-created bit for bit, by every tool.
        """
        fd = self.create(dir_fd, base, reader.mode)
        try:
            pieces = reader.sparse if reader.sparse is not None else [(0, reader.size)]
            for offset, length in pieces:
                while length:
                    piece = reader.take(length)
                    if split is not None:
                        split.raw(bytes(piece))
                    length -= len(piece)
                    while piece:
                        done = os.pwrite(fd, piece, offset)
                        offset += done
                        piece = piece[done:]
            os.ftruncate(fd, reader.size)
            self.attributes.file(reader, fd, inherit)
        finally:
            os.close(fd)

    def clear(self, dir_fd: int, base: bytes) -> None:
        """Makes room for an entry whose place is taken."""
        remove(dir_fd, base)
        self.root.stale = True

    def symlink(self, reader: TarReader, dir_fd: int, base: bytes, inherit: bool) -> None:
        try:
            os.symlink(reader.linkname, base, dir_fd=dir_fd)
        except FileExistsError:
            self.clear(dir_fd, base)
            os.symlink(reader.linkname, base, dir_fd=dir_fd)
        self.attributes.other(reader, dir_fd, base, inherit)

    def make_directory(self, reader: TarReader, dir_fd: int, path: bytes, base: bytes) -> None:
        """Makes a directory, or applies the header to the one that is there; the root's own entry is mostly ignored."""
        if not path:
            if self.options.apply_root:
                self.attributes.other(reader, self.root.fd, b".", False)
                self.remember_times(reader, b".")
            elif self.options.force_mask is not None:
                os.setxattr(at(self.root.fd, b"."), OVERRIDE_STAT, override(reader, reader.mode & 0o7777))
            return
        try:
            os.mkdir(base, 0o700, dir_fd=dir_fd)
        except FileExistsError:
            if stat.S_ISDIR(os.stat(base, dir_fd=dir_fd, follow_symlinks=False).st_mode):
                self.root.changed(path)
            else:
                self.clear(dir_fd, base)
                os.mkdir(base, 0o700, dir_fd=dir_fd)
        self.attributes.other(reader, dir_fd, base, False)
        self.remember_times(reader, path)

    def hardlink(self, reader: TarReader, dir_fd: int, base: bytes) -> None:
        """Links to another entry of this layer; the target is not followed when it is a symbolic link."""
        target = clean_path(reader.linkname)
        where, _, old = target.rpartition(b"/")
        source = self.root.existing(where) if where else self.root.fd
        try:
            os.link(old, base, src_dir_fd=source, dst_dir_fd=dir_fd, follow_symlinks=False)
        except FileExistsError:
            if old == base and os.path.samestat(os.fstat(source), os.fstat(dir_fd)):
                raise ArchiveError(f"layer has an entry {show(reader.name)} that is a hard link to itself") from None
            self.clear(dir_fd, base)
            os.link(old, base, src_dir_fd=source, dst_dir_fd=dir_fd, follow_symlinks=False)
        except FileNotFoundError:
            raise ArchiveError(
                f"cannot link {show(reader.name)} to {show(reader.linkname)}: no such file or directory in this layer"
            ) from None
        self.attributes.linked(reader, dir_fd, base)

    def special(self, reader: TarReader, dir_fd: int, base: bytes, inherit: bool) -> None:
        """Makes a device or fifo; a user namespace may not make devices, so there they are left out."""
        mode = reader.mode & 0o777
        if self.options.force_mask is not None:
            os.close(self.create(dir_fd, base, mode))
        elif reader.type == FIFO:
            try:
                os.mkfifo(base, mode, dir_fd=dir_fd)
            except FileExistsError:
                self.clear(dir_fd, base)
                os.mkfifo(base, mode, dir_fd=dir_fd)
        else:
            if self.attributes.in_userns:
                return
            mode |= stat.S_IFCHR if reader.type == CHARDEV else stat.S_IFBLK
            if not (0 <= reader.devmajor < 1 << 12 and 0 <= reader.devminor < 1 << 20):
                raise ArchiveError(
                    f"layer has a device {show(reader.name)} with the number {reader.devmajor}:{reader.devminor}"
                )
            device = os.makedev(reader.devmajor, reader.devminor)
            try:
                os.mknod(base, mode, device, dir_fd=dir_fd)
            except FileExistsError:
                self.clear(dir_fd, base)
                os.mknod(base, mode, device, dir_fd=dir_fd)
        self.attributes.other(reader, dir_fd, base, inherit)

    def whiteout(self, reader: TarReader, dir_fd: int, where: bytes, base: bytes) -> None:
        """``.wh.x`` hides x of the layers below, ``.wh..wh..opq`` everything in its directory."""
        opaque = base == b".wh..wh..opq"
        if self.options.whiteouts == "remove":
            if opaque:
                self.remove_older(where)
            elif not base.startswith(b".wh..wh."):
                name = base[4:]
                if name in (b"", b".", b".."):
                    return
                try:
                    self.clear(dir_fd, name)
                except FileNotFoundError:
                    pass
            return
        if opaque:
            path = at(dir_fd, b".")
            os.setxattr(path, self.options.opaque_xattr, b"y")
            return
        name = base[4:]
        if name in (b"", b".", b".."):
            raise ArchiveError(f"layer has a whiteout {show(reader.name)} that names no file")
        os.mknod(name, stat.S_IFCHR, 0, dir_fd=dir_fd)
        uid, gid = self.attributes.shift(reader.uid, reader.gid)
        if (uid, gid) != (os.geteuid(), os.getegid()):
            self.attributes.own(name, dir_fd, uid, gid)

    def remove_older(self, where: bytes) -> None:
        """For vfs: empties a directory of what lower layers put there."""
        fd = self.root.existing(where) if where else self.root.fd
        for entry in os.listdir(at(fd, b".")):
            path = where + b"/" + entry if where else entry
            if path in self.unpacked:
                if stat.S_ISDIR(os.stat(entry, dir_fd=fd, follow_symlinks=False).st_mode):
                    self.remove_older(path)
            elif path in self.parents:
                self.remove_older(path)
            else:
                remove(fd, entry)
                self.root.stale = True

    def remember_times(self, reader: TarReader, path: bytes) -> None:
        self.dirs += path
        self.dirs.append(0)
        self.dirtimes.extend(times_of(reader))

    def set_directory_times(self) -> None:
        """Last of all, since everything made in a directory changes its times."""
        times, at_byte, end = self.dirtimes, 0, 0
        for index in range(0, len(times), 2):
            end = self.dirs.index(0, at_byte)
            where, _, base = bytes(self.dirs[at_byte:end]).rpartition(b"/")
            at_byte = end + 1
            try:
                dir_fd = self.root.existing(where) if where else self.root.fd
                os.utime(base, ns=(times[index], times[index + 1]), dir_fd=dir_fd, follow_symlinks=False)
            except (FileNotFoundError, NotADirectoryError):
                pass  # a later entry of the layer replaced it


def pass_over(reader: TarReader, split: SplitWriter | None) -> None:
    """Records an entry that leaves no contents on disk; a payload that it has all the same is kept in the tar-split."""
    if split is not None:
        split.entry(reader.segment, reader.name, 0, 0)
        while piece := reader.take():
            split.raw(bytes(piece))
