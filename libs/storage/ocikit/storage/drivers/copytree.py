"""A copy of a layer's tree for vfs: reflinks where the file system has them, hard links, attributes, times and devices kept."""

from __future__ import annotations

import errno
import os
import stat

from ocikit.common import linux

_DIR = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def copy_tree(source: str, target: str) -> None:
    """``target`` must not exist. Nothing outside of ``source`` is read: symbolic links are copied, not followed."""
    st = os.stat(source)
    os.mkdir(target, 0o700)
    src = os.open(source, _DIR)
    try:
        dst = os.open(target, _DIR)
        try:
            _Copy(st.st_dev).directory(src, dst)
        finally:
            os.close(dst)
    finally:
        os.close(src)


class _Copy:
    def __init__(self, device: int) -> None:
        self.device = device
        self.links: dict[int, tuple[int, str]] = {}  # inode -> where its copy is: directory's inode-free path
        self.trail: list[str] = []
        self.root = -1
        self.clone = True

    def directory(self, src: int, dst: int) -> None:
        if self.root < 0:
            self.root = dst
        with os.scandir(src) as entries:
            names = [entry.name for entry in entries]
        for name in names:
            st = os.stat(name, dir_fd=src, follow_symlinks=False)
            kind = stat.S_IFMT(st.st_mode)
            if kind == stat.S_IFDIR:
                os.mkdir(name, 0o700, dir_fd=dst)
                inner_src = os.open(name, _DIR, dir_fd=src)
                inner_dst = os.open(name, _DIR, dir_fd=dst)
                self.trail.append(name)
                try:
                    self.directory(inner_src, inner_dst)
                finally:
                    self.trail.pop()
                    os.close(inner_src)
                    os.close(inner_dst)
                continue
            if st.st_nlink > 1:
                known = self.links.get(st.st_ino)
                if known is not None:
                    os.link(known[1], name, src_dir_fd=self.root, dst_dir_fd=dst, follow_symlinks=False)
                    continue
                self.links[st.st_ino] = (0, "/".join((*self.trail, name)))
            if kind == stat.S_IFREG:
                self.regular(name, src, dst, st)
            elif kind == stat.S_IFLNK:
                os.symlink(os.readlink(name, dir_fd=src), name, dir_fd=dst)
                os.chown(name, st.st_uid, st.st_gid, dir_fd=dst, follow_symlinks=False)
                os.utime(name, ns=(st.st_atime_ns, st.st_mtime_ns), dir_fd=dst, follow_symlinks=False)
                _attributes(f"/proc/self/fd/{src}/{name}", f"/proc/self/fd/{dst}/{name}")
            elif kind != stat.S_IFSOCK:
                os.mknod(name, st.st_mode, st.st_rdev, dir_fd=dst)
                os.chown(name, st.st_uid, st.st_gid, dir_fd=dst, follow_symlinks=False)
                os.chmod(name, stat.S_IMODE(st.st_mode), dir_fd=dst)
                os.utime(name, ns=(st.st_atime_ns, st.st_mtime_ns), dir_fd=dst, follow_symlinks=False)
        st = os.fstat(src)
        os.fchown(dst, st.st_uid, st.st_gid)
        os.fchmod(dst, stat.S_IMODE(st.st_mode))
        _attributes(src, dst)
        os.utime(dst, ns=(st.st_atime_ns, st.st_mtime_ns))

    def regular(self, name: str, src: int, dst: int, st: os.stat_result) -> None:
        inner_src = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=src)
        try:
            inner_dst = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=dst)
            try:
                if st.st_size:
                    self.contents(inner_src, inner_dst, st.st_size)
                os.fchown(inner_dst, st.st_uid, st.st_gid)
                os.fchmod(inner_dst, stat.S_IMODE(st.st_mode))
                _attributes(inner_src, inner_dst)
                os.utime(inner_dst, ns=(st.st_atime_ns, st.st_mtime_ns))
            finally:
                os.close(inner_dst)
        finally:
            os.close(inner_src)

    def contents(self, src: int, dst: int, size: int) -> None:
        if self.clone:
            import fcntl

            try:
                fcntl.ioctl(dst, linux.FICLONE, src)
                return
            except OSError:
                self.clone = False  # not here: do not ask for each file
        left = size
        while left:
            try:
                done = os.copy_file_range(src, dst, left)
            except OSError as exc:
                if exc.errno not in (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP):
                    raise
                done = os.sendfile(dst, src, None, left)
            if not done:
                break
            left -= done


def _attributes(src: int | str, dst: int | str) -> None:
    follow = isinstance(src, int)
    try:
        names = os.listxattr(src) if follow else os.listxattr(src, follow_symlinks=False)
    except OSError:
        return
    for name in names:
        if name == "security.selinux":
            continue
        try:
            os.setxattr(dst, name, os.getxattr(src, name, follow_symlinks=follow), follow_symlinks=follow)
        except OSError as exc:
            if exc.errno not in (errno.ENOTSUP, errno.EPERM):
                raise
