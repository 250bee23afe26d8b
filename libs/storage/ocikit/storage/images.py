"""images.json and the documents beside it (spec, section 7)."""

from __future__ import annotations

import os

from ocikit.common.files import remove_tree

from .errors import IDInUse, ImageUnknown, NameTaken, ReadOnlyStore, StorageError
from .lockfile import LockFile
from .recordfile import BigData, RecordFile, RecordStore
from .records import ImageRecord, timestamp


class ImageStore(RecordStore[ImageRecord]):
    """One images.json; a store may look into several."""

    record = ImageRecord

    def __init__(self, directory: str, read_only: bool = False) -> None:
        self.directory = directory
        self.data = BigData(directory)
        super().__init__(
            LockFile(f"{directory}/images.lock", read_only), (RecordFile(f"{directory}/images.json"),), read_only
        )

    def inspect(self) -> None:
        seen: set[str] = set()
        for record in self.records:
            for name in record.names:
                if name in seen:
                    self.broken = not self.read_only
                seen.add(name)

    def mend(self) -> None:
        for record in list(self.records):
            kept = [name for name in record.names if self.by_name[name] is record]
            if kept != record.names:
                self.put(record.with_(names=kept))
        self.save()

    def must(self, key: str) -> ImageRecord:
        record = self.find(key)
        if record is None:
            raise ImageUnknown(f"{key}: image not known")
        return record

    def by_digest(self, digest: str) -> list[ImageRecord]:
        return [r for r in self.records if digest in r.digests]

    # --- under the write lock

    def create(
        self,
        image_id: str,
        names: list[str],
        layer: str,
        metadata: str,
        created: str,
        digest: str,
        flags: dict[str, object],
    ) -> ImageRecord:
        if image_id in self.by_id:
            raise IDInUse(f"image {image_id}: that ID is already in use")
        for name in names:
            if name in self.by_name:
                raise NameTaken(f"image name {name}: that name is already in use")
        raw = {
            "id": image_id,
            "digest": digest,
            "names": names,
            "names-history": list(names),
            "layer": layer,
            "metadata": metadata,
            "created": created or timestamp(),
            "flags": flags,
        }
        record = ImageRecord(ImageRecord.ordered(raw))
        self.put(record)
        return record

    def set_names(self, record: ImageRecord, names: list[str]) -> ImageRecord:
        """Names that others had move here. Newest first; the history never forgets (spec, section 7.1)."""
        names = list(dict.fromkeys(names))
        history = record.names_history
        for name in names:
            history = [name, *(n for n in history if n != name)]
        record = record.with_(names=names, names_history=history)
        self.put(record)
        return record

    def set_data(self, record: ImageRecord, key: str, data: bytes, digest: str = "") -> ImageRecord:
        """The file first, then what the record says of it. ``digest``: of a manifest; else sha256 of the bytes."""
        if not key:
            raise StorageError("'' is not a valid name for a big data item")
        self.data.write(record.id, key, data)
        if not digest:
            from hashlib import sha256

            digest = "sha256:" + sha256(data).hexdigest()
        names = record.big_data_names
        record = record.with_(
            big_data_names=names if key in names else [*names, key],
            big_data_sizes=_sorted(record.big_data_sizes, key, len(data)),
            big_data_digests=_sorted(record.big_data_digests, key, digest),
            digest=record.digest or (digest if key.startswith("manifest") else ""),
        )
        self.put(record)
        return record

    def delete(self, record: ImageRecord) -> None:
        if record.read_only:
            raise ReadOnlyStore(f'cannot remove read-only image "{record.id}"')
        self.drop(record)
        self.save()
        remove_tree(f"{self.directory}/{record.id}")

    def wipe(self) -> None:
        for record in list(self.records):
            self.delete(record)
        for name in os.listdir(self.directory):
            if len(name) == 64:
                remove_tree(f"{self.directory}/{name}")


def _sorted(old: dict[str, object], key: str, value: object) -> dict[str, object]:
    return dict(sorted({**old, key: value}.items()))
