"""System calls that Python has no function for, named and used as in the man pages (section 2).

A failure is ``OSError(errno, strerror, path)``. Nobody else in the house loads libc.

``import ctypes`` costs 5 ms, of which its C half ``_ctypes`` is 1 ms; so the few things needed are built on that half,
at the first call. Importing this module costs nothing: take the constants freely.

Arguments: ``int`` is passed as a C int, ``bytes`` and ``None`` as pointers; structures are packed ``bytes``.
"""

from __future__ import annotations

import errno
import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    StrPath = str | bytes | os.PathLike[str]

AT_FDCWD = -100
AT_SYMLINK_NOFOLLOW = 0x100
AT_SYMLINK_FOLLOW = 0x400
AT_EMPTY_PATH = 0x1000
AT_RECURSIVE = 0x8000

MS_RDONLY = 1
MS_NOSUID = 2
MS_NODEV = 4
MS_NOEXEC = 8
MS_SYNCHRONOUS = 16
MS_REMOUNT = 32
MS_MANDLOCK = 64
MS_DIRSYNC = 128
MS_NOSYMFOLLOW = 256
MS_NOATIME = 1024
MS_NODIRATIME = 2048
MS_BIND = 4096
MS_MOVE = 8192
MS_REC = 16384
MS_SILENT = 32768
MS_POSIXACL = 1 << 16
MS_UNBINDABLE = 1 << 17
MS_PRIVATE = 1 << 18
MS_SLAVE = 1 << 19
MS_SHARED = 1 << 20
MS_RELATIME = 1 << 21
MS_I_VERSION = 1 << 23
MS_STRICTATIME = 1 << 24
MS_LAZYTIME = 1 << 25

MNT_FORCE = 1
MNT_DETACH = 2
MNT_EXPIRE = 4
UMOUNT_NOFOLLOW = 8

CLONE_NEWTIME = 0x00000080
CLONE_VM = 0x00000100
CLONE_FS = 0x00000200
CLONE_FILES = 0x00000400
CLONE_NEWNS = 0x00020000
CLONE_NEWCGROUP = 0x02000000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

OPEN_TREE_CLONE = 1
OPEN_TREE_CLOEXEC = os.O_CLOEXEC
MOVE_MOUNT_F_EMPTY_PATH = 0x04
MOVE_MOUNT_T_EMPTY_PATH = 0x40
FSOPEN_CLOEXEC = 1
FSMOUNT_CLOEXEC = 1
FSCONFIG_SET_FLAG = 0
FSCONFIG_SET_STRING = 1
FSCONFIG_SET_BINARY = 2
FSCONFIG_SET_PATH = 3
FSCONFIG_SET_PATH_EMPTY = 4
FSCONFIG_SET_FD = 5
FSCONFIG_CMD_CREATE = 6
FSCONFIG_CMD_RECONFIGURE = 7

MOUNT_ATTR_RDONLY = 0x1
MOUNT_ATTR_NOSUID = 0x2
MOUNT_ATTR_NODEV = 0x4
MOUNT_ATTR_NOEXEC = 0x8
MOUNT_ATTR_NOATIME = 0x10
MOUNT_ATTR_STRICTATIME = 0x20
MOUNT_ATTR_NODIRATIME = 0x80
MOUNT_ATTR_IDMAP = 0x100000
MOUNT_ATTR_NOSYMFOLLOW = 0x200000

RESOLVE_NO_XDEV = 0x01
RESOLVE_NO_MAGICLINKS = 0x02
RESOLVE_NO_SYMLINKS = 0x04
RESOLVE_BENEATH = 0x08
RESOLVE_IN_ROOT = 0x10
RESOLVE_CACHED = 0x20

PR_SET_PDEATHSIG = 1
PR_SET_DUMPABLE = 4
PR_SET_KEEPCAPS = 8
PR_SET_NAME = 15
PR_CAPBSET_READ = 23
PR_CAPBSET_DROP = 24
PR_SET_CHILD_SUBREAPER = 36
PR_SET_NO_NEW_PRIVS = 38
PR_GET_NO_NEW_PRIVS = 39
PR_CAP_AMBIENT = 47
PR_CAP_AMBIENT_RAISE = 2
PR_CAP_AMBIENT_CLEAR_ALL = 4

CAP_CHOWN = 0
CAP_DAC_OVERRIDE = 1
CAP_FOWNER = 3
CAP_SETGID = 6
CAP_SETUID = 7
CAP_SETPCAP = 8
CAP_NET_BIND_SERVICE = 10
CAP_NET_ADMIN = 12
CAP_SYS_CHROOT = 18
CAP_SYS_ADMIN = 21
CAP_MKNOD = 27

FICLONE = 0x40049409
FS_IOC_GETFLAGS = 0x80086601
FS_IOC_SETFLAGS = 0x40086602
FS_IMMUTABLE_FL = 0x10
FS_APPEND_FL = 0x20
# struct fsxattr { u32 xflags, extsize, nextents, projid, cowextsize; u8 pad[8]; }, 28 bytes
FS_IOC_FSGETXATTR = 0x801C581F
FS_IOC_FSSETXATTR = 0x401C5820
FS_XFLAG_PROJINHERIT = 0x200

# Numbers above 423 are the same on every architecture but alpha; older calls go through libc's own functions.
_SYS = {
    "pidfd_send_signal": 424,
    "open_tree": 428,
    "move_mount": 429,
    "fsopen": 430,
    "fsconfig": 431,
    "fsmount": 432,
    "fspick": 433,
    "pidfd_open": 434,
    "close_range": 436,
    "openat2": 437,
    "pidfd_getfd": 438,
    "mount_setattr": 442,
}

_functions: dict[str, Callable[..., int]] = {}
_get_errno: Callable[[], int] | None = None


def _load(name: str) -> Callable[..., int]:
    global _get_errno
    try:
        import _ctypes
    except ImportError:
        raise OSError(errno.ENOSYS, "this Python was built without ctypes, which mounting needs", name) from None

    class c_long(_ctypes._SimpleCData):  # type: ignore[type-arg]
        _type_ = "l"

    class Function(_ctypes.CFuncPtr):
        _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
        _restype_ = c_long

    _get_errno = _ctypes.get_errno
    number = _SYS.get(name)
    try:
        address = _ctypes.dlsym(_ctypes.dlopen(None, 0), "syscall" if number else name)  # type: ignore[arg-type]
    except OSError:
        raise OSError(errno.ENOSYS, f"the C library has no function {name}") from None
    raw: Callable[..., int] = Function(address)
    if number is None:
        function = raw
    else:

        def function(*args: object) -> int:
            return raw(number, *args)

    _functions[name] = function
    return function


def _call(name: str, path: StrPath | None, *args: object) -> int:
    function = _functions.get(name) or _load(name)
    result = function(*args)
    # libc functions return a C int: its sign is in the low 32 bits.
    result &= 0xFFFFFFFF
    if result & 0x80000000:
        code = _get_errno() if _get_errno else errno.EIO
        if path is None:
            raise OSError(code, f"{name}: {os.strerror(code)}")
        raise OSError(code, os.strerror(code), os.fsdecode(path))
    return result


def _b(value: StrPath | None) -> bytes | None:
    return None if value is None else os.fsencode(value)


# --- mounts ---------------------------------------------------------------------------------------------------------


def mount(
    source: StrPath | None, target: StrPath, fstype: str | None = None, flags: int = 0, data: str | bytes | None = None
) -> None:
    """mount(2). ``data`` must be shorter than a page (4096 bytes with its NUL)."""
    _call("mount", target, _b(source), _b(target), _b(fstype), flags, _b(data))


def umount2(target: StrPath, flags: int = 0) -> None:
    """umount2(2)."""
    _call("umount2", target, _b(target), flags)


def pivot_root(new_root: StrPath, put_old: StrPath) -> None:
    """pivot_root(2)."""
    _call("pivot_root", new_root, _b(new_root), _b(put_old))


def open_tree(dirfd: int, path: StrPath, flags: int = OPEN_TREE_CLOEXEC) -> int:
    """open_tree(2): a descriptor of the mount or subtree at ``path`` (detached copy with OPEN_TREE_CLONE)."""
    return _call("open_tree", path, dirfd, _b(path), flags)


def move_mount(
    from_dirfd: int, from_path: StrPath, to_dirfd: int, to_path: StrPath, flags: int = MOVE_MOUNT_F_EMPTY_PATH
) -> None:
    """move_mount(2); by default ``from_dirfd`` itself is what moves (give "" as ``from_path``)."""
    _call("move_mount", to_path, from_dirfd, _b(from_path), to_dirfd, _b(to_path), flags)


def mount_setattr(
    dirfd: int,
    path: StrPath,
    flags: int = AT_EMPTY_PATH,
    attr_set: int = 0,
    attr_clr: int = 0,
    propagation: int = 0,
    userns_fd: int = 0,
) -> None:
    """mount_setattr(2): struct mount_attr is four 64-bit words."""
    attr = b"".join(v.to_bytes(8, _ORDER) for v in (attr_set, attr_clr, propagation, userns_fd))
    _call("mount_setattr", path, dirfd, _b(path), flags, attr, len(attr))


def fsopen(fstype: str, flags: int = FSOPEN_CLOEXEC) -> int:
    """fsopen(2): a descriptor of a file system configuration."""
    return _call("fsopen", fstype, _b(fstype), flags)


def fsconfig(fd: int, command: int, key: str | None = None, value: StrPath | None = None, aux: int = 0) -> None:
    """fsconfig(2). On failure ``fsconfig_log(fd)`` may have the kernel's own words."""
    _call("fsconfig", None, fd, command, _b(key), _b(value), aux)


def fsconfig_log(fd: int) -> list[str]:
    """The kernel's messages about a configuration descriptor, without their level letter."""
    lines: list[str] = []
    try:
        while line := os.read(fd, 4096):
            lines.append(line.decode("utf-8", "replace").rstrip("\n")[2:])
    except OSError:  # ENODATA: the end
        pass
    return lines


def fsmount(fd: int, flags: int = FSMOUNT_CLOEXEC, attributes: int = 0) -> int:
    """fsmount(2): a descriptor of a detached mount."""
    return _call("fsmount", None, fd, flags, attributes)


def syncfs(fd: int) -> None:
    """syncfs(2)."""
    _call("syncfs", None, fd)


# --- namespaces, processes ------------------------------------------------------------------------------------------


def unshare(flags: int) -> None:
    """unshare(2)."""
    _call("unshare", None, flags)


def setns(fd: int, flags: int = 0) -> None:
    """setns(2)."""
    _call("setns", None, fd, flags)


def sethostname(name: str) -> None:
    """sethostname(2)."""
    raw = os.fsencode(name)
    _call("sethostname", name, raw, len(raw))


def prctl(option: int, arg2: int | bytes = 0, arg3: int = 0, arg4: int = 0, arg5: int = 0) -> int:
    """prctl(2)."""
    return _call("prctl", None, option, arg2, arg3, arg4, arg5)


def pidfd_open(pid: int, flags: int = 0) -> int:
    """pidfd_open(2)."""
    return os.pidfd_open(pid, flags)


def pidfd_getfd(pidfd: int, target_fd: int, flags: int = 0) -> int:
    """pidfd_getfd(2)."""
    return _call("pidfd_getfd", None, pidfd, target_fd, flags)


def pidfd_send_signal(pidfd: int, sig: int) -> None:
    """pidfd_send_signal(2)."""
    import signal

    signal.pidfd_send_signal(pidfd, sig)


def memfd_create(name: str, flags: int = os.MFD_CLOEXEC) -> int:
    """memfd_create(2)."""
    return os.memfd_create(name, flags)


def mknod(path: StrPath, mode: int, device: int = 0, dirfd: int | None = None) -> None:
    """mknodat(2)."""
    os.mknod(path, mode, device, dir_fd=dirfd)


# _LINUX_CAPABILITY_VERSION_3: a header of version and pid, then two sets of three 32-bit words
_CAPABILITY_V3 = 0x20080522


def capget(pid: int = 0) -> tuple[int, int, int]:
    """Effective, permitted and inheritable capabilities as bit sets, from /proc (capget(2) without a buffer to pin)."""
    sets = {}
    with open(f"/proc/{pid or 'self'}/status", "rb") as status:
        for line in status:
            if line.startswith(b"Cap"):
                name, _, value = line.partition(b":")
                sets[name] = int(value, 16)
    return sets[b"CapEff"], sets[b"CapPrm"], sets[b"CapInh"]


def capset(effective: int, permitted: int, inheritable: int) -> None:
    """capset(2) for the calling thread."""
    header = _CAPABILITY_V3.to_bytes(4, _ORDER) + bytes(4)
    words = []
    for shift in (0, 32):
        words += [(value >> shift) & 0xFFFFFFFF for value in (effective, permitted, inheritable)]
    _call("capset", None, header, b"".join(w.to_bytes(4, _ORDER) for w in words))


# --- files ----------------------------------------------------------------------------------------------------------


def openat2(dirfd: int, path: StrPath, flags: int, mode: int = 0, resolve: int = 0) -> int:
    """openat2(2); O_CLOEXEC is always added."""
    how = b"".join(v.to_bytes(8, _ORDER) for v in (flags | os.O_CLOEXEC, mode, resolve))
    return _call("openat2", path, dirfd, _b(path), how, len(how))


def close_range(first: int, last: int = 0x7FFFFFFF, flags: int = 0) -> None:
    """close_range(2)."""
    _call("close_range", None, first, last, flags)


def quotactl(command: int, device: StrPath, ident: int, data: bytes) -> None:
    """quotactl(2); ``data`` is the packed structure that the command reads."""
    _call("quotactl", device, command, _b(device), ident, data)


def _native_order() -> str:
    import sys

    return sys.byteorder


if TYPE_CHECKING:
    from typing import Literal

    _ORDER: Literal["little", "big"]
else:
    _ORDER = _native_order()
