"""``transport:rest`` texts, as skopeo and podman take them."""

from __future__ import annotations

from ocikit.common.errors import InvalidReference, OcikitError
from ocikit.image.transports import MODULES, UNSUPPORTED, transport

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.transports.base import ImageReference


def parse_image_name(text: str) -> ImageReference:
    """``docker://busybox``, ``oci:dir:tag``, ``dir:/path``... as a reference.

    Raises :class:`InvalidReference` (no transport, unknown transport, bad rest) or :class:`Unsupported`.
    """
    name, colon, rest = text.partition(":")
    if not colon:
        raise InvalidReference(f'Invalid image name "{text}", expected colon-separated transport:reference')
    if name not in MODULES and name not in UNSUPPORTED:
        raise InvalidReference(f'Invalid image name "{text}", unknown transport "{name}"')
    return transport(name).parse(rest)


def transport_of(text: str) -> str:
    """The transport's name if ``text`` starts with one that is known, else "": how podman tells ``oci:x`` from a
    short name.
    """
    name, colon, _ = text.partition(":")
    return name if colon and (name in MODULES or name in UNSUPPORTED) else ""


def try_parse_image_name(text: str) -> ImageReference | None:
    """As :func:`parse_image_name`, None instead of an error."""
    try:
        return parse_image_name(text)
    except OcikitError:
        return None
