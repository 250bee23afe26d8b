"""The face of the library: one object for one store. Reading takes no lock, writing holds locks for milliseconds."""

from __future__ import annotations

import os

from .config import StoreOptions, settle
from .ops_diff import DiffOps
from .ops_images import ImageOps
from .ops_layers import LayerOps, chain_id

__all__ = ["Store", "chain_id"]


class Store(DiffOps, ImageOps, LayerOps):
    """A store of layers, images and containers. ``Store.open()``, and ``close()`` or ``with``, are all the ceremony."""

    @classmethod
    def open(cls, options: StoreOptions | None = None) -> Store:
        """The store that options, environment and storage.conf describe. Nothing is written until something is stored.

        Raises ConfigError for a storage.conf that cannot be used, DriverUnsupported for a driver that we do not have.
        """
        return cls(settle(options))

    @property
    def options(self) -> list[str]:
        """The driver options in force, as ``overlay.mountopt=nodev``."""
        return self.settings.options

    def close(self) -> None:
        """Let go: if this object mounted or unmounted something and nothing is mounted now, the driver's home is unbound."""
        if self._bound:
            self._bound = False
            self._unbind_if_idle()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- the whole

    def shutdown(self, force: bool = False) -> list[str]:
        """Make sure nothing of the store is mounted: layers still mounted are returned, or with ``force`` unmounted."""
        self._layers.mounts.refresh()
        mounted = [layer for layer, (_, count) in self._layers.mounts.rows.items() if count]
        if mounted and not force:
            return mounted
        if mounted:
            with self._layers.writing():
                for layer in mounted:
                    self._layers.unmount(layer, force=True)
        if os.path.isdir(self._driver.home):
            self._unbind_if_idle()
        self._bound = False
        return []
