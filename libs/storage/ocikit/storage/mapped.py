"""Images for containers with id maps where the kernel cannot shift ids in a mount: a copy of the top layer with other owners
(spec, section 14.3). It is made once, kept with the image, and used by the Go tools as well."""

from __future__ import annotations

import os

from ocikit.common.files import makedirs_mode

from .records import LayerRecord, idmap_rows, timestamp
from .tempdirs import TempDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .drivers.base import IDMap
    from .drivers.overlay import Overlay
    from .ops_containers import ContainerOps
    from .records import ImageRecord


def find_mapped(store: ContainerOps, image: ImageRecord, uidmap: IDMap, gidmap: IDMap) -> str:
    """The image's top layer, or the copy of it, whose files have the owners of these maps; "" if there is none."""
    for layer in (image.layer, *image.mapped_layers):
        record = store._layers.by_id.get(layer)
        if record is not None and (record.uidmap, record.gidmap) == (uidmap, gidmap):
            return layer
    return ""


class Shifted:
    """The whole tree of a layer with shifted owners, made where nobody sees it; ``close()`` removes what was not adopted."""

    def __init__(
        self,
        driver: Overlay,
        layer: str,
        uidmap: IDMap,
        gidmap: IDMap,
        progress: Callable[[int], None] | None,
        image: bool = True,
    ) -> None:
        from ocikit.common import linux

        from .archive.trees import shift_tree
        from .drivers.mounts import mount_plain

        self.driver = driver
        self.maps = uidmap, gidmap
        self.trees = TempDir(driver.staging_root(image))
        try:
            base = self.trees.addition()
            for name in ("", "/diff", "/work", "/merged"):
                os.mkdir(base + name, 0o700)
            st = os.stat(driver.diff_dir(layer))
            os.chown(f"{base}/diff", st.st_uid, st.st_gid)
            os.chmod(f"{base}/diff", st.st_mode & 0o7777)
            # Changing an owner through the mount copies the file up, into ``diff``.
            mount_plain(driver, driver.read_dirs(layer), base)
            try:
                shift_tree(f"{base}/merged", uid_to=uidmap, gid_to=gidmap, progress=progress)
            finally:
                linux.umount2(f"{base}/merged", linux.MNT_DETACH)
            self.tree = f"{base}/diff"
        except BaseException:
            self.close()
            raise

    def adopt(self, layer: str) -> None:
        """The tree becomes the older content (``diff1``) of a layer."""
        os.rename(self.tree, f"{os.path.dirname(self.driver.diff_dir(layer))}/diff1")

    def close(self) -> None:
        self.trees.close()


def make_mapped(
    store: ContainerOps, image: ImageRecord, uidmap: IDMap, gidmap: IDMap, progress: Callable[[int], None] | None
) -> None:
    """Make that copy. It takes as long as copying the image does; no lock is held meanwhile.

    progress: called with the number of files done, every 1,000.
    """
    from .drivers.overlay import Overlay

    driver = store._driver
    assert isinstance(driver, Overlay)
    top = store._find_layer(image.layer)[1]
    shifted = Shifted(driver, top.id, uidmap, gidmap, progress)
    try:
        with store._layers.writing(), store._images.writing():
            current = store._images.by_id.get(image.id)
            if current is None or current.layer != top.id or find_mapped(store, current, uidmap, gidmap):
                return  # removed, or somebody was faster
            raw = {k: v for k, v in top.raw.items() if k not in ("names", "big-data-names")}
            raw |= {
                "id": store._layers.new_id(),
                "created": timestamp(),
                "uidmap": idmap_rows(uidmap),
                "gidmap": idmap_rows(gidmap),
            }
            record = LayerRecord(LayerRecord.ordered(raw), store._layers.for_images)
            # Its directory stands on the layer that it was made from; its record has that layer's parent.
            driver.create(record.id, top.id, uidmap, gidmap, image=True)
            shifted.adopt(record.id)
            _copy_split(store, top.id, record.id)
            store._layers.put(record)
            store._layers.save()
            store._images.put(current.with_(mapped_layers=[*current.mapped_layers, record.id]))
            store._images.save()
    finally:
        shifted.close()


def _copy_split(store: ContainerOps, source: str, target: str) -> None:
    from .archive.trees import copy_file

    path = store._layers.split_path(source)
    try:
        old = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        makedirs_mode(store._layers.directory, 0o700)
        new = os.open(store._layers.split_path(target), os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            copy_file(old, new)
        finally:
            os.close(new)
    finally:
        os.close(old)
