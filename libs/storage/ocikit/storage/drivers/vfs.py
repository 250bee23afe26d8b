"""The vfs driver: every layer is a complete tree (spec, section 10). Slow and large, works everywhere."""

from __future__ import annotations

import os

from ocikit.common.files import makedirs_mode, remove_tree

from ..errors import LayerUnknown, StorageError
from .base import Driver, MountOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..archive.options import ApplyOptions
    from .base import IDMap, Trash


class VFS(Driver):
    """Copies, no mounts."""

    name = "vfs"
    stages_on_parent = True

    def prepare(self) -> None:
        if self.settings.mountopt:
            raise StorageError("vfs driver does not support mount options")
        makedirs_mode(self.home, 0o700)
        makedirs_mode(f"{self._own(True)}/dir", 0o700)
        makedirs_mode(f"{self.home}/dir", 0o700)

    def _own(self, image: bool) -> str:
        return f"{self.settings.imagestore}/vfs" if image and self.settings.imagestore else self.home

    @property
    def homes(self) -> list[str]:
        return list(dict.fromkeys([self.home, self._own(True), *(f"{s}/vfs" for s in self.settings.stores)]))

    def path(self, layer: str) -> str:
        for home in self.homes:
            if os.path.isdir(f"{home}/dir/{layer}"):
                return f"{home}/dir/{layer}"
        raise LayerUnknown(f"layer {layer} has no directory in {' or '.join(self.homes)}")

    @property
    def own_homes(self) -> list[str]:
        return list(dict.fromkeys((f"{self.home}/dir", f"{self._own(True)}/dir")))

    def exists(self, layer: str) -> bool:
        return any(os.path.isdir(f"{home}/dir/{layer}") for home in self.homes)

    def copy_parent(self, parent: str, target: str) -> None:
        """``target`` becomes a copy of the parent's tree, or an empty root directory without parent. Needs no lock."""
        os.mkdir(target, 0o700)
        if parent:
            from ..archive.trees import copy_tree

            copy_tree(self.path(parent), target)
        else:
            # 0555 as the Go tools make it; without privilege nothing could then be put inside.
            os.chmod(target, 0o755 if os.geteuid() else 0o555)

    def create(
        self,
        layer: str,
        parent: str,
        uidmap: IDMap = (),
        gidmap: IDMap = (),
        image: bool = False,
        shifted: bool = False,
    ) -> None:
        target = f"{self._own(image)}/dir/{layer}"
        remove_tree(target)
        self.copy_parent(parent, target)
        if (uidmap or gidmap) and not shifted:
            from ..archive.trees import shift_tree

            shift_tree(target, uid_to=uidmap, gid_to=gidmap)

    def adopt(self, layer: str, parent: str, staged: str, image: bool = True) -> None:
        target = f"{self._own(image)}/dir/{layer}"
        remove_tree(target)
        os.rename(staged, target)

    def remove(self, layer: str, temp: Trash) -> None:
        for home in self.own_homes:
            temp.take(f"{home}/{layer}")

    def staging_root(self, image: bool = True) -> str:
        return f"{self._own(image)}/tempdirs"

    def apply_options(self, uidmap: IDMap = (), gidmap: IDMap = ()) -> ApplyOptions:
        from ..archive.options import ApplyOptions

        return ApplyOptions(
            whiteouts="remove",
            uidmap=uidmap,
            gidmap=gidmap,
            ignore_chown_errors=self.settings.ignore_chown_errors,
            apply_root=True,
            parent_mode=0o755,
        )

    def diff_dir(self, layer: str) -> str:
        return self.path(layer)

    def read_dirs(self, layer: str) -> list[str]:
        return [self.path(layer)]

    def mount(self, layer: str, options: MountOptions) -> str:
        bad = [word for word in options.options if word not in ("ro", "rw", "")]
        if bad:
            raise StorageError(f"vfs driver does not support mount options: {', '.join(bad)}")
        return self.path(layer)

    def unmount(self, layer: str, path: str) -> None:
        pass

    def is_mounted(self, layer: str, path: str) -> bool:
        return os.path.isdir(path)
