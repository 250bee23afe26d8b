"""Reading an image out of a store: layers are made again from their files, uncompressed (image spec, section 4.7)."""

from __future__ import annotations

from io import BytesIO

from ocikit.common.jsonfast import loads
from ocikit.image.errors import ImageError, ImageNotFound
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import guess, parse_manifest
from ocikit.image.manifest.schema1 import GZIP_EMPTY, GZIP_EMPTY_DIGEST, Schema1Manifest
from ocikit.image.streams import CHUNK
from ocikit.image.transports.base import Descriptor, ImageSource, ReadStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.transports.containers_storage import StorageReference
    from ocikit.storage.records import ImageRecord, LayerRecord


class StorageSource(ImageSource):
    parallel = True

    def __init__(self, reference: StorageReference, record: ImageRecord) -> None:
        self.reference: StorageReference = reference
        self.record = record
        self._layers: dict[str, str] = {}

    def _data(self, key: str) -> bytes | None:
        if key not in self.record.big_data_names:
            return None
        return self.reference.store.image_data(self.record.id, key)

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        digest = instance_digest
        if digest is None and self.reference.name is not None and self.reference.name.digest:
            raw = self._data("manifest-" + self.reference.name.digest)
            if raw is not None:
                return raw, guess(raw)
        raw = self._data("manifest-" + digest) if digest else self._data("manifest")
        if raw is None:
            if digest:
                raise ImageNotFound(
                    f"{self.reference} has no manifest {digest}; the store keeps one instance of a list"
                )
            raise ImageError(f"image {self.record.id} in the store has no manifest")
        return raw, guess(raw)

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        if descriptor.digest == GZIP_EMPTY_DIGEST:
            return BytesIO(GZIP_EMPTY[offset:]), len(GZIP_EMPTY)
        data = self._data(descriptor.digest)
        if data is not None:
            return BytesIO(data[offset:]), len(data)
        layer_id = self._layer_of(descriptor.digest)
        record = self.reference.store.layer(layer_id)
        stream = self.reference.store.diff(layer_id)
        while offset > 0:
            piece = stream.read(min(offset, CHUNK))
            if not piece:
                raise ImageError(f"layer {layer_id} is shorter than {descriptor.digest} was asked from")
            offset -= len(piece)
        return stream, record.diff_size if record.diff_size > 0 else -1

    def _layer_of(self, digest: str) -> str:
        if not self._layers:
            for record in self._chain():
                self._layers[record.diff_digest] = record.id
                if record.compressed_diff_digest:
                    self._layers.setdefault(record.compressed_diff_digest, record.id)
        found = self._layers.get(digest)
        if found is None:
            others = self.reference.store.layers_by_diff_id(digest)
            if not others:
                raise ImageError(f"image {self.record.id} has no layer {digest}")
            found = others[0].id
        return found

    def _chain(self) -> list[LayerRecord]:
        return list(reversed(self.reference.store.chain(self.record.layer))) if self.record.layer else []

    def layer_infos_for_copy(self, instance_digest: str | None = None) -> list[Descriptor] | None:
        """The layers as uncompressed tars, which is what :meth:`open_blob` gives."""
        raw, media_type = self.get_manifest(instance_digest)
        if mt.is_list(media_type):
            raise ImageError(f"{self.reference} is a list of images, not an image")
        manifest = parse_manifest(raw, media_type)
        plain = {mt.OCI_MANIFEST: mt.OCI_LAYER, mt.V2S2: mt.V2S2_LAYER}.get(manifest.media_type, "")
        physical = iter(self._chain())
        empties = manifest.empty if isinstance(manifest, Schema1Manifest) else (False,) * len(manifest.layers)
        infos = []
        for layer, empty in zip(manifest.layers, empties, strict=True):
            if empty:
                infos.append(layer.replace(digest=GZIP_EMPTY_DIGEST, size=len(GZIP_EMPTY)))
                continue
            record = next(physical, None)
            if record is None:
                raise ImageError(f"image {self.record.id} has fewer layers in the store than its manifest says")
            if not record.diff_digest:
                raise ImageError(f"the uncompressed digest of layer {record.id} is not known")
            infos.append(Descriptor(record.diff_digest, record.diff_size or -1, plain))
        if next(physical, None) is not None:
            raise ImageError(f"image {self.record.id} has more layers in the store than its manifest says")
        return infos

    def get_signatures(self, instance_digest: str | None = None) -> list[bytes]:
        metadata = loads(self.record.metadata or "{}")
        if instance_digest:
            key = "signature-" + instance_digest.partition(":")[2]
            sizes = metadata.get("signatures-sizes", {}).get(instance_digest, [])
        else:
            key, sizes = "signatures", metadata.get("signature-sizes", [])
        data = self._data(key) if sizes else None
        if not sizes or data is None:
            return []
        if sum(sizes) != len(data):
            raise ImageError(f"image {self.record.id}: signatures in the store don't have the sizes that are recorded")
        found, at = [], 0
        for size in sizes:
            found.append(data[at : at + size])
            at += size
        return found
