"""A container's file system from outside: mounting, what changed, export (libpod.md section 8)."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.container import prepare
from ocikit.libpod.container.record import EXITED, PAUSED, RUNNING, STOPPED, Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType

# What the runtime and podman put there themselves (podman-diff(1)).
_HIDDEN = {
    "/dev", "/proc", "/sys", "/run", "/run/secrets", "/run/notify", "/run/.containerenv", "/run/podman-init",
    "/etc/hostname", "/etc/hosts", "/etc/resolv.conf", "/etc/mtab", "/var/run/.containerenv",
}  # fmt: skip


class Mounted:
    """``with Mounted(container) as root:`` - the root's host path, mounted while inside."""

    def __init__(self, container: Container) -> None:
        self._container = container
        self._own = False

    def __enter__(self) -> str:
        container = self._container
        if container.config.get("rootfs") and not container.config.get("rootfs_overlay"):
            return str(container.config["rootfs"])
        if container.state.get("mounted"):
            return str(container.state["mountPoint"])
        self._own = True
        return container.runtime.store.mount(container.id)

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        if self._own:
            self._container.runtime.store.unmount(self._container.id)


def changes(container: Container) -> list[tuple[str, str]]:
    """(A, C or D; path) against the image, without what podman makes itself."""
    if not container.config.get("rootfsImageID"):
        raise OcikitError(f"container {container.id} has a root directory of its own and no image to compare with")
    return [(kind, path) for kind, path in container.runtime.store.changes(container.id) if path not in _HIDDEN]


def mount(container: Container) -> str:
    """``podman mount``: mounts (once more) and returns the path."""
    with container.locked():
        if container.config.get("rootfs"):
            return str(container.config["rootfs"])
        path = container.runtime.store.mount(container.id)
        container.event("mount")
        return path


def unmount(container: Container, *, force: bool = False) -> None:
    """``podman unmount``: one user less."""
    with container.locked():
        mounted = container.runtime.store.mounted(container.id)
        if mounted <= 1 and container.number in (RUNNING, PAUSED) and not force:
            raise OcikitError(
                f"cannot unmount storage for container {container.id} as it is running or paused: container state improper"
            )
        if not mounted and not force:
            return
        container.runtime.store.unmount(container.id, force=force)
        if force and container.number in (STOPPED, EXITED):
            prepare.unmount(container)
        container.event("unmount")


def export(container: Container, target: int) -> None:
    """Writes the merged tree as a tar to a descriptor."""
    from ocikit.storage.archive import create_tar
    from ocikit.storage.archive.streams import copy

    with Mounted(container) as root, open(os.dup(target), "wb", buffering=0) as file:
        stream = create_tar(root)
        copy(stream, file)
    container.event("export")
