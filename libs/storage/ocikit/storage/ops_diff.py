"""What a layer changes: as a tar, as a list, as a size (spec, sections 6.3, 9.7 and 12)."""

from __future__ import annotations

from .drivers.base import MountOptions
from .ops_containers import ContainerOps

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .diff import DiffStream
    from .drivers.base import IDMap
    from .records import LayerRecord


class DiffOps(ContainerOps):
    """The part of ``Store`` about changes."""

    def diff(self, key: str, parent: str | None = None) -> DiffStream:
        """What a layer (or a container's layer) adds to ``parent``, as an uncompressed tar.

        parent: a layer, "" for nothing at all; by default the layer's own parent. Then, and where the tar-split was kept, the
        result is bit for bit the tar that was put; else it is generated. No lock is held while it is read.
        """
        from . import diff

        store, record = self._find_layer(self._layer_of(key))
        if parent is None or parent == record.parent:
            if record.diff_digest:
                with store.lock.reading():
                    try:
                        return diff.from_split(self._driver, record.id, store.split_path(record.id))
                    except FileNotFoundError:
                        pass
            if self._driver.native_diff:
                return diff.from_overlay(self._driver.read_dirs(record.id), *self._maps_of(record))
        new, old = _Tree(self, record.id), _Tree(self, record.parent if parent is None else parent)
        try:
            return diff.from_trees(new.path, old.path, *self._maps_of(record), [new, old])
        except BaseException:
            new.close()
            old.close()
            raise

    def changes(self, key: str, parent: str | None = None) -> list[tuple[str, str]]:
        """(kind, path) sorted by path; kind A added, C changed, D deleted. ``parent`` as for ``diff``."""
        from .archive.diff import changes_naive, changes_overlay

        record = self._find_layer(self._layer_of(key))[1]
        if self._driver.native_diff and parent in (None, record.parent):
            own, *below = self._driver.read_dirs(record.id)
            return changes_overlay(own, below)
        new, old = _Tree(self, record.id), _Tree(self, record.parent if parent is None else parent)
        try:
            return changes_naive(new.path, old.path or None)
        finally:
            new.close()
            old.close()

    def diff_size(self, key: str) -> int:
        """Bytes of the files that the layer adds or changes, as ``podman ps --size`` counts them."""
        import os

        record = self._find_layer(self._layer_of(key))[1]
        if self._driver.name == "overlay":
            from .diff import own_size

            return own_size(self._driver.diff_dir(record.id))
        path = self._driver.diff_dir(record.id)
        total = 0
        seen = set()
        for kind, name in self.changes(record.id):
            st = os.lstat(path + name) if kind != "D" else None
            if st is not None and not os.path.isdir(path + name) and st.st_ino not in seen:
                seen.add(st.st_ino)
                total += st.st_size
        return total

    def _maps_of(self, record: LayerRecord) -> tuple[IDMap, IDMap]:
        """By which maps the layer's files are shifted on disk: its own, or its container's (the kernel shifts those)."""
        if record.uidmap or record.gidmap:
            return record.uidmap, record.gidmap
        self._containers.refresh()
        for container in self._containers.records:
            if container.layer == record.id:
                return container.uidmap, container.gidmap
        return (), ()


class _Tree:
    """A layer's whole tree for as long as it is needed: the mount that is there already, or one of our own."""

    def __init__(self, store: DiffOps, layer: str) -> None:
        self.store = store
        self.layer = layer
        self.path = store._mount(layer, MountOptions(read_only=True)) if layer else ""

    def close(self) -> None:
        if self.path:
            self.path = ""
            self.store.unmount(self.layer)
