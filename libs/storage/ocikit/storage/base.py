"""What every part of a store's face shares: the record files, the driver, and how a key is looked up."""

from __future__ import annotations

import os

from .config import Settings
from .containers import ContainerStore
from .drivers import make
from .errors import ImageUnknown, LayerUnknown
from .images import ImageStore
from .layers import LayerStore
from .lockfile import LockFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import ImageRecord, LayerRecord


class StoreBase:
    """See ``Store``."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.graphroot = settings.graphroot
        self.runroot = settings.runroot
        self.driver = name = settings.driver
        self._driver = driver = make(settings)
        graph, run, images = settings.graphroot, settings.runroot, settings.imagestore
        self._layers = LayerStore(
            f"{graph}/{name}-layers",
            f"{run}/{name}-layers",
            driver,
            f"{images}/{name}-layers" if images else "",
            settings.transient,
        )
        self._images = ImageStore(f"{images or graph}/{name}-images")
        self._containers = ContainerStore(f"{graph}/{name}-containers", f"{run}/{name}-containers", settings.transient)
        # Additional stores: only read, searched in this order after our own.
        self._more_layers = [
            LayerStore(f"{s}/{name}-layers", f"{run}/{name}-layers", driver, read_only=True)
            for s in settings.stores
            if s != graph
        ]
        self._more_images = [ImageStore(f"{s}/{name}-images", read_only=True) for s in settings.stores]
        self._storage_lock = LockFile(f"{graph}/storage.lock")
        self._ready = False

    # --- making ready

    def _prepare(self) -> None:
        """Directories of the driver, once, before the first write."""
        if not self._ready:
            with self._storage_lock.writing():
                self._driver.prepare()
            self._ready = True
            if not os.path.exists(f"{self.runroot}/{self.driver}-layers/.ocikit-checked"):
                from .afterboot import look

                look(self)  # type: ignore[arg-type]

    def _unbind_if_idle(self) -> bool:
        with self._storage_lock.writing():
            mounts = self._layers.mounts
            mounts.refresh()
            if any(count for _, count in mounts.rows.values()):
                return False
            self._storage_lock.touch()
            try:
                self._driver.unbind_home()
            except OSError:
                return False
        return True

    def _find_image(self, key: str) -> tuple[ImageStore, ImageRecord]:
        for store in (self._images, *self._more_images):
            store.refresh()
            record = store.find(key)
            if record is not None:
                return store, record
        raise ImageUnknown(f"{key}: image not known")

    def _find_layer(self, key: str) -> tuple[LayerStore, LayerRecord]:
        for store in (self._layers, *self._more_layers):
            store.refresh()
            record = store.find(key)
            if record is not None:
                return store, record
        raise LayerUnknown(f"{key}: layer not known")
