"""Pushing a local manifest list: each of its images is read from where it was found (image.md 14.2)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocikit.common.errors import NotFound
from ocikit.image.context import SystemContext
from ocikit.image.copy.engine import copy_image
from ocikit.image.copy.options import CopyOptions, CopyResult
from ocikit.image.digest import sha256
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import parse_manifest
from ocikit.image.names import parse_image_name
from ocikit.image.transports.base import Descriptor, ImageReference, ImageSource, ReadStream

from .common import Retries, storage_reference
from .listartifact import ArtifactSource
from .manifestlist import LocalList, find_list

if TYPE_CHECKING:
    from ocikit.storage import Store


class ListReference(ImageReference):
    """A local list as a source: the list from the store, each instance from where it was found."""

    def __init__(self, local: LocalList) -> None:
        assert local.record is not None
        self.local = local
        inner = storage_reference(local.store, f"@{local.id}")
        self.transport = inner.transport
        self._inner = inner

    def string_within_transport(self) -> str:
        return self._inner.string_within_transport()

    def policy_identity(self) -> str:
        return self._inner.policy_identity()

    def policy_namespaces(self) -> list[str]:
        return self._inner.policy_namespaces()

    def open_source(self, ctx: SystemContext) -> ImageSource:
        return _ListSource(self, ctx)


class _ListSource(ImageSource):
    """Blobs are asked of the image whose manifest was read last that names them."""

    def __init__(self, reference: ListReference, ctx: SystemContext) -> None:
        self.reference: ListReference = reference
        self._ctx = ctx
        self._open: dict[str, ImageSource] = {}
        self._owner: dict[str, ImageSource] = {}

    def _source(self, digest: str) -> ImageSource:
        local = self.reference.local
        if digest in (local.artifacts.get("manifests") or {}):
            return self._open.setdefault(digest, ArtifactSource(self.reference, local.artifacts, digest))
        text = local.sources.get(digest, "")
        if not text:
            raise NotFound(f"{self.reference}: the list doesn't say where {digest} is to be read from")
        if text not in self._open:
            self._open[text] = parse_image_name(text).open_source(self._ctx)
        return self._open[text]

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        if instance_digest is None:
            return self.reference.local.list.raw, self.reference.local.list.media_type
        source = self._source(instance_digest)
        raw, media_type = source.get_manifest()
        if sha256(raw) != instance_digest:
            raw, media_type = source.get_manifest(instance_digest)
        manifest = parse_manifest(raw, mt.normalise(media_type))
        for blob in (*manifest.layers, *([manifest.config] if manifest.config is not None else [])):
            self._owner[blob.digest] = source
        for blob in self._infos(source, instance_digest) or ():
            self._owner[blob.digest] = source
        return raw, media_type

    @staticmethod
    def _infos(source: ImageSource, digest: str) -> Sequence[Descriptor] | None:
        raw, _ = source.get_manifest()
        return source.layer_infos_for_copy(None if sha256(raw) == digest else digest)

    def layer_infos_for_copy(self, instance_digest: str | None = None) -> list[Descriptor] | None:
        if instance_digest is None:
            return None
        found = self._infos(self._source(instance_digest), instance_digest)
        return None if found is None else list(found)

    def get_signatures(self, instance_digest: str | None = None) -> list[bytes]:
        if instance_digest is None:
            return []
        return self._source(instance_digest).get_signatures(instance_digest)

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        owner = self._owner.get(descriptor.digest)
        if owner is None:
            raise NotFound(f"{self.reference}: no image of the list has blob {descriptor.digest}")
        return owner.open_blob(descriptor, offset)

    def close(self) -> None:
        for source in self._open.values():
            source.close()
        self._open.clear()


def push_list(
    store: Store, name: str, target: ImageReference, options: CopyOptions, retries: Retries | None = None
) -> CopyResult:
    """Copy a local list to ``target``; ``options.multi_arch`` says whether its images go along."""
    source = ListReference(find_list(store, name))
    return (retries or Retries(0)).run(lambda: copy_image(target, source, options))
