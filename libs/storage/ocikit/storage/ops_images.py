"""Images: looking them up, making, naming and deleting them (spec, section 7)."""

from __future__ import annotations

from .base import StoreBase
from .errors import IDInUse, ImageInUse, ImageUnknown, ReadOnlyStore
from .records import ImageRecord, LayerRecord
from .tempdirs import TempDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Data = tuple[str, bytes, str]


class ImageOps(StoreBase):
    """The part of ``Store`` about images."""

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
        trees, files = self._driver.trash(), TempDir(self._layers.temp_root)
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
