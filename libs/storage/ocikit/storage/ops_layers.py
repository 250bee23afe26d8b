"""Layers: looking them up, taking them in, deleting them, and what they change (spec, sections 5, 6 and 12)."""

from __future__ import annotations

from . import records
from .base import StoreBase
from .errors import LayerExists, LayerInUse, LayerUnknown, StorageError
from .records import LayerRecord, timestamp
from .tempdirs import TempDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .archive.reader import Readable
    from .drivers.base import IDMap
    from .records import ImageRecord
    from .stage import StagedLayer


class LayerOps(StoreBase):
    """The part of ``Store`` about layers."""

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

    def layers_by_diff_id(self, diff_id: str) -> list[LayerRecord]:
        """Layers whose uncompressed tar has this digest (copies with shifted owners are left out)."""
        return [
            layer for layer in self.layers() if not layer.raw.get("uidmap") and layer.raw.get("diff-digest") == diff_id
        ]

    def layers_by_compressed_digest(self, digest: str) -> list[LayerRecord]:
        """Layers that were received as a blob with this digest."""
        return [
            layer
            for layer in self.layers()
            if not layer.raw.get("uidmap") and layer.raw.get("compressed-diff-digest") == digest
        ]

    def layers_by_toc_digest(self, digest: str) -> list[LayerRecord]:
        """Layers that are known by a table of contents with this digest (zstd:chunked)."""
        return [
            layer for layer in self.layers() if not layer.raw.get("uidmap") and layer.raw.get("toc-digest") == digest
        ]

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

    def delete_layer(self, key: str) -> None:
        """Delete one layer. LayerInUse when it has children, or an image or a container uses it."""
        trees, files = self._driver.trash(), TempDir(self._layers.temp_root)
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


def chain_id(parent: str, diff_id: str) -> str:
    """The id of an image's layer: that of its tar for the first, else the hash of parent and tar (spec, section 5.2)."""
    digest = diff_id.partition(":")[2]
    if not parent:
        return digest
    from hashlib import sha256

    return sha256(f"{parent}+{digest}".encode()).hexdigest()
