"""Files that must be whole or not there, and paths that must not lead out of their root. Hot-path safe: only ``os``."""

from __future__ import annotations

import errno
import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    StrPath = str | os.PathLike[str]

__all__ = ["atomic_write", "makedirs_mode", "open_beneath", "random_hex", "read_small", "remove_tree", "write_all"]

_MAX_LINKS = 255  # as the kernel's 40, but for the whole path; a loop ends as ELOOP either way
_DEEP = 48  # directories open at once while a tree is removed


def random_hex(nbytes: int) -> str:
    """``2 * nbytes`` random lower-case hexadecimal characters."""
    return os.urandom(nbytes).hex()


def write_all(fd: int, data: bytes | bytearray | memoryview) -> None:
    """write(2) until everything is written."""
    done = os.write(fd, data)
    if done != len(data):
        view = memoryview(data)
        while done < len(view):
            done += os.write(fd, view[done:])


def read_small(path: StrPath, dirfd: int | None = None) -> bytes:
    """The whole contents of a small file."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC, dir_fd=dirfd)
    try:
        size = os.fstat(fd).st_size
        data = os.read(fd, size + 1 if size else 4096)
        if size and len(data) == size:  # /proc files say size 0, and a file may be growing
            return data
        parts = [data]
        while data:
            data = os.read(fd, 65536)
            parts.append(data)
        return b"".join(parts)
    finally:
        os.close(fd)


def atomic_write(path: StrPath, data: bytes, mode: int = 0o600, sync: bool = True) -> int:
    """Replace the file by ``data`` in one step: temporary neighbour, write, fdatasync (if ``sync``), rename.

    Returns the modification time of the new file in nanoseconds. When it fails nothing has changed and the
    temporary file is gone; a kill leaves at most a ``.tmp-…`` neighbour.
    """
    head, base = os.path.split(os.fspath(path))
    temp = os.path.join(head, f".tmp-{base}{random_hex(5)}")
    fd = os.open(temp, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        try:
            write_all(fd, data)
            if sync:
                os.fdatasync(fd)
            mtime = os.fstat(fd).st_mtime_ns
            if mode != 0o600:
                os.fchmod(fd, mode)
        finally:
            os.close(fd)
        os.rename(temp, path)
    except BaseException:
        try:
            os.unlink(temp)
        except OSError:
            pass
        raise
    return mtime


def makedirs_mode(path: StrPath, mode: int = 0o700) -> bool:
    """Make the directory and its missing parents, all with ``mode`` whatever the umask. False if it was there."""
    try:
        os.mkdir(path, mode)
    except FileExistsError:
        if not os.path.isdir(path):
            raise
        return False
    except FileNotFoundError:
        parent = os.path.dirname(os.fspath(path))
        if not parent:
            raise
        makedirs_mode(parent, mode)
        return makedirs_mode(path, mode)
    if mode & 0o077:
        os.chmod(path, mode)
    return True


def open_beneath(dirfd: int, path: StrPath, flags: int, mode: int = 0) -> int:
    """Open ``path`` as a process would whose root is ``dirfd``: ``..`` and symbolic links (absolute ones too) stay
    inside. openat2(2) with RESOLVE_IN_ROOT, or a walk of our own where the kernel or a seccomp filter refuses that."""
    from . import linux

    if not flags & (os.O_CREAT | os.O_TMPFILE & ~os.O_DIRECTORY):
        mode = 0  # the kernel refuses anything else
    try:
        return linux.openat2(dirfd, path or ".", flags, mode, linux.RESOLVE_IN_ROOT | linux.RESOLVE_NO_MAGICLINKS)
    except OSError as exc:
        if exc.errno not in (errno.ENOSYS, errno.EPERM):
            raise
    return _walk_beneath(dirfd, os.fspath(path), flags, mode)


def _walk_beneath(root: int, path: str, flags: int, mode: int) -> int:
    todo = [part for part in reversed(path.split("/")) if part not in ("", ".")]
    trail: list[int] = []  # descriptors of the directories between root and here
    links = 0
    step = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        while todo:
            part = todo.pop()
            here = trail[-1] if trail else root
            if part == "..":
                if trail:
                    os.close(trail.pop())
                continue
            if not todo and flags & os.O_CREAT and flags & os.O_EXCL:
                return os.open(part, flags | os.O_CLOEXEC, mode, dir_fd=here)
            try:
                fd = os.open(part, step, dir_fd=here)
            except FileNotFoundError:
                if todo or not flags & os.O_CREAT:
                    raise
                # O_EXCL: a link that appeared meanwhile must not be followed out of the root
                return os.open(part, flags | os.O_EXCL | os.O_CLOEXEC, mode, dir_fd=here)
            kind = stat.S_IFMT(os.fstat(fd).st_mode)
            if kind == stat.S_IFLNK and (todo or not flags & os.O_NOFOLLOW):
                links += 1
                target = os.readlink("", dir_fd=fd)
                os.close(fd)
                if links > _MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
                if target.startswith("/"):
                    while trail:
                        os.close(trail.pop())
                todo += [p for p in reversed(target.split("/")) if p not in ("", ".")]
            elif kind == stat.S_IFDIR:
                trail.append(fd)
            elif todo:
                os.close(fd)
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), path)
            else:
                os.close(fd)
                return os.open(part, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode, dir_fd=here)
        return os.open(".", flags | os.O_CLOEXEC, mode, dir_fd=trail[-1] if trail else root)
    finally:
        for fd in trail:
            os.close(fd)


# --- removing -------------------------------------------------------------------------------------------------------


def remove_tree(path: StrPath, dirfd: int | None = None) -> None:
    """Remove a file or a whole tree, never following a symbolic link; nothing there is no error.

    Directories without permission bits and immutable or append-only files are made removable first. Nothing is
    unmounted: a mount inside is an OSError with EBUSY.
    """
    name = os.fspath(path).rstrip("/")
    try:
        os.unlink(name, dir_fd=dirfd)
        return
    except FileNotFoundError:
        return
    except OSError as exc:
        if exc.errno not in (errno.EISDIR, errno.EPERM, errno.EACCES):
            raise
    fd = -1
    try:
        fd = _open_dir(name, dirfd)
        _empty(fd, fd, 0)
    except NotADirectoryError:
        _retry(os.unlink, name, dirfd)
        return
    except FileNotFoundError:
        return
    finally:
        if fd >= 0:
            os.close(fd)
    _retry(os.rmdir, name, dirfd)


def _empty(fd: int, top: int, depth: int) -> None:
    with os.scandir(fd) as entries:
        found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in entries]
    for name, is_dir in found:
        if not is_dir:
            _retry(os.unlink, name, fd)
            continue
        if depth >= _DEEP:
            # A hostile layer may nest directories without end; taking deep ones to the top keeps both the number
            # of open descriptors and the recursion bounded.
            aside = f".deep-{random_hex(8)}"
            os.rename(name, aside, src_dir_fd=fd, dst_dir_fd=top)
            continue
        try:
            child = _open_dir(name, fd)
        except FileNotFoundError:
            continue
        try:
            _empty(child, top, depth + 1)
        finally:
            os.close(child)
        _retry(os.rmdir, name, fd)
    if depth == 0 and any(True for _ in os.listdir(fd)):
        _empty(fd, top, 0)


def _open_dir(name: str, dirfd: int | None) -> int:
    flags = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        return os.open(name, flags, dir_fd=dirfd)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=dirfd)
        return os.open(name, flags, dir_fd=dirfd)


def _retry(remove: object, name: str, dirfd: int | None) -> None:
    assert callable(remove)
    try:
        remove(name, dir_fd=dirfd)
    except FileNotFoundError:
        pass
    except PermissionError:
        _unlock(name, dirfd)
        remove(name, dir_fd=dirfd)


def _unlock(name: str, dirfd: int | None) -> None:
    """Make an entry removable: write permission on its directory, no immutable or append-only flag on either."""
    from fcntl import ioctl

    from . import linux

    if dirfd is not None:
        try:
            os.fchmod(dirfd, os.fstat(dirfd).st_mode & 0o7777 | 0o700)
        except OSError:
            pass
    for target, base in ((name, dirfd), (".", dirfd)):
        try:
            fd = os.open(target, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=base)
        except OSError:
            continue
        try:
            flags = bytearray(8)
            ioctl(fd, linux.FS_IOC_GETFLAGS, flags)
            value = int.from_bytes(flags[:4], "little")
            cleared = value & ~(linux.FS_IMMUTABLE_FL | linux.FS_APPEND_FL)
            if cleared != value:
                ioctl(fd, linux.FS_IOC_SETFLAGS, cleared.to_bytes(8, "little"))
        except OSError:
            pass
        finally:
            os.close(fd)
