"""Layers, images and containers on disk, in the format that podman, buildah, skopeo and CRI-O share.

>>> from ocikit.storage import Store
>>> with Store.open() as store:                            # doctest: +SKIP
...     for image in store.images():
...         print(image.id[:12], *image.names)

A store is a directory (``graphroot``) with a second one for what dies at boot (``runroot``); any number of processes,
ours and the Go tools', work on it at once. See ``docs/libs/storage.md``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .config import StoreOptions
    from .errors import (
        ContainerUnknown,
        ImageInUse,
        ImageUnknown,
        LayerExists,
        LayerInUse,
        LayerUnknown,
        StorageError,
    )
    from .records import ContainerRecord, ImageRecord, LayerRecord
    from .store import Store

__all__ = [
    "ContainerRecord",
    "ContainerUnknown",
    "ImageInUse",
    "ImageRecord",
    "ImageUnknown",
    "LayerExists",
    "LayerInUse",
    "LayerRecord",
    "LayerUnknown",
    "StorageError",
    "Store",
    "StoreOptions",
]

_HOME = {
    "Store": "store",
    "StoreOptions": "config",
    "ImageRecord": "records",
    "LayerRecord": "records",
    "ContainerRecord": "records",
}


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value = getattr(import_module(f"{__name__}.{_HOME.get(name, 'errors')}"), name)
    globals()[name] = value
    return value
