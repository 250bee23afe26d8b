"""Manifest lists kept in a store: image records without layers (image.md 14.2).

Documents of such a record: ``manifest`` (the list), ``instances.json`` (where each instance is read from) and
``artifacts.json`` (artifacts made here).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ocikit.common import jsonfast
from ocikit.common.errors import NameInUse, NotFound, OcikitError
from ocikit.image.context import SystemContext
from ocikit.image.copy.engine import copy_image
from ocikit.image.copy.options import CopyOptions, CopyResult
from ocikit.image.digest import sha256
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import guess, parse_list, parse_manifest
from ocikit.image.manifest.lists import ManifestList
from ocikit.image.names import parse_image_name, transport_of
from ocikit.image.transports.base import Descriptor, ImageReference, ImageSource, Platform, ReadStream

from .common import Retries, storage_reference
from .lookup import find_named, unknown
from .naming import normalize_name

if TYPE_CHECKING:
    from ocikit.storage import ImageRecord, Store


class LocalList:
    """A list of the store, changed in memory and written back by :meth:`save`. ``sources``: digest -> image name."""

    def __init__(self, store: Store, record: ImageRecord | None, media_type: str = mt.OCI_INDEX) -> None:
        self.store = store
        self.record = record
        if record is None:
            self.id = secrets.token_hex(32)
            self.list = ManifestList(media_type, ())
            self.sources: dict[str, str] = {}
            self.artifacts: dict[str, Any] = {}
            return
        self.id = record.id
        raw = store.image_data(record.id, "manifest")
        self.list = parse_list(raw, guess(raw))
        self.sources = self._json("instances.json")
        self.artifacts = self._json("artifacts.json")

    def _json(self, item: str) -> dict[str, Any]:
        assert self.record is not None
        if item not in self.record.big_data_names:
            return {}
        found = jsonfast.loads(self.store.image_data(self.id, item))
        return found if isinstance(found, dict) else {}

    def save(self, names: Sequence[str] = ()) -> str:
        """Write the list and its companions; the id."""
        self.sources[""] = self.id
        raw = self.list.raw
        documents = [
            ("manifest", raw, ""),
            ("instances.json", jsonfast.dumps(self.sources, sort_keys=True).encode(), ""),
            ("artifacts.json", jsonfast.dumps(self.artifacts).encode(), ""),
        ]
        if self.record is None:
            self.record = self.store.create_image(
                id=self.id, names=list(names), layer=None, digest=sha256(raw), data=documents
            )
        else:
            for key, data, digest in documents:
                self.record = self.store.set_image_data(self.id, key, data, digest)
        return self.id

    def instance(self, digest: str) -> Descriptor:
        return self.list.instance(digest)

    def put(self, entries: Sequence[Descriptor], sources: Mapping[str, str]) -> None:
        """Add entries; one with a digest that is there already takes its place."""
        current = list(self.list.instances)
        for entry in entries:
            at = next((i for i, old in enumerate(current) if old.digest == entry.digest), None)
            if at is None:
                current.append(entry)
            else:
                current[at] = entry
        self.list = self.list.replace(current)
        self.sources.update(sources)

    def remove(self, digest: str) -> None:
        self.instance(digest)
        self.list = self.list.replace([i for i in self.list.instances if i.digest != digest])
        self.sources.pop(digest, None)


def find_list(store: Store, name: str) -> LocalList:
    """The list that ``name`` means. Raises ImageUnknown; OcikitError when it is a single image."""
    found = find_named(store, name)
    if found is None:
        raise unknown(name)
    record = found[0]
    if "manifest" not in record.big_data_names or not mt.is_list(guess(store.image_data(record.id, "manifest"))):
        raise OcikitError(f"{name}: image is not a manifest list", hint="`podman manifest create` makes one")
    return LocalList(store, record)


def create_list(store: Store, name: str, *, amend: bool = False, media_type: str = mt.OCI_INDEX) -> LocalList:
    """A new list with that name, or (``amend``) the one that has it. Not saved yet. Raises NameInUse."""
    full = normalize_name(name)
    existing = next((r for r in store.images() if full in r.names), None)
    if existing is not None:
        if amend:
            return find_list(store, full)
        raise NameInUse(
            f'image name "{full}" is already associated with image "{existing.id}": that name is already in use',
            hint="use --amend to add to it, or remove it with `podman manifest rm`",
        )
    return LocalList(store, None, media_type)


# -- adding -------------------------------------------------------------------------------------------------------


def source_reference(store: Store, text: str) -> ImageReference:
    """What a user names as a member: a transport's name, an image of the store, else one at a registry."""
    if transport_of(text):
        return parse_image_name(text)
    found = find_named(store, text)
    if found is not None:
        return storage_reference(store, f"@{found[0].id}")
    return parse_image_name(f"docker://{text}")


def add_image(target: LocalList, text: str, ctx: SystemContext, *, every: bool = False) -> list[str]:
    """Add the image (or, ``every``, all images of the list) that ``text`` means; the digests. Layers aren't read."""
    reference = source_reference(target.store, text)
    with reference.open_source(ctx) as source:
        raw, media_type = source.get_manifest()
        media_type = mt.normalise(media_type)
        entries: list[Descriptor] = []
        if mt.is_list(media_type):
            members = parse_list(raw, media_type)
            chosen = members.instances if every else (members.choose(ctx),)
            for member in chosen:
                data, said = source.get_manifest(member.digest)
                entries.append(_entry(source, data, mt.normalise(said), member.platform, ctx, member.annotations))
        else:
            entries.append(_entry(source, raw, media_type, None, ctx, {}))
    target.put(entries, {entry.digest: str(reference) for entry in entries})
    return [entry.digest for entry in entries]


def _entry(
    source: ImageSource,
    raw: bytes,
    media_type: str,
    platform: Platform | None,
    ctx: SystemContext,
    annotations: Mapping[str, str],
) -> Descriptor:
    if platform is None:
        platform = _platform_of(source, raw, media_type)
    return Descriptor(sha256(raw), len(raw), media_type, annotations=annotations, platform=platform)


def _platform_of(source: ImageSource, raw: bytes, media_type: str) -> Platform | None:
    """As the image's config says; None for artifacts."""
    manifest = parse_manifest(raw, media_type)
    if manifest.config is None or not manifest.is_image:
        return None
    stream, _ = source.open_blob(manifest.config)
    try:
        data = b""
        while piece := stream.read(1 << 16):
            data += piece
    finally:
        stream.close()
    config = jsonfast.loads(data)
    return Platform(
        str(config.get("os") or ""),
        str(config.get("architecture") or ""),
        str(config.get("variant") or ""),
        str(config.get("os.version") or ""),
        config.get("os.features") or (),
    )


# -- pushing ------------------------------------------------------------------------------------------------------


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
        text = self.reference.local.sources.get(digest, "")
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
