"""The face of the library: one object for one store. Reading takes no lock, writing holds locks for milliseconds."""

from __future__ import annotations

import os

from .config import StoreOptions, settle
from .ops_diff import DiffOps
from .ops_images import ImageOps
from .ops_layers import LayerOps, chain_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .check import Repaired, Report
    from .garbage import ImageUsage, Usage

__all__ = ["Store", "chain_id"]


class Store(DiffOps, ImageOps, LayerOps):
    """A store of layers, images and containers. ``Store.open()``, and ``close()`` or ``with``, are all the ceremony."""

    @classmethod
    def open(cls, options: StoreOptions | None = None) -> Store:
        """The store that options, environment and storage.conf describe. Nothing is written until something is stored.

        Raises ConfigError for a storage.conf that cannot be used, DriverUnsupported for a driver that we do not have.
        """
        settings = settle(options)
        if settings.warnings:
            from ocikit.common import log

            for text in settings.warnings:
                log.write("warning", text)
        return cls(settings)

    @property
    def options(self) -> list[str]:
        """The driver options in force, as ``overlay.mountopt=nodev``."""
        return self.settings.options

    def close(self) -> None:
        """Let go. The driver's home stays bound onto itself, as after the Go tools: unbinding and binding it for each command
        gives those of an older generation time to bind theirs over a mount of ours. ``shutdown`` unbinds."""

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    # --- the whole

    def check(self, quick: bool = False, max_age_s: float = 86400.0) -> Report:
        """Compare records, files and contents; every byte of every layer unless ``quick`` (spec, section 16)."""
        from .check import check

        return check(self, quick, max_age_s)

    def repair(self, report: Report, force: bool = False) -> Repaired:
        """Delete what ``check`` found damaged: images and layers, with ``force`` containers too, and all garbage."""
        from .check import repair

        return repair(self, report, force)

    def collect_garbage(self) -> int:
        """Remove what killed processes left behind; the bytes that this freed."""
        from .garbage import collect

        return collect(self)

    def usage(self) -> Usage:
        """Where every byte of the store is: layers, documents, containers, records, garbage, other libraries' files."""
        from .garbage import usage

        return usage(self)

    def image_usage(self, measured: Usage | None = None) -> dict[str, ImageUsage]:
        """Bytes of each image in layers that only it has, in shared ones, and in documents."""
        from .garbage import image_usage

        return image_usage(self, measured or self.usage())

    def wipe(self) -> None:
        """Delete all containers, images and layers, mounted or not. Files of other libraries stay."""
        for container in self.containers():
            self.delete_container(container.id)
        for image in self.images():
            if not image.read_only:
                self.delete_image(image.id)
        left = [layer for layer in self.layers() if not layer.read_only]
        while left:
            parents = {layer.parent for layer in left}
            for layer in left:
                if layer.id not in parents:
                    self.delete_layer(layer.id)
            left = [layer for layer in left if layer.id in parents]
        self.collect_garbage()

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
        return []
