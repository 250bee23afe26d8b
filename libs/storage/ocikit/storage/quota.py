"""Limits on what a container's layer may grow to: project quotas of xfs (spec, section 9.8; xfs_quota(8), quotactl(2)).

Every limited layer is a project of its own; the project's id is kept on its directories, where new files inherit it. Ids are
taken above the highest found among the layers' directories, as the Go tools do.
"""

from __future__ import annotations

import errno
import os
from fcntl import ioctl

from ocikit.common import linux

from .errors import DriverUnsupported, StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .drivers.overlay import Overlay

_Q_XSETPQLIM = 0x5804 << 8 | 2  # QCMD(Q_XSETQLIM, PRJQUOTA)
_Q_XGETPQSTAT = 0x5805 << 8 | 2
_FS_DQ_ISOFT, _FS_DQ_IHARD, _FS_DQ_BSOFT, _FS_DQ_BHARD = 1, 2, 4, 8
_PROJECT_QUOTA = 2
_NEEDS = "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"


def fields_of(attributes: bytes) -> tuple[int, int]:
    """(flags, project id) of a packed struct fsxattr."""
    return int.from_bytes(attributes[0:4], "little"), int.from_bytes(attributes[12:16], "little")


def with_project(attributes: bytes, project: int) -> bytes:
    """A struct fsxattr with the project's id, which files made inside inherit."""
    flags = fields_of(attributes)[0] | linux.FS_XFLAG_PROJINHERIT
    return flags.to_bytes(4, "little") + attributes[4:12] + project.to_bytes(4, "little") + attributes[16:28]


def limits(project: int, size: int, inodes: int) -> bytes:
    """A packed struct fs_disk_quota that sets the limits given; sizes are in units of 512 bytes."""
    mask = (_FS_DQ_BSOFT | _FS_DQ_BHARD if size else 0) | (_FS_DQ_ISOFT | _FS_DQ_IHARD if inodes else 0)
    blocks = -(-size // 512)
    head = bytes([1, _PROJECT_QUOTA]) + mask.to_bytes(2, "little") + project.to_bytes(4, "little")
    body = b"".join(n.to_bytes(8, "little") for n in (blocks, blocks, inodes, inodes))
    return (head + body).ljust(112, b"\0")


def _attributes(path: str, replace: bytes | None = None) -> bytes:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if replace is not None:
            ioctl(fd, linux.FS_IOC_FSSETXATTR, replace)
            return replace
        return ioctl(fd, linux.FS_IOC_FSGETXATTR, bytes(28))
    finally:
        os.close(fd)


def _device(home: str) -> str:
    """A block device node for the file system of the home, as quotactl(2) wants; made where the Go tools make theirs."""
    import stat

    path = f"{home}/backingFsBlockDev"
    device = os.stat(home).st_dev
    try:
        st = os.stat(path)
        if stat.S_ISBLK(st.st_mode) and st.st_rdev == device:
            return path
        os.unlink(path)
    except FileNotFoundError:
        pass
    os.mknod(path, stat.S_IFBLK | 0o600, device)
    return path


def supported(driver: Overlay) -> bool:
    """Has the home's file system project quotas, switched on?"""
    from .drivers.probe import file_system

    if file_system(driver.home) != "xfs":
        return False
    try:
        probe = limits(1, 0, 0)
        linux.quotactl(_Q_XSETPQLIM, _device(driver.home), 1, probe)
    except OSError:
        return False
    return True


def parse(wanted: dict[str, str]) -> tuple[int, int]:
    """(bytes, inodes) of ``size`` and ``inodes``; anything else is refused."""
    from .config import _size

    unknown = [key for key in wanted if key not in ("size", "inodes")]
    if unknown:
        raise DriverUnsupported(f"unknown storage option {', '.join(unknown)}")
    inodes = wanted.get("inodes", "0")
    if not inodes.isdigit():
        raise StorageError(f'storage option inodes: "{inodes}" is not a number')
    return _size(wanted.get("size", "0")), int(inodes)


def check(driver: Overlay, wanted: dict[str, str]) -> None:
    """DriverUnsupported unless the limits can be kept here."""
    parse(wanted)
    if not supported(driver):
        raise DriverUnsupported(_NEEDS)


def apply(driver: Overlay, layer: str, size: int, inodes: int) -> None:
    """Limit a new layer: its ``diff`` and ``work`` become a project with these limits. Under layers.lock."""
    if not size and not inodes:
        return
    own = f"{driver.home}/{layer}"
    highest = 0
    for name in os.listdir(driver.home):
        try:
            if len(name) == 64:
                highest = max(highest, fields_of(_attributes(f"{driver.home}/{name}/diff"))[1])
        except OSError:
            continue
    project = highest + 1
    try:
        linux.quotactl(_Q_XSETPQLIM, _device(driver.home), project, limits(project, size, inodes))
        for name in ("diff", "work"):
            path = f"{own}/{name}"
            _attributes(path, with_project(_attributes(path), project))
    except OSError as exc:
        reason = "quotas are not switched on" if exc.errno in (errno.ENOSYS, errno.ESRCH) else exc.strerror
        raise StorageError(f"cannot limit layer {layer} to {size} bytes and {inodes} inodes: {reason}") from None
