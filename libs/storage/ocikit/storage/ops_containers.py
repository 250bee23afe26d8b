"""Containers and mounts: what ``run`` and ``rm`` do (spec, sections 5.5, 8 and 9.5)."""

from __future__ import annotations

from . import records
from .base import StoreBase
from .containers import VOLATILE
from .drivers.base import MountOptions
from .errors import IDInUse, LayerNotMounted, StorageError
from .records import ContainerRecord, LayerRecord, timestamp
from .tempdirs import Later, TempDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .autouserns import AutoUserNs
    from .drivers.base import IDMap
    from .mapped import Shifted


class NewContainer:
    """What is asked for, and in ``mapped``, ``shifted``, ``shifts`` how its files get the owners of its maps: by standing on a
    shifted copy of the image's layer, by a shifted tree of its own, or (the default) by its mount."""

    __slots__ = (
        "gidmap",
        "id",
        "image",
        "layer",
        "mapped",
        "metadata",
        "mount_options",
        "mountlabel",
        "names",
        "processlabel",
        "shifted",
        "shifts",
        "stable",
        "storage_opts",
        "uidmap",
        "volatile",
    )

    id: str | None
    names: list[str]
    image: str
    layer: str | None
    metadata: str
    volatile: bool
    stable: bool
    storage_opts: dict[str, str] | None
    mountlabel: str
    processlabel: str
    mount_options: list[str]

    def __init__(self) -> None:
        self.uidmap: IDMap = ()
        self.gidmap: IDMap = ()
        self.mapped = ""
        self.shifted: Shifted | None = None
        self.shifts = True
        self.stable = False


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
        auto_userns: AutoUserNs | None = None,
        progress: Callable[[int], None] | None = None,
        stable: bool = False,
    ) -> ContainerRecord:
        """A container with a writable layer of its own on top of the image's.

        image: a key of ``image()``, or "" for an empty root. layer: the id for the new layer (random by default).
        volatile: may be lost with the power (``--rm``); stable: its files may, its record stays where older tools also look
        (containers/storage before 1.45 knows no volatile records). uidmap, gidmap: (container id, host id, size) ranges; auto_userns: find
        ranges that no other container has (the record says which). Where the kernel cannot shift ids, a shifted copy of the
        image is made and kept; progress is called with the number of files copied. storage_opts: ``size``, ``inodes``.
        NameTaken, IDInUse, ImageUnknown; on failure nothing is left.
        """
        self._prepare()
        if image:
            image = self._find_image(image)[1].id
        if storage_opts:
            self._driver.check_quota(storage_opts)
        new = NewContainer()
        new.id, new.names, new.image, new.layer = id, list(names), image, layer
        new.metadata, new.volatile, new.storage_opts = metadata, volatile, storage_opts
        new.stable = stable
        new.mountlabel, new.processlabel, new.mount_options = mountlabel, processlabel, list(mount_options)
        if uidmap or gidmap or auto_userns is not None:
            from .ops_mapped import create_mapped

            return create_mapped(self, new, uidmap, gidmap, auto_userns, progress)
        return self._create_container(new)

    def _create_container(self, new: NewContainer) -> ContainerRecord:
        containers, layers = self._containers, self._layers
        with layers.writing():
            top = ""
            if new.image:
                top = new.mapped or self._find_image(new.image)[1].layer
                if top:
                    self._find_layer(top)
            with containers.writing():
                container_id = new.id or containers.new_id()
                if container_id in containers.by_id:
                    raise IDInUse(f"container {container_id}: that ID is already in use")
                containers.check_names(new.names)
                raw: dict[str, object] = {
                    "id": new.layer or layers.new_id(),
                    "names": [f"{name}-layer" for name in new.names][:1],
                    "parent": top,
                    "mountlabel": new.mountlabel,
                    "created": timestamp(),
                }
                if not new.shifts:
                    raw["uidmap"], raw["gidmap"] = records.idmap_rows(new.uidmap), records.idmap_rows(new.gidmap)
                place = layers.volatile if new.volatile and not new.stable else layers.for_containers
                layer_record = LayerRecord(LayerRecord.ordered(raw), place)
                layers.add(layer_record, new.uidmap, new.gidmap, bool(new.mapped))
                if new.shifted is not None:
                    new.shifted.adopt(layer_record.id)
                if new.storage_opts or self.settings.size or self.settings.inodes:
                    self._driver.set_quota(layer_record.id, new.storage_opts or {})
                flags: dict[str, object] = {"MountLabel": new.mountlabel, "ProcessLabel": new.processlabel}
                if new.volatile:
                    flags["Volatile"] = True
                if new.mount_options:
                    flags["MountOpts"] = new.mount_options
                row: dict[str, object] = {
                    "id": container_id,
                    "names": new.names,
                    "image": new.image,
                    "layer": layer_record.id,
                    "metadata": new.metadata,
                    "created": timestamp(),
                    "uidmap": records.idmap_rows(new.uidmap),
                    "gidmap": records.idmap_rows(new.gidmap),
                    "flags": flags,
                }
                place = VOLATILE if (new.volatile and not new.stable) or containers.transient else 0
                container = ContainerRecord(ContainerRecord.ordered(row), place)
                try:
                    containers.put(container)
                    containers.save()
                except BaseException:
                    self._undo_layer(layer_record)
                    raise
        return container

    def _undo_layer(self, record: LayerRecord) -> None:
        with self._driver.trash() as trees, TempDir(self._layers.temp_root) as files:
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
        layer, how = self._how(key, options, read_only)
        return self._mount(layer, how)

    def ensure_mounted(self, key: str) -> str:
        """The path of a root file system that is mounted according to its count, after making sure that it really is.

        Tools of the generation of podman 4 may bind the driver's home over mounts that they do not know of, or unmount it with
        all that is below. Ask this right before the path is put to use. LayerNotMounted when the count is 0.
        """
        layer, how = self._how(key, (), False)
        with self._storage_lock.writing():
            mounts = self._layers.mounts
            mounts.refresh()
            path, count = mounts.rows.get(layer, ("", 0))
            if not count:
                raise LayerNotMounted(f"layer {layer}: layer is not mounted")
            if not self._driver.is_mounted(layer, path) and not self._driver.uncover(path):
                self._driver.bind_home()
                with self._layers.writing():
                    self._driver.mount(layer, self._final(self._find_layer(layer)[1], how))
        return path

    def _how(self, key: str, options: Sequence[str], read_only: bool) -> tuple[str, MountOptions]:
        """The layer that a container's or layer's key means, and how it is to be mounted."""
        self._containers.refresh()
        container = self._containers.find(key)
        if container is None:
            return key, MountOptions(tuple(options), read_only=read_only)
        words = tuple(options) or tuple(container.flags.get("MountOpts") or ())
        label = container.flags.get("MountLabel") or ""
        how = MountOptions(words, label, container.volatile, read_only, container.uidmap, container.gidmap)
        return container.layer, how

    def _mount(self, key: str, how: MountOptions) -> str:
        with self._storage_lock.writing():
            self._driver.prepare()
            self._driver.bind_home()
            with self._layers.writing():
                record = self._find_layer(key)[1]
                return self._layers.mount(record, self._final(record, how))

    @staticmethod
    def _final(record: LayerRecord, how: MountOptions) -> MountOptions:
        if record.read_only:
            how.read_only = True
        if record.uidmap == how.uidmap and record.gidmap == how.gidmap:
            how.uidmap = how.gidmap = ()  # the files are shifted on disk already
        how.label = how.label or record.mountlabel
        return how

    def unmount(self, key: str, force: bool = False) -> bool:
        """One user less; True when that really unmounted. ``force`` unmounts whatever the count."""
        layer = self._layer_of(key)
        with self._layers.writing():
            return self._layers.unmount(layer, force)

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
            return self._layers.unmount(record.layer, force)
