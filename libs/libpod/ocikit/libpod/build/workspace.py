"""The working container of a step: a read-write layer on top of the image so far, mounted while the step runs."""

from __future__ import annotations

import os

from ocikit.common.files import random_hex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.libpod.build.snapshot import Snapshot
    from ocikit.storage import Store


class Layer:
    """What became of a working container's changes: the tar's digest and size, and the id of the layer in the store."""

    __slots__ = ("diff_id", "id", "size")

    def __init__(self, diff_id: str, size: int, id: str) -> None:
        self.diff_id, self.size, self.id = diff_id, size, id


class Workspace:
    """A context manager: the container is there inside it and gone afterwards, whatever happens."""

    def __init__(self, store: Store, snapshot: Snapshot, image: str, name: str = "") -> None:
        self.store, self.snapshot = store, snapshot
        name = name or f"{random_hex(32)}-working-container"
        self.record = store.create_container(names=[name], image=image, volatile=True)
        self.root = ""
        # Directories (paths inside) that were copied up only because something was mounted below them.
        self.forget: list[str] = []

    def __enter__(self) -> Workspace:
        try:
            self.root = self.store.mount(self.record.id)
        except BaseException:
            self.store.delete_container(self.record.id)
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self.unmount()
        self.store.delete_container(self.record.id)

    def unmount(self) -> None:
        if self.root:
            self.root = ""
            self.store.unmount(self.record.id, force=True)

    def commit(self, mtime_s: int | None = None, clamp: bool = False, *, squash: bool = False) -> Layer:
        """Turns the changes into a layer of the store. ``mtime_s`` sets the times of all changed files (or clamps them)."""
        if mtime_s is not None:
            set_times(self.store, self.record.layer, self.root, mtime_s, clamp=clamp)
        self.unmount()
        self._forget_parents()
        if not squash:
            from ocikit.storage.adoption import stage_container

            staged = stage_container(self.store, self.record.id)
            if staged is not None:
                record = self.store.put_layer(staged, parent=self.snapshot.top_layer or None)
                return Layer(record.diff_digest, record.diff_size, record.id)
        return commit_layer(self.store, self.record.layer, self.snapshot.top_layer, squash=squash)

    def _forget_parents(self) -> None:
        if self.store.driver != "overlay":
            # Only overlay copies a directory up when something is made in it; elsewhere trees are compared.
            return
        upper = f"{self.store.graphroot}/overlay/{self.record.layer}/diff"
        for path in self.forget:
            try:
                # Not empty, or opaque: then the step changed something in it, and it stays.
                if not any(name.endswith(".opaque") for name in os.listxattr(upper + path)):
                    os.rmdir(upper + path)
            except OSError:
                continue


class Mounted:
    """A container's file system while it is needed: a context manager that gives the root directory."""

    def __init__(self, store: Store, container: str) -> None:
        self.store, self.container = store, container

    def __enter__(self) -> str:
        return self.store.mount(self.container)

    def __exit__(self, *error: object) -> None:
        self.store.unmount(self.container)


def commit_layer(
    store: Store, layer: str, parent: str, *, squash: bool = False, mtime_s: int | None = None, clamp: bool = False
) -> Layer:
    """A layer of the image store with the changes in a container's layer; ``squash``: with everything below as well.

    ``mtime_s`` sets the times of all changed files first (or only lowers them, with ``clamp``).
    """
    if mtime_s is not None:
        root = store.mount(layer)
        try:
            set_times(store, layer, root, mtime_s, clamp=clamp)
        finally:
            store.unmount(layer)
    below = None if squash else parent or None
    with store.diff(layer, "" if squash else None) as tar:
        staged = store.stage_layer(tar, parent=below)
    record = store.put_layer(staged, parent=below)
    return Layer(record.diff_digest, record.diff_size, record.id)


def set_times(store: Store, layer: str, root: str, mtime_s: int, *, clamp: bool) -> None:
    """Sets the times of everything that a mounted layer changed; directories after what is in them."""
    when = mtime_s * 1_000_000_000
    for kind, path in reversed(store.changes(layer)):
        where = root + path
        if kind != "D" and (not clamp or os.lstat(where).st_mtime_ns > when):
            os.utime(where, ns=(when, when), follow_symlinks=False)
