"""Manifest lists kept in a store: image records without layers (image.md 14.2).

Documents of such a record: ``manifest`` (the list), ``instances.json`` (where each instance is read from) and
``artifacts.json`` (artifacts made here).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ocikit.common import jsonfast
from ocikit.common.errors import NameInUse, OcikitError
from ocikit.image.context import SystemContext
from ocikit.image.digest import sha256
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import guess, parse_list
from ocikit.image.manifest.lists import ManifestList
from ocikit.image.transports.base import Descriptor
from ocikit.storage.errors import ImageUnknown

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


def local_instance(store: Store, record: ImageRecord) -> ImageRecord:
    """The image of this machine's platform out of a local list. Raises ImageUnknown when it isn't in the store."""
    chosen = LocalList(store, record).list.choose(SystemContext())
    for image in store.images():
        if image.id != record.id and chosen.digest in image.digests:
            return image
    raise ImageUnknown(
        f"could not find image instance {chosen.digest} of manifest list {record.id} in local containers storage: "
        "image not known",
        hint="pull that image, or name one that is here",
    )


def is_known(store: Store, name: str) -> bool:
    """Whether ``name`` is a manifest list of the store."""
    try:
        find_list(store, name)
    except OcikitError:
        return False
    return True
