"""Containers and mounts: what ``run`` and ``rm`` do (spec, sections 5.5, 8 and 9.5)."""

from __future__ import annotations

from . import records
from .base import StoreBase
from .containers import VOLATILE
from .drivers.base import MountOptions
from .errors import IDInUse, StorageError
from .records import ContainerRecord, LayerRecord, timestamp
from .tempdirs import Later, TempDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .drivers.base import IDMap


class ContainerOps(StoreBase):
    """The part of ``Store`` about containers and mounts."""

    # --- containers

    def containers(self) -> list[ContainerRecord]:
        """All containers of the store, whoever made them."""
        self._containers.refresh()
        return list(self._containers.records)

    def container(self, key: str) -> ContainerRecord:
        """By id, name, layer id or unique id prefix. ContainerUnknown."""
        self._containers.refresh()
        return self._containers.must(key)

    def create_container(
        self,
        id: str | None = None,
        names: Sequence[str] = (),
        image: str = "",
        layer: str | None = None,
        metadata: str = "",
        volatile: bool = False,
        uidmap: IDMap = (),
        gidmap: IDMap = (),
        storage_opts: dict[str, str] | None = None,
        mountlabel: str = "",
        processlabel: str = "",
        mount_options: Sequence[str] = (),
    ) -> ContainerRecord:
        """A container with a writable layer of its own on top of the image's.

        image: a key of ``image()``, or "" for an empty root. layer: the id for the new layer (random by default).
        volatile: may be lost with the power (``--rm``). uidmap, gidmap: (container id, host id, size) ranges.
        NameTaken, IDInUse, ImageUnknown; on failure nothing is left.
        """
        self._prepare()
        if image:
            image = self._find_image(image)[1].id
        containers, layers = self._containers, self._layers
        with layers.writing():
            top = ""
            if image:
                record = self._find_image(image)[1]
                top = record.layer
                if top:
                    self._find_layer(top)
            with containers.writing():
                container_id = id or containers.new_id()
                if container_id in containers.by_id:
                    raise IDInUse(f"container {container_id}: that ID is already in use")
                containers.check_names(list(names))
                raw = {
                    "id": layer or layers.new_id(),
                    "names": [f"{name}-layer" for name in names][:1],
                    "parent": top,
                    "mountlabel": mountlabel,
                    "created": timestamp(),
                }
                place = layers.volatile if volatile else layers.for_containers
                layer_record = LayerRecord(LayerRecord.ordered(raw), place)
                layers.add(layer_record, uidmap, gidmap)
                flags: dict[str, object] = {"MountLabel": mountlabel, "ProcessLabel": processlabel}
                if volatile:
                    flags["Volatile"] = True
                if mount_options:
                    flags["MountOpts"] = list(mount_options)
                row: dict[str, object] = {
                    "id": container_id,
                    "names": list(names),
                    "image": image,
                    "layer": layer_record.id,
                    "metadata": metadata,
                    "created": timestamp(),
                    "uidmap": records.idmap_rows(uidmap),
                    "gidmap": records.idmap_rows(gidmap),
                    "flags": flags,
                }
                place = VOLATILE if volatile or containers.transient else 0
                container = ContainerRecord(ContainerRecord.ordered(row), place)
                try:
                    containers.put(container)
                    containers.save()
                except BaseException:
                    self._undo_layer(layer_record)
                    raise
        return container

    def _undo_layer(self, record: LayerRecord) -> None:
        with TempDir(self._driver.staging_root()) as trees, TempDir(self._layers.temp_root) as files:
            self._layers.delete(record, trees, files)

    def delete_container(self, key: str) -> None:
        """Unmount and delete the container, its layer and its directories. ContainerUnknown."""
        trees = files = Later()
        try:
            with self._layers.writing(), self._containers.writing():
                record = self._containers.must(key)
                layer = self._layers.by_id.get(record.layer)
                if layer is not None:
                    self._layers.mounts.refresh()
                    self._layers.delete(layer, trees, files)
                self._containers.drop(record)
                self._containers.save()
        finally:
            trees.close()
        self._containers.remove_directories(record.id)

    def set_container_metadata(self, key: str, metadata: str) -> ContainerRecord:
        """Replace the metadata text."""
        return self._change_container(key, metadata=metadata)

    def set_container_names(self, key: str, names: Sequence[str]) -> ContainerRecord:
        """Exactly these names. NameTaken."""
        with self._containers.writing():
            self._containers.check_names(list(names), self._containers.must(key).id)
            return self._change_container(key, names=list(names))

    def _change_container(self, key: str, **changes: object) -> ContainerRecord:
        with self._containers.writing():
            record = self._containers.must(key).with_(**changes)
            self._containers.put(record)
            self._containers.save()
        return record

    def container_data(self, key: str, item: str) -> bytes:
        """A document kept with the container. FileNotFoundError when there is none."""
        return self._containers.data.read(self.container(key).id, item)

    def set_container_data(self, key: str, item: str, content: bytes) -> ContainerRecord:
        """Store or replace a document."""
        with self._containers.writing():
            record = self._containers.set_data(self._containers.must(key), item, content)
            self._containers.save()
        return record

    def container_dir(self, key: str) -> str:
        """The container's directory that stays, made when first asked for."""
        return self._containers.user_directory(self.container(key).id)

    def container_run_dir(self, key: str) -> str:
        """The container's directory that is gone after a boot, made when first asked for."""
        return self._containers.user_directory(self.container(key).id, run=True)

    # --- mounting

    def mount(self, key: str, options: Sequence[str] = (), read_only: bool = False) -> str:
        """Mount a container's (or layer's) root file system, or count one more user of the mount; its path."""
        container: ContainerRecord | None = None
        try:
            container = self.container(key)
            key = container.layer
        except StorageError:
            pass
        words = tuple(options)
        volatile = False
        label = ""
        uidmap: IDMap = ()
        gidmap: IDMap = ()
        if container is not None:
            words = words or tuple(container.flags.get("MountOpts") or ())
            volatile = container.volatile
            label = container.flags.get("MountLabel") or ""
            uidmap, gidmap = container.uidmap, container.gidmap
        how = MountOptions(words, label, volatile, read_only, uidmap, gidmap)
        return self._mount(key, how)

    def _mount(self, key: str, how: MountOptions) -> str:
        with self._storage_lock.writing():
            self._driver.prepare()
            self._driver.bind_home()
            self._bound = True
            with self._layers.writing():
                record = self._find_layer(key)[1]
                if record.read_only:
                    how.read_only = True
                if record.uidmap == how.uidmap and record.gidmap == how.gidmap:
                    how.uidmap = how.gidmap = ()  # the files are shifted on disk already
                how.label = how.label or record.mountlabel
                return self._layers.mount(record, how)

    def unmount(self, key: str, force: bool = False) -> bool:
        """One user less; True when that really unmounted. ``force`` unmounts whatever the count."""
        layer = self._layer_of(key)
        with self._layers.writing():
            done = self._layers.unmount(layer, force)
        self._bound = self._bound or done
        return done

    def mounted(self, key: str) -> int:
        """How many users the mount has; 0 when not mounted."""
        layer = self._layer_of(key)
        self._layers.mounts.refresh()
        return self._layers.mounts.count(layer)

    def mount_point(self, key: str) -> str:
        """Where it is mounted, or ""."""
        layer = self._layer_of(key)
        self._layers.mounts.refresh()
        path, count = self._layers.mounts.rows.get(layer, ("", 0))
        return path if count else ""

    def _layer_of(self, key: str) -> str:
        self._containers.refresh()
        container = self._containers.find(key)
        if container is not None:
            return container.layer
        return self._find_layer(key)[1].id

    def mount_image(self, key: str, options: Sequence[str] = (), label: str = "") -> str:
        """Mount the image's top layer read-only; its path. Count as for containers."""
        record = self._find_image(key)[1]
        if not record.layer:
            raise StorageError(f"image {record.id} has no layers to mount")
        return self._mount(record.layer, MountOptions(tuple(options), label, read_only=True))

    def unmount_image(self, key: str, force: bool = False) -> bool:
        """Undo ``mount_image``; True when that really unmounted."""
        record = self._find_image(key)[1]
        with self._layers.writing():
            done = self._layers.unmount(record.layer, force)
        self._bound = self._bound or done
        return done
