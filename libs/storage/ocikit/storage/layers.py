"""layers.json, volatile-layers.json, tar-split files and the table of mounts (spec, sections 5 and 6)."""

from __future__ import annotations

import os

from ocikit.common.files import makedirs_mode

from .errors import LayerExists, LayerInUse, LayerUnknown, NameTaken, ReadOnlyStore
from .lockfile import LockFile
from .recordfile import BigData, RecordFile, RecordStore
from .records import LayerRecord
from .tempdirs import TempDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .drivers.base import Driver, IDMap, MountOptions
    from .tempdirs import Later, Trees

    Trash = TempDir | Trees | Later


class MountTable:
    """``<R>/<D>-layers/mountpoints.json``: layer -> (path, count). Used with layers.lock held for writing, or to look."""

    def __init__(self, directory: str) -> None:
        self.lock = LockFile(f"{directory}/mountpoints.lock")
        self.file = RecordFile(f"{directory}/mountpoints.json", sync=False)  # mounts die with the power too
        self.rows: dict[str, tuple[str, int]] = {}

    def refresh(self) -> None:
        """Load again if somebody has changed it; under the lock that is certain, without it as good as."""
        changed = self.lock.touched() if self.lock.held else self.file.racy
        if changed or self.file.changed():
            self.rows = {r["id"]: (r.get("path") or "", r.get("count") or 0) for r in self.file.load()}

    def save(self) -> None:
        self.lock.touch()
        self.file.save([{"id": i, "path": p, "count": n} for i, (p, n) in self.rows.items() if n > 0])

    def count(self, layer: str) -> int:
        return self.rows.get(layer, ("", 0))[1]


class LayerStore(RecordStore[LayerRecord]):
    """The layers of one graph root, or (read_only) of an additional store."""

    record = LayerRecord

    def __init__(
        self,
        directory: str,
        run_directory: str,
        driver: Driver,
        image_directory: str = "",
        transient: bool = False,
        read_only: bool = False,
    ) -> None:
        self.directory = directory
        self.driver = driver
        self.data = BigData(directory)
        self.mounts = MountTable(run_directory)
        files = [RecordFile(f"{directory}/layers.json")]
        if image_directory:
            files.append(RecordFile(f"{image_directory}/layers.json"))
        files.append(
            RecordFile(f"{run_directory if transient else directory}/volatile-layers.json", sync=False),
        )
        # numbers of the files: of images' layers, of containers' layers, of what a power cut may take
        self.for_images = 1 if image_directory else 0
        self.volatile = len(files) - 1
        self.for_containers = self.volatile if transient else 0
        super().__init__(LockFile(f"{directory}/layers.lock", read_only), tuple(files), read_only)
        self.image_lock = LockFile(f"{image_directory}/layers.lock") if image_directory else None

    def inspect(self) -> None:
        if self.read_only:
            return
        unfinished = [r for r in self.records if r.raw.get("flags") and r.flags.get("incomplete")]
        if not unfinished:
            return
        self.broken = True
        if not self.lock.held:
            # Somebody is making it, or died doing so: it does not exist for a reader.
            for record in unfinished:
                del self.by_id[record.id]
                self.records.remove(record)

    def mend(self) -> None:
        """Delete what killed processes left half made."""
        with self.driver.trash() as trees, TempDir(self.temp_root) as files:
            from ocikit.common import log

            for record in [r for r in self.records if r.flags.get("incomplete")]:
                log.write("warning", f'Found incomplete layer "{record.id}", deleting it')
                self._forget(record, trees, files)
            self.save()

    def save(self) -> None:
        if self.image_lock is not None and self.dirty:
            with self.image_lock.writing():
                self.image_lock.touch()
                super().save()
        else:
            super().save()

    # --- asking

    @property
    def temp_root(self) -> str:
        return f"{self.directory}/tmp"

    def split_path(self, layer: str) -> str:
        return f"{self.directory}/{layer}.tar-split.gz"

    def must(self, key: str) -> LayerRecord:
        record = self.find(key)
        if record is None:
            raise LayerUnknown(f"{key}: layer not known")
        return record

    def children(self, layer: str) -> list[LayerRecord]:
        return [r for r in self.records if r.raw.get("parent") == layer]

    # --- changing, under the write lock

    def check_new(self, layer: str, names: list[str]) -> None:
        if layer in self.by_id:
            raise LayerExists(f"layer {layer}: that ID is already in use")
        for name in names:
            if name in self.by_name:
                raise NameTaken(f"layer name {name}: that name is already in use")

    def add(self, record: LayerRecord, uidmap: IDMap = (), gidmap: IDMap = (), shifted: bool = False) -> None:
        """A new empty layer: tree first, record last. A tree without record is waste; the other way round is damage."""
        self.check_new(record.id, record.names)
        image = self.for_images == 1 and record.location == 1
        self.driver.create(record.id, record.parent, uidmap, gidmap, image, shifted)
        self.put(record)
        self.save()

    def adopt(self, record: LayerRecord, tree: str, split: str) -> None:
        """A staged layer becomes real by three renames, the record's last."""
        self.check_new(record.id, record.names)
        self.driver.adopt(record.id, record.parent, tree)
        if split:
            makedirs_mode(self.directory, 0o700)
            os.rename(split, self.split_path(record.id))
        self.put(record)
        self.save()

    def delete(self, record: LayerRecord, trees: Trash, files: Trash) -> None:
        """Record first, then the tree moves into ``trees`` and the rest into ``files``: close those without locks."""
        if record.read_only:
            raise ReadOnlyStore(f'cannot remove read-only layer "{record.id}"')
        if self.children(record.id):
            raise LayerInUse(f"layer {record.id}: layer has children")
        while self.mounts.count(record.id) or record.id in self.mounts.rows:
            self.unmount(record.id, force=True)
        self._forget(record, trees, files)
        self.save()

    def _forget(self, record: LayerRecord, trees: Trash, files: Trash) -> None:
        self.drop(record)
        self.save()
        self.driver.remove(record.id, trees)
        for path in (self.split_path(record.id), f"{self.directory}/{record.id}"):
            if os.path.lexists(path):
                files.take(path)

    # --- mounts, under the write lock

    def mount(self, record: LayerRecord, options: MountOptions) -> str:
        mounts = self.mounts
        with mounts.lock.writing():
            mounts.refresh()
            path, count = mounts.rows.get(record.id, ("", 0))
            if not (count and path and (self.driver.is_mounted(record.id, path) or self.driver.uncover(path))):
                path = self.driver.mount(record.id, options)
            mounts.rows[record.id] = (path, count + 1)
            try:
                mounts.save()
            except BaseException:
                mounts.file.mark = None
                if not count:
                    self.driver.unmount(record.id, path)
                raise
        return path

    def unmount(self, layer: str, force: bool = False) -> bool:
        """One count less; True when that really unmounted. LayerUnknown is not asked here: the record may be gone."""
        mounts = self.mounts
        with mounts.lock.writing():
            mounts.refresh()
            path, count = mounts.rows.get(layer, ("", 0))
            if not count:
                mounts.rows.pop(layer, None)
                return False
            if count > 1 and not force:
                mounts.rows[layer] = (path, count - 1)
                mounts.save()
                return False
            self.driver.unmount(layer, path)
            del mounts.rows[layer]
            mounts.save()
        return True
