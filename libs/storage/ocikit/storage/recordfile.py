"""A list of records in one or several JSON files behind one lock: the machinery under layers, images and containers.

Reading takes no lock. Every writer replaces a file by rename, so what a reader opens is whole, and ``stat`` tells whether
it has been replaced since. A foreign process that holds a lock (the Go tools do for as long as they export a layer)
therefore never delays ``ps`` or ``images``. Writing is done inside ``with store.writing():``, which takes the lock and
reloads what others have changed.
"""

from __future__ import annotations

import errno
import os
from time import time_ns

from ocikit.common.files import atomic_write, makedirs_mode, read_small
from ocikit.common.jsonfast import JSONError, dumps_go, loads

from .errors import StorageError, StoreDamaged
from .records import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Generic, TypeVar

    from .lockfile import LockFile

    R = TypeVar("R", bound=Record)
else:
    R = None

    class Generic:
        """Stands in for typing.Generic, whose import costs 13 ms."""

        def __class_getitem__(cls, item: object) -> type:
            return cls


class RecordFile:
    """One JSON array on disk, and which version of it was read last."""

    __slots__ = ("mark", "path", "racy", "sync")

    def __init__(self, path: str, sync: bool = True) -> None:
        self.path = path
        self.sync = sync  # volatile files are not: they may be lost with the power
        self.mark: tuple[int, int, int] | None = None
        self.racy = False  # so young when it was read that its successor may have the same mark

    def _set_mark(self, inode: int, mtime: int, size: int) -> None:
        self.mark = (inode, mtime, size)
        # Time stamps advance with the timer's ticks, and a freed inode's number is given to the next file at once.
        self.racy = time_ns() - mtime < 20_000_000

    def changed(self) -> bool:
        try:
            st = os.stat(self.path)
        except FileNotFoundError:
            return self.mark != _ABSENT
        return (st.st_ino, st.st_mtime_ns, st.st_size) != self.mark

    def load(self, locked: bool = False) -> list[dict[str, Any]]:
        """The rows; an absent or empty file is an empty list, and so is a volatile one that a power cut has torn."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            self.mark = _ABSENT
            return []
        try:
            st = os.fstat(fd)
            data = os.read(fd, st.st_size) if st.st_size else b""
            while len(data) < st.st_size:  # one read returns at most 2 GB
                more = os.read(fd, st.st_size - len(data))
                if not more:
                    break
                data += more
        finally:
            os.close(fd)
        try:
            rows = loads(data) if data.strip() else []
        except JSONError as exc:
            if self.sync or not locked:
                raise StoreDamaged(f"{self.path} is damaged: {exc}") from None
            from ocikit.common import log

            log.write("warning", f"{self.path} was damaged when the machine went down; its records are gone")
            rows = []
        if rows is None:
            rows = []
        if not isinstance(rows, list) or not all(
            isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows
        ):
            raise StoreDamaged(f"{self.path} is damaged: it is not a list of records")
        self._set_mark(st.st_ino, st.st_mtime_ns, st.st_size)
        return rows

    def save(self, rows: list[dict[str, Any]]) -> None:
        data = dumps_go(rows).encode()
        try:
            mtime = atomic_write(self.path, data, 0o600, self.sync)
        except FileNotFoundError:
            makedirs_mode(os.path.dirname(self.path), 0o700)
            mtime = atomic_write(self.path, data, 0o600, self.sync)
        except OSError as exc:
            if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            from .fulldisk import blank_dropped

            # Whoever deletes something because the disk is full must be able to.
            if not blank_dropped(self.path, rows):
                raise StorageError(f"cannot write {self.path}: {exc.strerror}", hint="free some space first") from None
            self.mark = None
            return
        self._set_mark(os.stat(self.path).st_ino, mtime, len(data))


_ABSENT = (0, 0, 0)


class RecordStore(Generic[R]):
    """Records by id, name and prefix. Subclasses say what the files are and what must be mended on loading."""

    record: type[R]

    def __init__(self, lock: LockFile, files: tuple[RecordFile, ...], read_only: bool = False) -> None:
        self.lock = lock
        self.files = files
        self.read_only = read_only
        self.records: list[R] = []
        self.by_id: dict[str, R] = {}
        self._by_name: dict[str, R] | None = None
        self.broken = False  # a load found something that only a writer may mend
        self.dirty: set[int] = set()  # numbers of the files that must be written
        self._writing = _Writing(self)
        self._peeked = b""

    # --- reading

    def refresh(self) -> None:
        """Load again if a file was replaced since the last load."""
        if self.lock.held:
            return  # nobody else can have
        changed = any(f.changed() for f in self.files)
        if any(f.racy for f in self.files):
            token = self.lock.peek()
            changed = changed or token != self._peeked
            self._peeked = token  # read before the files: it may be newer than they are, never older
        if changed:
            try:
                self.load()
            except StoreDamaged:
                # On a full disk records are blanked in place, under the lock: look again when that is over.
                with self.lock.reading():
                    self.load(locked=True)

    def load(self, locked: bool = False) -> None:
        records: list[R] = []
        by_id: dict[str, R] = {}
        self.broken = False
        make = self.record
        for location, file in enumerate(self.files):
            for raw in file.load(locked):
                key = raw["id"]
                if key not in by_id:  # a duplicate id in a later file is ignored
                    by_id[key] = record = make(raw, location, self.read_only)
                    records.append(record)
        self.records = records
        self.by_id = by_id
        self._by_name = None
        self.inspect()

    def inspect(self) -> None:
        """Look at what was loaded; set ``broken`` if a writer should mend it."""

    def mend(self) -> None:
        """Under the write lock: put right what ``inspect`` found and save."""

    @property
    def by_name(self) -> dict[str, R]:
        if self._by_name is None:
            # a name given twice belongs to the later record
            self._by_name = {name: record for record in self.records for name in record.names}
        return self._by_name

    def find(self, key: str) -> R | None:
        """By id, then name, then unique id prefix (spec, section 5.2)."""
        record = self.by_id.get(key) or self.by_name.get(key)
        if record is None and key and not self._strangers(key):
            found = [r for i, r in self.by_id.items() if i.startswith(key)]
            if len(found) == 1:
                record = found[0]
        return record

    @staticmethod
    def _strangers(key: str) -> bool:
        return bool(key.strip("0123456789abcdef"))

    # --- writing

    def writing(self) -> _Writing:
        """``with store.writing():`` takes the lock and shows the latest state; save what you change."""
        return self._writing

    def enter(self) -> None:
        if self.lock.touched() or self.broken or any(f.changed() for f in self.files):
            self.load(locked=True)
        if self.broken:
            self.mend()
            self.broken = False

    def put(self, record: R) -> None:
        """Add the record, or replace the one with its id; takes its names from whoever had them. Not saved yet."""
        for name in record.names:
            other = self.by_name.get(name)
            if other is not None and other.id != record.id:
                self._replace(other, other.with_(names=[n for n in other.names if n != name]))
        old = self.by_id.get(record.id)
        if old is not None:
            self._replace(old, record)
            return
        self.by_id[record.id] = record
        self.records.append(record)
        self.dirty.add(record.location)
        self._by_name = None

    def _replace(self, old: R, new: R) -> None:
        self.by_id[new.id] = new
        self.records[self.records.index(old)] = new
        self.dirty.update((old.location, new.location))
        self._by_name = None

    def drop(self, record: R) -> None:
        """Forget the record. Not saved yet."""
        del self.by_id[record.id]
        self.records.remove(record)
        self.dirty.add(record.location)
        self._by_name = None

    def save(self) -> None:
        """Write the files whose records changed: token first, then the renames (spec, section 3.2)."""
        if not self.dirty:
            return
        self.lock.touch()
        for location in sorted(self.dirty):
            self.files[location].save([r.raw for r in self.records if r.location == location])
        self.dirty.clear()

    def new_id(self) -> str:
        """64 random hex characters; the first 12 must not be all digits, or they would pass for a number somewhere."""
        while True:
            key = os.urandom(32).hex()
            if key not in self.by_id and not key[:12].isdigit():
                return key


class _Writing:
    __slots__ = ("_store",)

    def __init__(self, store: RecordStore[Any]) -> None:
        self._store = store

    def __enter__(self) -> None:
        lock = self._store.lock
        nested = lock.held
        lock.writing().__enter__()
        try:
            if not nested:
                self._store.enter()
        except BaseException:
            lock.release()
            raise

    def __exit__(self, kind: object, *exc: object) -> None:
        lock = self._store.lock
        if kind is not None and lock.held:
            # Whatever was changed in memory and not saved must not be believed.
            self._store.dirty.clear()
            for file in self._store.files:
                file.mark = None
        lock.release()


def big_data_name(key: str) -> str:
    """The file name of a big-data item: the key where it is harmless, else ``=`` and its base64 (spec, section 7.2)."""
    if key and not key.strip("0123456789abcdefghijklmnopqrstuvwxyz."):
        return key
    from binascii import b2a_base64

    return "=" + b2a_base64(key.encode(), newline=False).decode()


class BigData:
    """Files beside the records, one directory per record."""

    __slots__ = ("directory",)

    def __init__(self, directory: str) -> None:
        self.directory = directory

    def path(self, owner: str, key: str) -> str:
        return f"{self.directory}/{owner}/{big_data_name(key)}"

    def read(self, owner: str, key: str) -> bytes:
        """FileNotFoundError when the item does not exist."""
        return read_small(self.path(owner, key))

    def write(self, owner: str, key: str, data: bytes) -> None:
        path = self.path(owner, key)
        try:
            atomic_write(path, data)
        except FileNotFoundError:
            makedirs_mode(os.path.dirname(path), 0o700)
            atomic_write(path, data)
