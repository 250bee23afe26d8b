"""Container images: names, manifests, transports, copying.

The names below load their module at first use; importing this package loads nothing.
"""

from __future__ import annotations

_WHERE = {
    "CopyOptions": "copy",
    "CopyResult": "copy",
    "copy_image": "copy",
    "validate": "validation",
    "Descriptor": "transports.base",
    "Digest": "digest",
    "ImageDestination": "transports.base",
    "ImageName": "reference",
    "ImageReference": "transports.base",
    "ImageSource": "transports.base",
    "Platform": "transports.base",
    "SystemContext": "context",
    "parse_digest": "digest",
    "parse_image_name": "names",
    "parse_normalized": "reference",
    "transport": "transports",
}

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.context import SystemContext as SystemContext
    from ocikit.image.copy import CopyOptions as CopyOptions
    from ocikit.image.copy import CopyResult as CopyResult
    from ocikit.image.copy import copy_image as copy_image
    from ocikit.image.digest import Digest as Digest
    from ocikit.image.digest import parse_digest as parse_digest
    from ocikit.image.names import parse_image_name as parse_image_name
    from ocikit.image.reference import ImageName as ImageName
    from ocikit.image.reference import parse_normalized as parse_normalized
    from ocikit.image.transports import transport as transport
    from ocikit.image.transports.base import Descriptor as Descriptor
    from ocikit.image.transports.base import ImageDestination as ImageDestination
    from ocikit.image.transports.base import ImageReference as ImageReference
    from ocikit.image.transports.base import ImageSource as ImageSource
    from ocikit.image.transports.base import Platform as Platform
    from ocikit.image.validation import validate as validate

__all__ = [*_WHERE]


def __getattr__(name: str) -> object:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module("ocikit.image." + module), name)
    globals()[name] = value
    return value
