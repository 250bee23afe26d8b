"""Reading the documents of an opened image, verified and bounded."""

from __future__ import annotations

from ocikit.image.digest import sha256
from ocikit.image.errors import DigestMismatch, ManifestError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import MAX_BYTES, matches_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.transports.base import Descriptor, ImageSource, ReadStream


def read_top(source: ImageSource) -> tuple[bytes, str]:
    """The top manifest and its type, checked against the reference's digest."""
    raw, media_type = source.get_manifest()
    name = source.reference.docker_reference()
    if name is not None and name.digest and not matches_digest(raw, name.digest):
        raise ManifestError(f"Manifest does not match provided manifest digest {name.digest}")
    return raw, mt.normalise(media_type)


def read_config(source: ImageSource, descriptor: Descriptor) -> bytes:
    """The bytes of a config blob, at most 4 MiB, verified."""
    stream, _ = source.open_blob(descriptor)
    try:
        data = _read_limited(stream)
    finally:
        stream.close()
    if not matches_digest(data, descriptor.digest):
        raise DigestMismatch(f"Download config.json digest {sha256(data)} does not match expected {descriptor.digest}")
    return data


def _read_limited(stream: ReadStream) -> bytes:
    parts: list[bytes] = []
    total = 0
    while data := stream.read(1 << 20):
        total += len(data)
        if total > MAX_BYTES:
            raise DigestMismatch(f"exceeded maximum allowed size of {MAX_BYTES} bytes")
        parts.append(data)
    return b"".join(parts)
