"""Writing an image into a store: layers are unpacked side by side where nobody sees them, and put in order at the end.

Nothing of an image that wasn't committed stays: what is staged is thrown away (image spec, section 4.7).
"""

from __future__ import annotations

from threading import Lock

from ocikit.common import log
from ocikit.common.errors import OcikitError
from ocikit.common.jsonfast import dumps
from ocikit.image.digest import hex_of, sha256
from ocikit.image.errors import CopyError, ImageError, wrap
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.config import diff_ids, parse_config
from ocikit.image.manifest.convert import schema1_to_schema2
from ocikit.image.manifest.gojson import rfc3339, text
from ocikit.image.manifest.guess import manifest_digest, parse_manifest
from ocikit.image.manifest.platform import platform_rank, wanted_platforms
from ocikit.image.manifest.schema1 import Schema1Manifest
from ocikit.image.transports.base import (
    PRESERVE,
    BlobInfoCache,
    BlobStream,
    Descriptor,
    ImageDestination,
    Platform,
    ReuseOptions,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.image.transports.containers_storage import StorageReference
    from ocikit.storage.records import ImageRecord
    from ocikit.storage.stage import StagedLayer


class _Have:
    """Where a layer of the image comes from: something staged, or a layer of the store with the same content."""

    __slots__ = ("diff_id", "existing", "staged")

    def __init__(self, diff_id: str, staged: StagedLayer | None = None, existing: str = "") -> None:
        self.diff_id = diff_id
        self.staged = staged
        self.existing = existing


class StorageDestination(ImageDestination):
    supported_manifest_types = (mt.OCI_MANIFEST, mt.V2S2, mt.V2S1_SIGNED, mt.V2S1)
    layer_compression = PRESERVE
    parallel = True
    ignores_embedded_reference = True
    wants_platform_match = True

    def __init__(self, reference: StorageReference) -> None:
        self.reference: StorageReference = reference
        self._store = reference.store
        self._lock = Lock()
        self._by_digest: dict[str, _Have] = {}
        self._configs: dict[str, bytes] = {}
        self._manifest: tuple[bytes, str] | None = None
        self._signatures: dict[str | None, Sequence[bytes]] = {}
        self.record: ImageRecord | None = None
        """The image, after :meth:`commit`."""

    def supports_signatures(self) -> None:
        return None

    def prepare(self, layers: Sequence[Descriptor], config: bytes | None) -> None:
        """Space is looked at before gigabytes are fetched; a foreign platform is told, not refused."""
        if config is None:
            return
        doc = parse_config(config)
        platform = Platform(text(doc, "os", "image config"), text(doc, "architecture", "image config"))
        from ocikit.image.context import SystemContext

        wanted = wanted_platforms(SystemContext())
        if platform_rank(platform, [Platform(w.os, w.architecture) for w in wanted]) is None:
            log.info(
                f"Image operating system or architecture mismatch: image is {platform}, this machine is {wanted[0]}"
            )

    # ---- blobs -----------------------------------------------------------------------------------------------------

    def put_blob(
        self,
        stream: BlobStream,
        descriptor: Descriptor,
        *,
        is_config: bool = False,
        layer_index: int | None = None,
        cache: BlobInfoCache | None = None,
    ) -> Descriptor:
        if is_config or layer_index is None:
            data = stream.read()
            with self._lock:
                self._configs[stream.digest] = data
            return descriptor.replace(digest=stream.digest, size=len(data))
        staged = self._store.stage_layer(stream)
        with self._lock:
            have = _Have(staged.diff_id, staged)
            self._by_digest[stream.digest] = have
            # The same content under its other name, for images that list it twice.
            self._by_digest.setdefault(staged.diff_id, have)
        for warning in staged.warnings:
            log.warning(warning)
        if cache is not None:
            cache.record_uncompressed_pair(stream.digest, staged.diff_id)
        return descriptor.replace(digest=stream.digest, size=stream.size)

    def try_reuse(self, descriptor: Descriptor, options: ReuseOptions) -> Descriptor | None:
        digest = descriptor.digest
        with self._lock:
            if digest in self._configs:
                return descriptor.replace(size=len(self._configs[digest]))
            if digest in self._by_digest:
                return descriptor
        if options.layer_index is None:
            return None
        for record in self._store.layers_by_diff_id(digest):
            self._remember(digest, record.diff_digest, record.id)
            return descriptor.replace(size=record.diff_size if record.diff_size > 0 else descriptor.size)
        for record in self._store.layers_by_compressed_digest(digest):
            if record.diff_digest:
                self._remember(digest, record.diff_digest, record.id)
                return descriptor.replace(size=record.compressed_size or descriptor.size)
        plain = options.cache.uncompressed_digest(digest) if options.cache is not None else ""
        if plain and plain != digest and options.can_substitute:
            for record in self._store.layers_by_diff_id(plain):
                self._remember(plain, plain, record.id)
                return descriptor.replace(digest=plain, size=record.diff_size)
        return None

    def _remember(self, digest: str, diff_id: str, layer_id: str) -> None:
        with self._lock:
            self._by_digest.setdefault(digest, _Have(diff_id, existing=layer_id))

    # ---- manifest and commit ---------------------------------------------------------------------------------------

    def put_manifest(self, data: bytes, media_type: str, instance_digest: str | None = None) -> None:
        if instance_digest is not None:
            raise ImageError("containers-storage keeps one image under a name, not a list")
        self._manifest = (data, media_type)

    def put_signatures(self, signatures: Sequence[bytes], instance_digest: str | None = None) -> None:
        self._signatures[instance_digest] = tuple(signatures)

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        if self._manifest is None:
            raise ImageError(f"{self.reference}: nothing was written")
        raw, media_type = self._manifest
        manifest = parse_manifest(raw, media_type)
        haves: list[tuple[Descriptor, _Have]] = []
        empties = manifest.empty if isinstance(manifest, Schema1Manifest) else (False,) * len(manifest.layers)
        for layer, empty in zip(manifest.layers, empties, strict=True):
            if not empty:
                have = self._by_digest.get(layer.digest)
                if have is None:
                    raise ImageError(f"layer {layer.digest} was never written to the store")
                haves.append((layer, have))
        if isinstance(manifest, Schema1Manifest):
            ids = [have.diff_id for _, have in haves]
            _, config = schema1_to_schema2(manifest, [layer for layer, _ in haves], ids)
            config_digest = ""
            image_id = hex_of(sha256(config))
        else:
            assert manifest.config is not None
            config_digest = manifest.config.digest
            config = self._configs[config_digest]
            image_id = hex_of(config_digest)
            self._check_diff_ids(diff_ids(parse_config(config)), haves)
        top_layer = self._put_layers([have for _, have in haves])
        self._create(self.reference.image_id or image_id, top_layer, config, config_digest, raw, top_manifest)

    @staticmethod
    def _check_diff_ids(expected: list[str], haves: list[tuple[Descriptor, _Have]]) -> None:
        if len(expected) != len(haves):
            raise CopyError(f"the image's config lists {len(expected)} layers, its manifest {len(haves)}")
        for index, (want, (layer, have)) in enumerate(zip(expected, haves, strict=True)):
            if want != have.diff_id:
                raise CopyError(
                    f'layer {index} (blob "{layer.digest}"/""/"{have.diff_id}") does not match config\'s DiffID "{want}"'
                )

    def _put_layers(self, haves: Sequence[_Have]) -> str:
        """Makes the layers real, oldest first; returns the id of the top one ("" for none)."""
        from ocikit.storage.store import chain_id

        parent = ""
        for have in haves:
            layer_id = chain_id(parent, have.diff_id)
            if layer_id != have.existing and not self._exists(layer_id):
                if have.staged is not None:
                    staged, have.staged = have.staged, None
                else:
                    # The content is there on top of another parent: unpack it once more.
                    staged = self._stage_again(have)
                self._store.put_layer(staged, parent or None)
            if not have.existing:
                have.existing = layer_id
            parent = layer_id
        return parent

    def _exists(self, layer_id: str) -> bool:
        from ocikit.storage.errors import LayerUnknown

        try:
            return self._store.layer(layer_id).id == layer_id
        except LayerUnknown:
            return False

    def _stage_again(self, have: _Have) -> StagedLayer:
        record = self._store.layer(have.existing)
        try:
            with self._store.diff(have.existing) as stream:
                staged = self._store.stage_layer(stream, expected_diff_id=have.diff_id)
        except OcikitError as error:
            raise wrap(f"reading layer {have.existing} of the store", error) from error
        # It is known by the blob that it once came as.
        if record.compressed_diff_digest:
            staged.compressed_digest = record.compressed_diff_digest
            staged.compressed_size = record.compressed_size
            staged.compression = record.raw.get("compression", 0)
        return staged

    def _create(
        self,
        image_id: str,
        layer: str,
        config: bytes,
        config_digest: str,
        raw: bytes,
        top_manifest: tuple[bytes, str] | None,
    ) -> None:
        data: list[tuple[str, bytes, str]] = []
        if config_digest:
            data.append((config_digest, config, config_digest))
        digest = manifest_digest(raw)
        if top_manifest is not None and top_manifest[0] != raw:
            top_digest = manifest_digest(top_manifest[0])
            data.append(("manifest-" + top_digest, top_manifest[0], top_digest))
        data.append(("manifest-" + digest, raw, digest))
        data.append(("manifest", raw, digest))
        created = text(parse_config(config), "created", "image config")
        self.record = self._store.create_image(
            id=image_id,
            names=[str(self.reference.name)] if self.reference.name is not None else [],
            layer=layer or None,
            digest=data[1 if config_digest else 0][2],
            created=rfc3339(created) if created else "",
            metadata=self._metadata(data),
            data=data,
        )

    def _metadata(self, data: list[tuple[str, bytes, str]]) -> str:
        """The sizes of the signatures, whose bytes are added to ``data``."""
        doc: dict[str, object] = {}
        mine = self._signatures.get(None)
        if mine:
            doc["signature-sizes"] = [len(one) for one in mine]
            joined = b"".join(mine)
            data.append(("signatures", joined, sha256(joined)))
        sizes = {}
        for instance, signatures in self._signatures.items():
            if instance is not None and signatures:
                sizes[instance] = [len(one) for one in signatures]
                joined = b"".join(signatures)
                data.append(("signature-" + hex_of(instance), joined, sha256(joined)))
        if sizes:
            doc["signatures-sizes"] = sizes
        return dumps(doc)

    def close(self) -> None:
        with self._lock:
            for have in self._by_digest.values():
                if have.staged is not None:
                    have.staged.discard()
                    have.staged = None
