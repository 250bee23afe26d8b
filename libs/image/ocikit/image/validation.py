"""Checking whole images: schemas, sizes, digests, diff ids. Used by tests, ``skopeo inspect --validate`` and whoever
wants to know whether an image is what it says."""

from __future__ import annotations

from ocikit.image import schemas
from ocikit.image.compression import open_decompressed
from ocikit.image.context import SystemContext
from ocikit.image.errors import ManifestError
from ocikit.image.inspection import InspectedImage
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.config import diff_ids, parse_config
from ocikit.image.manifest.guess import matches_digest, parse_list, parse_manifest
from ocikit.image.manifest.schema1 import Schema1Manifest
from ocikit.image.streams import CHUNK, HashingStream

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.image.manifest.single import Manifest
    from ocikit.image.transports.base import Descriptor, ImageReference, ImageSource


def validate_source(image: InspectedImage) -> None:
    """Documents only: top manifest, chosen instance, config. Raises :class:`ManifestError` naming the failing field."""
    schemas.check(image.top, image.top_type, f"the manifest of {image.source.reference}")
    manifest = image.manifest
    if mt.is_list(image.top_type):
        schemas.check(manifest.raw, manifest.media_type, f"the instance {image.instance_digest}")
    _check_config(manifest, image.config)


def _check_config(manifest: Manifest, config: bytes) -> None:
    if isinstance(manifest, Schema1Manifest) or not manifest.is_image:
        return
    assert manifest.config is not None
    what = f"the config {manifest.config.digest}"
    if manifest.config.size != len(config):
        raise ManifestError(f"{what} has {len(config)} bytes, its descriptor says {manifest.config.size}")
    schemas.check(config, manifest.config.media_type, what)
    ids = diff_ids(parse_config(config))
    if len(ids) != len(manifest.layers):
        raise ManifestError(f"{what} lists {len(ids)} layers, the manifest {len(manifest.layers)}")


def validate(reference: ImageReference, ctx: SystemContext | None = None, *, layers: bool = True) -> list[str]:
    """Everything about an image, or every instance of a list: schemas, digests, sizes and (if ``layers``) each layer's
    bytes against the manifest and, inflated, against the config. Returns the digests that were checked.

    Raises :class:`ManifestError` or :class:`DigestMismatch` at the first fault.
    """
    from ocikit.image.reading import read_top

    checked: list[str] = []
    with reference.open_source(ctx or SystemContext()) as source:
        raw, media_type = read_top(source)
        schemas.check(raw, media_type, f"the manifest of {reference}")
        if not mt.is_list(media_type):
            _validate_one(source, parse_manifest(raw, media_type), None, layers, checked)
            return checked
        for item in parse_list(raw, media_type).instances:
            data, said = source.get_manifest(item.digest)
            if not matches_digest(data, item.digest) or len(data) != item.size:
                raise ManifestError(f"the instance {item.digest} doesn't have the digest and size that the list says")
            checked.append(item.digest)
            schemas.check(data, mt.normalise(said), f"the instance {item.digest}")
            _validate_one(source, parse_manifest(data, said), item.digest, layers, checked)
    return checked


def _validate_one(
    source: ImageSource, manifest: Manifest, instance: str | None, layers: bool, checked: list[str]
) -> None:
    from ocikit.image.reading import read_config

    ids: list[str] = []
    if manifest.config is not None:
        config = read_config(source, manifest.config)
        checked.append(manifest.config.digest)
        _check_config(manifest, config)
        if manifest.is_image:
            ids = diff_ids(parse_config(config))
    if not layers:
        return
    actual = source.layer_infos_for_copy(instance) or manifest.layers
    for index, layer in enumerate(actual):
        plain = _read_layer(source, layer)
        checked.append(layer.digest)
        if ids and not layer.media_type.endswith(mt.ENCRYPTED) and plain != ids[index]:
            raise ManifestError(f"layer {index} ({layer.digest}) inflates to {plain}, the config says {ids[index]}")


def _read_layer(source: ImageSource, layer: Descriptor) -> str:
    """Reads a layer through with its digest checked; returns the digest of the plain bytes."""
    stream, size = source.open_blob(layer)
    with HashingStream(stream, layer.digest, layer.size if layer.size >= 0 else size) as blob:
        reader, compression = open_decompressed(blob)
        plain: Any = HashingStream(reader) if compression else reader  # type: ignore[arg-type]
        while plain.read(CHUNK):
            pass
        while blob.read(CHUNK):
            pass
        return str(plain.digest) if compression else blob.digest
