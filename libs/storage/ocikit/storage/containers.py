"""containers.json, volatile-containers.json and the directories of containers (spec, section 8)."""

from __future__ import annotations

from ocikit.common.files import makedirs_mode, remove_tree

from .errors import ContainerUnknown, NameTaken, StorageError
from .lockfile import LockFile
from .recordfile import BigData, RecordFile, RecordStore
from .records import ContainerRecord

STABLE, VOLATILE = 0, 1


class ContainerStore(RecordStore[ContainerRecord]):
    """The containers of one store."""

    record = ContainerRecord

    def __init__(self, directory: str, run_directory: str, transient: bool = False) -> None:
        self.directory = directory
        self.run_directory = run_directory
        self.transient = transient
        self.data = BigData(directory)
        base = run_directory if transient else directory
        super().__init__(
            LockFile(f"{base}/containers.lock"),
            (
                RecordFile(f"{directory}/containers.json"),
                RecordFile(f"{base}/volatile-containers.json", sync=False),
            ),
        )

    def find(self, key: str) -> ContainerRecord | None:
        record = self.by_id.get(key) or self.by_name.get(key)
        if record is not None:
            return record
        if len(key) == 64:
            for record in self.records:
                if record.layer == key:
                    return record
        return super().find(key)

    def must(self, key: str) -> ContainerRecord:
        record = self.find(key)
        if record is None:
            raise ContainerUnknown(f"{key}: container not known")
        return record

    def using_image(self, image_id: str) -> list[ContainerRecord]:
        return [r for r in self.records if r.image == image_id]

    def check_names(self, names: list[str], own: str = "") -> None:
        for name in names:
            other = self.by_name.get(name)
            if other is not None and other.id != own:
                raise NameTaken(
                    f"the container name {name!r} is already in use by {other.id}".replace("'", '"')
                    + ". You have to remove that container to be able to reuse that name: that name is already in use"
                )

    def set_data(self, record: ContainerRecord, key: str, data: bytes) -> ContainerRecord:
        if not key:
            raise StorageError("'' is not a valid name for a big data item")
        from hashlib import sha256

        self.data.write(record.id, key, data)
        names = record.big_data_names
        digest = "sha256:" + sha256(data).hexdigest()
        record = record.with_(
            big_data_names=names if key in names else [*names, key],
            big_data_sizes=dict(sorted({**record.big_data_sizes, key: len(data)}.items())),
            big_data_digests=dict(sorted({**record.big_data_digests, key: digest}.items())),
        )
        self.put(record)
        return record

    def user_directory(self, container_id: str, run: bool = False) -> str:
        """``<G or R>/<D>-containers/ID/userdata``, made 0700 when first asked for."""
        path = f"{self.run_directory if run else self.directory}/{container_id}/userdata"
        makedirs_mode(path, 0o700)
        return path

    def remove_directories(self, container_id: str) -> None:
        remove_tree(f"{self.directory}/{container_id}")
        remove_tree(f"{self.run_directory}/{container_id}")
