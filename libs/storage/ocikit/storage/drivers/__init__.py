"""How layers lie on disk and become a root file system: one small protocol, two drivers (overlay and vfs)."""

from __future__ import annotations

from ..errors import DriverUnsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..config import Settings
    from .base import Driver

KNOWN_ELSEWHERE = ("btrfs", "zfs", "aufs", "devicemapper", "thinpool", "overlay2")


def make(settings: Settings) -> Driver:
    """The driver object for a store; nothing on disk is touched. DriverUnsupported for any other name."""
    name = settings.driver
    if name == "overlay":
        from .overlay import Overlay

        return Overlay(settings)
    if name == "vfs":
        from .vfs import VFS

        return VFS(settings)
    raise DriverUnsupported(
        f'storage driver "{name}" is not supported: ocikit has the drivers "overlay" and "vfs"',
        hint='set driver = "overlay" in storage.conf or use --storage-driver overlay',
    )
