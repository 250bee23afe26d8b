"""What can go wrong with a store. The texts are those of the Go tools where they have one (spec, section 17).

StorageError (125)
├─ ImageUnknown, LayerUnknown, ContainerUnknown   also NotFound
├─ IDInUse, NameTaken                             also NameInUse
│  └─ LayerExists                                 a layer of that id is there already: usually good news
├─ ImageInUse, LayerInUse                         something else still needs it
├─ LayerNotMounted
├─ ReadOnlyStore                                  the object lives in an additional (read-only) store
├─ DigestMismatch                                 the bytes are not those that were promised
├─ StoreDamaged                                   a file of the store cannot be read or makes no sense
└─ DriverUnsupported                              also Unsupported
"""

from __future__ import annotations

from ocikit.common.errors import NameInUse, NotFound, OcikitError, Unsupported


class StorageError(OcikitError):
    """Something about the store; the message names the object."""


class ImageUnknown(StorageError, NotFound):
    """No image of that name, id or unique id prefix."""


class LayerUnknown(StorageError, NotFound):
    """No layer of that name, id or unique id prefix."""


class ContainerUnknown(StorageError, NotFound):
    """No container of that name, id, layer or unique id prefix."""


class IDInUse(StorageError, NameInUse):
    """That id is already in use."""


class NameTaken(StorageError, NameInUse):
    """That name is already in use."""


class LayerExists(IDInUse):
    """A layer with that id exists already."""


class ImageInUse(StorageError):
    """A container uses the image."""


class LayerInUse(StorageError):
    """The layer has children, or an image or a container uses it."""


class LayerNotMounted(StorageError):
    """Unmounting what is not mounted."""


class ReadOnlyStore(StorageError):
    """Writing to an additional store."""


class DigestMismatch(StorageError):
    """The layer's bytes are not those that its digest promises."""


class StoreDamaged(StorageError):
    """A file of the store cannot be read."""

    hint = "run `podman system check --repair` on this store"


class DriverUnsupported(StorageError, Unsupported):
    """The driver does not exist here or cannot do that."""
