"""Owners, modes, times and extended attributes of what was just made."""

from __future__ import annotations

import errno
import os
import stat

from .errors import ArchiveError
from .fields import BLOCKDEV, CHARDEV, FIFO, REGULAR
from .options import ApplyOptions, map_id
from .reader import TarReader, show

OVERRIDE_STAT = "user.containers.override_stat"
_SKIPPED_XATTRS = frozenset((b"security.selinux",))
_MAX_ID = (1 << 32) - 2
_MAX_WARNINGS = 20
# ext4 with 256-byte inodes ends in 2446, tmpfs and xfs (bigtime) later; utimensat clamps, but Python's int does not wrap.
_MAX_TIME = (1 << 63) - 1
_NO_XATTR = frozenset((errno.ENOTSUP, errno.EOPNOTSUPP))


def in_user_namespace() -> bool:
    """Whether this process's uid 0 is not the machine's."""
    try:
        with open("/proc/self/uid_map", "rb") as file:
            return file.read().split() != [b"0", b"0", b"4294967295"]
    except OSError:
        return False


def current_umask() -> int:
    """The umask, without the moment of another value that umask(2) needs."""
    try:
        with open("/proc/self/status", "rb") as file:
            for line in file:
                if line.startswith(b"Umask:"):
                    return int(line[6:], 8)
    except OSError:
        pass
    mask = os.umask(0o022)
    os.umask(mask)
    return mask


def times_of(reader: TarReader) -> tuple[int, int]:
    """Access and modification time to set: nothing before 1970, and no access before the modification."""
    mtime = reader.mtime_ns
    if mtime < 0:
        mtime = 0
    elif mtime > _MAX_TIME:
        mtime = _MAX_TIME
    atime = reader.atime_ns
    return (mtime if atime is None or atime < mtime else min(atime, _MAX_TIME)), mtime


class Attributes:
    """Applies a header's metadata as the options say."""

    __slots__ = ("_egid", "_euid", "_ids", "in_userns", "mask", "options", "umask", "warnings")

    def __init__(self, options: ApplyOptions) -> None:
        self.options = options
        self._euid, self._egid = os.geteuid(), os.getegid()
        self._ids: dict[tuple[int, int], tuple[int, int]] = {}
        self.in_userns = in_user_namespace() if options.in_userns is None else options.in_userns
        self.umask = current_umask()
        self.mask = options.force_mask
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        """Keeps the first few: a layer of a million entries must not make a million warnings."""
        if len(self.warnings) < _MAX_WARNINGS:
            self.warnings.append(text)

    def shift(self, uid: int, gid: int) -> tuple[int, int]:
        """Header ids as they go on disk."""
        pair = self._ids.get((uid, gid))
        if pair is None:
            options = self.options
            try:
                pair = (
                    map_id(uid, options.uidmap) if options.uidmap else uid,
                    map_id(gid, options.gidmap) if options.gidmap else gid,
                )
            except LookupError as error:
                raise ArchiveError(str(error)) from None
            if not (0 <= pair[0] <= _MAX_ID and 0 <= pair[1] <= _MAX_ID):
                raise ArchiveError(f"layer has the owner {uid}:{gid}, which is no possible id")
            if len(self._ids) < 65536:
                self._ids[uid, gid] = pair
        return pair

    def _chown_failed(self, name: bytes, uid: int, gid: int, error: OSError) -> None:
        if self.options.ignore_chown_errors:
            self.warn(f"owner {uid}:{gid} of {show(name)} was ignored: {error.strerror}")
            return
        hint = ""
        if error.errno in (errno.EINVAL, errno.EPERM):
            hint = (
                "; potentially insufficient UIDs or GIDs available in user namespace (see /etc/subuid and /etc/subgid)"
            )
        raise ArchiveError(f"cannot give {show(name)} to {uid}:{gid}: {error.strerror}{hint}") from error

    def own(self, name: bytes, dir_fd: int, uid: int, gid: int) -> None:
        """lchown(2) in a directory, with the failure as a sentence."""
        try:
            os.chown(name, uid, gid, dir_fd=dir_fd, follow_symlinks=False)
        except OSError as error:
            self._chown_failed(name, uid, gid, error)

    def file(self, reader: TarReader, fd: int, inherit: bool) -> None:
        """A regular file, through its descriptor."""
        mode = reader.mode & 0o7777
        if self.mask is None:
            uid, gid = self._ids.get((reader.uid, reader.gid)) or self.shift(reader.uid, reader.gid)
            if inherit or uid != self._euid or gid != self._egid:
                try:
                    os.fchown(fd, uid, gid)
                except OSError as error:
                    self._chown_failed(reader.name, uid, gid, error)
            if mode & self.umask or mode > 0o777:
                os.fchmod(fd, mode)
        else:
            os.fchmod(fd, self.mask)
            os.setxattr(fd, OVERRIDE_STAT, override(reader, mode))
        if reader.pax:
            self.xattrs(reader, fd)
        os.utime(fd, ns=times_of(reader))

    def other(self, reader: TarReader, dir_fd: int, name: bytes, inherit: bool) -> None:
        """A directory, link, device or fifo, by name in its directory. A directory's times are the caller's."""
        link = reader.type == 0x32
        directory = reader.type == 0x35
        mode = reader.mode & 0o7777
        if self.mask is None:
            uid, gid = self.shift(reader.uid, reader.gid)
            if inherit or directory or uid != self._euid or gid != self._egid:
                self.own(name, dir_fd, uid, gid)
            if not link:
                os.chmod(name, mode, dir_fd=dir_fd)
        elif not link:
            os.chmod(name, self.mask, dir_fd=dir_fd)
            os.setxattr(at(dir_fd, name), OVERRIDE_STAT, override(reader, mode), follow_symlinks=False)
        if reader.pax:
            self.xattrs(reader, at(dir_fd, name))
        if not directory:
            os.utime(name, ns=times_of(reader), dir_fd=dir_fd, follow_symlinks=False)

    def linked(self, reader: TarReader, dir_fd: int, name: bytes) -> None:
        """A second name of a file: its header repeats the metadata, so usually nothing differs."""
        if self.mask is not None:
            return
        status = os.stat(name, dir_fd=dir_fd, follow_symlinks=False)
        if (status.st_uid, status.st_gid) != self.shift(reader.uid, reader.gid) or (
            not stat.S_ISLNK(status.st_mode) and stat.S_IMODE(status.st_mode) != reader.mode & 0o7777
        ):
            uid, gid = self.shift(reader.uid, reader.gid)
            self.own(name, dir_fd, uid, gid)
            if not stat.S_ISLNK(status.st_mode):
                os.chmod(name, reader.mode & 0o7777, dir_fd=dir_fd)
        if reader.pax:
            self.xattrs(reader, at(dir_fd, name))
        if status.st_mtime_ns != reader.mtime_ns:
            os.utime(name, ns=times_of(reader), dir_fd=dir_fd, follow_symlinks=False)

    def xattrs(self, reader: TarReader, target: int | bytes) -> None:
        """Sets the entry's extended attributes; those that the file system or namespace refuses become warnings."""
        for key, value in reader.xattrs.items():
            if key in _SKIPPED_XATTRS:
                continue
            try:
                if isinstance(target, int):
                    os.setxattr(target, key, value)
                else:
                    os.setxattr(target, key, value, follow_symlinks=False)
            except OSError as error:
                if error.errno in _NO_XATTR or (error.errno == errno.EPERM and self.in_userns):
                    self.warn(f"extended attribute {show(key)} of {show(reader.name)} was ignored: {error.strerror}")
                    continue
                if error.errno == errno.EPERM and key[:5] == b"user." and reader.type != REGULAR:
                    # user.* attributes are not allowed on links and devices at all.
                    self.warn(f"extended attribute {show(key)} of {show(reader.name)} was ignored")
                    continue
                raise


def at(dir_fd: int, name: bytes) -> bytes:
    """A path for calls that have no *at form: through the descriptor, so never past a link in the middle."""
    return b"/proc/self/fd/%d/%b" % (dir_fd, name)


def override(reader: TarReader, mode: int) -> bytes:
    """The value of ``user.containers.override_stat`` (storage format, 11.4)."""
    kind = {
        0x35: b"dir",
        FIFO: b"pipe",
        CHARDEV: b"char-%d-%d" % (reader.devmajor, reader.devminor),
        BLOCKDEV: b"block-%d-%d" % (reader.devmajor, reader.devminor),
    }.get(reader.type, b"file")
    return b"%d:%d:%04o:%b" % (reader.uid, reader.gid, mode, kind)
