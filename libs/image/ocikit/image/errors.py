"""Errors of images, on top of :mod:`ocikit.common.errors`.

ImageError
├─ ImageNotFound        the name exists nowhere in that place (skopeo exits with 2)
├─ DigestMismatch       bytes that are not those that were promised
├─ ManifestError        a manifest that cannot be read or used
│  ├─ ManifestRejected  the destination doesn't take this manifest type; another may do
│  └─ NotAnImage        an artifact where an image is needed
├─ SignatureRejected    policy says no
└─ CopyError            what failed while copying, with "while doing what" in front
"""

from __future__ import annotations

from ocikit.common.errors import NotFound, OcikitError


class ImageError(OcikitError):
    """Something about an image failed."""


class ImageNotFound(ImageError, NotFound):
    """No such image in that place: unknown manifest, unknown name in a layout or a store."""


class DigestMismatch(ImageError):
    """The bytes don't have the digest or the size that was promised. Nothing of them may become visible."""


class ManifestError(ImageError):
    """A manifest that cannot be parsed, is ambiguous, or cannot be converted."""


class ManifestRejected(ManifestError):
    """The destination refuses this manifest type; the copy may try the next format."""


class NotAnImage(ManifestError):
    """An OCI artifact where an operation needs an image."""


class SignatureRejected(ImageError):
    """The signature policy doesn't accept the image."""


class CopyError(ImageError):
    """A step of a copy failed."""


def wrap(prefix: str, error: OcikitError) -> OcikitError:
    """The same kind of error with "while doing what" put in front: ``prefix: text``. Keeps hint, exit code and
    attributes.
    """
    error.args = (f"{prefix}: {error.args[0] if error.args else ''}", *error.args[1:])
    return error
