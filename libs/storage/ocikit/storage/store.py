"""The face of the library: one object for one store. Reading takes no lock, writing holds locks for milliseconds."""

from __future__ import annotations

import os

from . import records
from .config import Settings, StoreOptions, settle
from .containers import VOLATILE, ContainerStore
from .drivers import make
from .drivers.base import MountOptions
from .errors import (
    IDInUse,
    ImageInUse,
    ImageUnknown,
    LayerExists,
    LayerUnknown,
    ReadOnlyStore,
    StorageError,
)
from .images import ImageStore
from .layers import LayerStore
from .lockfile import LockFile
from .records import ContainerRecord, ImageRecord, LayerRecord, timestamp
from .tempdirs import TempDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .archive.reader import Readable
    from .diff import DiffStream
    from .drivers.base import IDMap
    from .stage import StagedLayer

    Data = tuple[str, bytes, str]


class Store:
    """A store of layers, images and containers. ``Store.open()``, and ``close()`` or ``with``, are all the ceremony."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.graphroot = settings.graphroot
        self.runroot = settings.runroot
        self.driver = name = settings.driver
        self._driver = driver = make(settings)
        graph, run, images = settings.graphroot, settings.runroot, settings.imagestore
        self._layers = LayerStore(
            f"{graph}/{name}-layers",
            f"{run}/{name}-layers",
            driver,
            f"{images}/{name}-layers" if images else "",
            settings.transient,
        )
        self._images = ImageStore(f"{images or graph}/{name}-images")
        self._containers = ContainerStore(f"{graph}/{name}-containers", f"{run}/{name}-containers", settings.transient)
        # Additional stores: only read, searched in this order after our own.
        self._more_layers = [
            LayerStore(f"{s}/{name}-layers", f"{run}/{name}-layers", driver, read_only=True)
            for s in settings.stores
            if s != graph
        ]
        self._more_images = [ImageStore(f"{s}/{name}-images", read_only=True) for s in settings.stores]
        self._storage_lock = LockFile(f"{graph}/storage.lock")
        self._ready = False
        self._bound = False

    @classmethod
    def open(cls, options: StoreOptions | None = None) -> Store:
        """The store that options, environment and storage.conf describe. Nothing is written until something is stored.

        Raises ConfigError for a storage.conf that cannot be used, DriverUnsupported for a driver that we do not have.
        """
        return cls(settle(options))

    @property
    def options(self) -> list[str]:
        """The driver options in force, as ``overlay.mountopt=nodev``."""
        return self.settings.options

    def close(self) -> None:
        """Let go: if this object mounted or unmounted something and nothing is mounted now, the driver's home is unbound."""
        if self._bound:
            self._bound = False
            self._unbind_if_idle()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- making ready

    def _prepare(self) -> None:
        """Directories of the driver, once, before the first write."""
        if not self._ready:
            with self._storage_lock.writing():
                self._driver.prepare()
            self._ready = True

    def _unbind_if_idle(self) -> bool:
        with self._storage_lock.writing():
            mounts = self._layers.mounts
            mounts.refresh()
            if any(count for _, count in mounts.rows.values()):
                return False
            self._storage_lock.touch()
            try:
                self._driver.unbind_home()
            except OSError:
                return False
        return True

    # --- images: reading

    def images(self) -> list[ImageRecord]:
        """All images; those of additional stores after our own (the same id may come twice)."""
        found: list[ImageRecord] = []
        for store in (self._images, *self._more_images):
            store.refresh()
            found += store.records
        return found

    def image(self, key: str) -> ImageRecord:
        """By full id, name or unique id prefix. ImageUnknown."""
        return self._find_image(key)[1]

    def _find_image(self, key: str) -> tuple[ImageStore, ImageRecord]:
        for store in (self._images, *self._more_images):
            store.refresh()
            record = store.find(key)
            if record is not None:
                return store, record
        raise ImageUnknown(f"{key}: image not known")

    def images_by_digest(self, digest: str) -> list[ImageRecord]:
        """Images one of whose manifests (or manifest lists) has this digest."""
        return [image for image in self.images() if digest in image.digests]

    def images_using_layer(self, layer: str) -> list[ImageRecord]:
        """Images whose top layer (or a shifted copy of it) this is."""
        return [image for image in self.images() if image.layer == layer or layer in image.mapped_layers]

    def image_data(self, key: str, item: str) -> bytes:
        """A document of the image: ``manifest``, ``sha256:<config>``, ``signatures``... NotFound if it has none of that name."""
        store, record = self._find_image(key)
        try:
            return store.data.read(record.id, item)
        except FileNotFoundError:
            pass
        with store.lock.reading():  # the writer of a new record may be at it: it holds the lock until all is there
            try:
                return store.data.read(record.id, item)
            except FileNotFoundError:
                raise ImageUnknown(
                    f'locating item named "{item}" for image with ID "{record.id}": file does not exist'
                ) from None

    # --- images: writing

    def create_image(
        self,
        id: str | None = None,
        names: Sequence[str] = (),
        layer: str | None = None,
        digest: str = "",
        created: str = "",
        metadata: str = "{}",
        data: Iterable[Data] = (),
        flags: dict[str, object] | None = None,
    ) -> ImageRecord:
        """A new image, or the one with that id brought up to date: documents replaced, names added (spec, section 7.3).

        data: (item, bytes, digest or ""); digest: of the top-level manifest. The names come last, so that a crash leaves an
        image without name. IDInUse when the id exists with another top layer; LayerUnknown when the layer is gone.
        """
        self._prepare()
        if layer:
            self._find_layer(layer)
        with self._images.writing():
            images = self._images
            image_id = id or images.new_id()
            record = images.by_id.get(image_id)
            if record is None:
                record = images.create(image_id, [], layer or "", metadata, created, digest, flags or {})
                # One save with everything is the same to a reader, and saves a sync for each document.
            elif record.layer != (layer or "") and layer not in record.mapped_layers:
                raise IDInUse(
                    f'image with ID "{image_id}" already exists, but uses a different top layer: that ID is already in use'
                )
            elif record.metadata != metadata:
                record = record.with_(metadata=metadata)
                images.put(record)
            for item, content, item_digest in data:
                record = images.set_data(record, item, content, item_digest)
            if names:
                record = images.set_names(record, [*names, *record.names])
            images.save()
        return record

    def set_image_data(self, key: str, item: str, content: bytes, digest: str = "") -> ImageRecord:
        """Store or replace one document. ``digest`` is asked of manifests whose digest is not that of their bytes."""
        with self._images.writing():
            record = self._images.set_data(self._own_image(key), item, content, digest)
            self._images.save()
        return record

    def set_image_metadata(self, key: str, metadata: str) -> ImageRecord:
        """Replace the metadata (JSON text of signature sizes)."""
        with self._images.writing():
            record = self._own_image(key).with_(metadata=metadata)
            self._images.put(record)
            self._images.save()
        return record

    def set_image_names(self, key: str, names: Sequence[str]) -> ImageRecord:
        """Exactly these names, newest first; a name that another image has moves here."""
        with self._images.writing():
            record = self._images.set_names(self._own_image(key), list(names))
            self._images.save()
        return record

    def add_image_names(self, key: str, names: Sequence[str]) -> ImageRecord:
        """These names, then those it has. An image of a read-only store is copied (without layers) to bear them."""
        with self._images.writing():
            record = self._own_image(key, copy=True)
            record = self._images.set_names(record, [*names, *record.names])
            self._images.save()
        return record

    def remove_image_names(self, key: str, names: Sequence[str]) -> ImageRecord:
        """Take names away; those it does not have are no matter."""
        with self._images.writing():
            record = self._own_image(key)
            record = self._images.set_names(record, [n for n in record.names if n not in names])
            self._images.save()
        return record

    def _own_image(self, key: str, copy: bool = False) -> ImageRecord:
        """The record in our own store, under its write lock."""
        record = self._images.find(key)
        if record is not None:
            return record
        store, other = self._find_image(key)
        if not copy:
            raise ReadOnlyStore(f'image "{other.id}" is in a read-only store')
        self._prepare()
        record = ImageRecord(dict(other.raw)).with_(names=[])
        for item in other.big_data_names:
            self._images.data.write(record.id, item, store.data.read(other.id, item))
        self._images.put(record)
        return record

    def delete_image(self, key: str) -> list[str]:
        """Delete the image and every layer that nothing else needs; the ids of those layers, top first.

        ImageInUse while a container is based on it.
        """
        trees, files = TempDir(self._driver.staging_root()), TempDir(self._layers.temp_root)
        try:
            with self._layers.writing(), self._images.writing(), self._containers.writing():
                record = self._images.find(key)
                if record is None:
                    raise ReadOnlyStore(f'cannot remove read-only image "{self._find_image(key)[1].id}"')
                users = self._containers.using_image(record.id)
                if users:
                    raise ImageInUse(f"image used by {users[0].id}: image is in use by a container")
                doomed = self._doomed(record)
                self._images.delete(record)
                self._layers.mounts.refresh()
                for layer in doomed:
                    self._layers.delete(layer, trees, files)
        finally:
            trees.close()
            files.close()
        return [layer.id for layer in doomed]

    def _doomed(self, image: ImageRecord) -> list[LayerRecord]:
        """The layers that go with the image, children before parents."""
        layers = self._layers.by_id
        kept = {c.layer for c in self._containers.records}
        for other in self._images.records:
            if other.id != image.id:
                kept.add(other.layer)
                kept.update(other.mapped_layers)
        children: dict[str, int] = {}
        for record in self._layers.records:
            parent = record.raw.get("parent")
            if parent:
                children[parent] = children.get(parent, 0) + 1
        doomed: list[LayerRecord] = []

        def walk(key: str) -> None:
            while key and key in layers and key not in kept and not children.get(key):
                record = layers[key]
                doomed.append(record)
                key = record.parent
                if key:
                    children[key] -= 1

        for mapped in image.mapped_layers:
            if mapped in layers and mapped not in kept and not children.get(mapped):
                record = layers[mapped]
                doomed.append(record)
                if record.parent:
                    children[record.parent] -= 1
        walk(image.layer)
        return doomed

    # --- layers

    def layers(self) -> list[LayerRecord]:
        """All layers, our own first."""
        found: list[LayerRecord] = []
        for store in (self._layers, *self._more_layers):
            store.refresh()
            found += store.records
        return found

    def layer(self, key: str) -> LayerRecord:
        """By id, name or unique id prefix. LayerUnknown."""
        return self._find_layer(key)[1]

    def _find_layer(self, key: str) -> tuple[LayerStore, LayerRecord]:
        for store in (self._layers, *self._more_layers):
            store.refresh()
            record = store.find(key)
            if record is not None:
                return store, record
        raise LayerUnknown(f"{key}: layer not known")

    def layers_by_diff_id(self, diff_id: str) -> list[LayerRecord]:
        """Layers whose uncompressed tar has this digest."""
        return [layer for layer in self.layers() if layer.raw.get("diff-digest") == diff_id]

    def layers_by_compressed_digest(self, digest: str) -> list[LayerRecord]:
        """Layers that were received as a blob with this digest."""
        return [layer for layer in self.layers() if layer.raw.get("compressed-diff-digest") == digest]

    def layers_by_toc_digest(self, digest: str) -> list[LayerRecord]:
        """Layers that are known by a table of contents with this digest (zstd:chunked)."""
        return [layer for layer in self.layers() if layer.raw.get("toc-digest") == digest]

    def chain(self, key: str) -> list[LayerRecord]:
        """The layer and its ancestors, nearest first."""
        found = [self.layer(key)]
        seen = {found[0].id}
        while found[-1].parent and found[-1].parent not in seen:
            seen.add(found[-1].parent)
            found.append(self.layer(found[-1].parent))
        return found

    def image_size(self, image: ImageRecord) -> int:
        """Bytes as ``podman images`` counts: documents and the uncompressed tars of all layers."""
        total: int = sum(image.big_data_sizes.values())
        layer = image.layer
        while layer:
            record = self._layers.by_id.get(layer) or self._find_layer(layer)[1]
            total += max(record.diff_size, 0)
            layer = record.parent
        return total

    def stage_layer(
        self,
        stream: Readable,
        parent: str | None = None,
        idmap: tuple[IDMap, IDMap] | None = None,
        expected_diff_id: str = "",
        compressed_digest: str = "",
    ) -> StagedLayer:
        """Unpack a layer blob (compressed or not) where nobody sees it; no lock is held, so many may run at once.

        stream: ``read(n)``, read to its end. idmap: (uid ranges, gid ranges) to shift the files by. expected_diff_id,
        compressed_digest: checked while the bytes pass (DigestMismatch). ``parent`` need not exist yet.
        Hand the result to ``put_layer``, or ``discard()`` it; it is a context manager.
        """
        from .stage import stage
        from .tempdirs import recover

        self._prepare()
        recover(self._driver.staging_root())
        recover(self._layers.temp_root)
        uidmap, gidmap = idmap or ((), ())
        return stage(self._driver, self._layers.temp_root, stream, uidmap, gidmap, expected_diff_id, compressed_digest)

    def put_layer(
        self, staged: StagedLayer, parent: str | None = None, id: str | None = None, names: Sequence[str] = ()
    ) -> LayerRecord:
        """Make a staged layer real on top of ``parent``; the id is the chain id unless one is given.

        If the layer is there already (another process was faster) that one is returned and the staged one thrown away.
        LayerUnknown when the parent is gone.
        """
        key = id or chain_id(parent or "", staged.diff_id)
        try:
            if staged.tar:
                from .stage import lay_over_parent

                existing = self._existing(key)
                if existing is not None:
                    return existing
                lay_over_parent(staged, parent or "")
            with self._layers.writing():
                existing = self._existing(key)
                if existing is not None:
                    return existing
                if parent:
                    self._check_parent(parent)
                raw = {
                    "id": key,
                    "names": list(names),
                    "parent": parent or "",
                    "created": timestamp(),
                    "compressed-diff-digest": staged.compressed_digest,
                    "compressed-size": staged.compressed_size,
                    "diff-digest": staged.diff_id,
                    "toc-digest": staged.toc_digest,
                    "diff-size": staged.diff_size,
                    "compression": staged.compression,
                    "uidset": staged.uidset,
                    "gidset": staged.gidset,
                    "uidmap": records.idmap_rows(staged.uidmap),
                    "gidmap": records.idmap_rows(staged.gidmap),
                }
                record = LayerRecord(LayerRecord.ordered(raw), self._layers.for_images)
                try:
                    self._layers.adopt(record, staged.tree, staged.split)
                except LayerExists:  # only by its name
                    raise StorageError(f"layer {key}: that name is already in use") from None
        finally:
            staged.discard()
        return record

    def _existing(self, key: str) -> LayerRecord | None:
        try:
            return self._find_layer(key)[1]
        except LayerUnknown:
            return None

    def _check_parent(self, parent: str) -> LayerRecord:
        """Under layers.lock: the parent exists and is no container's layer."""
        try:
            record = self._find_layer(parent)[1]
        except LayerUnknown:
            raise LayerUnknown(f"layer {parent}: parent of layer not known") from None
        self._containers.refresh()
        if any(c.layer == record.id for c in self._containers.records):
            raise StorageError(f"layer {record.id}: would-be parent layer is a container")
        return record

    def diff(self, key: str, parent: str | None = None) -> DiffStream:
        """What the layer adds to ``parent`` (default: its own parent) as an uncompressed tar.

        Bit for bit the tar that was put, where its tar-split was kept. No lock is held while it is read.
        """
        from .diff import from_split

        store, record = self._find_layer(key)
        if parent is None or parent == record.parent:
            with store.lock.reading():
                try:
                    return from_split(self._driver, record.id, store.split_path(record.id))
                except FileNotFoundError:
                    pass
        from .errors import DriverUnsupported

        raise DriverUnsupported(f"layer {record.id} has no tar-split file: its changes cannot be listed yet")

    def delete_layer(self, key: str) -> None:
        """Delete one layer. LayerInUse when it has children, or an image or a container uses it."""
        from .errors import LayerInUse

        trees, files = TempDir(self._driver.staging_root()), TempDir(self._layers.temp_root)
        try:
            with self._layers.writing(), self._images.writing(), self._containers.writing():
                record = self._layers.must(key)
                for image in self._images.records:
                    if image.layer == record.id:
                        raise LayerInUse(f"layer {record.id}: layer is in use by an image ({image.id})")
                for container in self._containers.records:
                    if container.layer == record.id:
                        raise LayerInUse(f"layer {record.id}: layer is in use by a container ({container.id})")
                self._layers.mounts.refresh()
                self._layers.delete(record, trees, files)
        finally:
            trees.close()
            files.close()

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
                layers.add(layer_record, _root_of(uidmap, gidmap))
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
        trees, files = TempDir(self._driver.staging_root()), TempDir(self._layers.temp_root)
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
            files.close()
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
        record = self.image(key)
        if not record.layer:
            raise StorageError(f"image {record.id} has no layers to mount")
        return self._mount(record.layer, MountOptions(tuple(options), label, read_only=True))

    def unmount_image(self, key: str, force: bool = False) -> bool:
        """Undo ``mount_image``; True when that really unmounted."""
        record = self.image(key)
        with self._layers.writing():
            done = self._layers.unmount(record.layer, force)
        self._bound = self._bound or done
        return done

    # --- the whole

    def shutdown(self, force: bool = False) -> list[str]:
        """Make sure nothing of the store is mounted: layers still mounted are returned, or with ``force`` unmounted."""
        self._layers.mounts.refresh()
        mounted = [layer for layer, (_, count) in self._layers.mounts.rows.items() if count]
        if mounted and not force:
            return mounted
        if mounted:
            with self._layers.writing():
                for layer in mounted:
                    self._layers.unmount(layer, force=True)
        if os.path.isdir(self._driver.home):
            self._unbind_if_idle()
        self._bound = False
        return []


def chain_id(parent: str, diff_id: str) -> str:
    """The id of an image's layer: that of its tar for the first, else the hash of parent and tar (spec, section 5.2)."""
    digest = diff_id.partition(":")[2]
    if not parent:
        return digest
    from hashlib import sha256

    return sha256(f"{parent}+{digest}".encode()).hexdigest()


def _root_of(uidmap: IDMap, gidmap: IDMap) -> tuple[int, int]:
    """Host ids of the container's root; ours when nothing is mapped."""

    def host(idmap: IDMap, default: int) -> int:
        for inside, outside, size in idmap:
            if inside <= 0 < inside + size:
                return outside - inside
        return default

    return host(uidmap, os.geteuid()), host(gidmap, os.getegid())
