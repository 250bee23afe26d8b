"""What kind of manifest some bytes are, where nobody said it (image spec, section 2.3)."""

from __future__ import annotations

from ocikit.common.jsonfast import loads
from ocikit.image.digest import sha256
from ocikit.image.errors import ManifestError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.gojson import field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.manifest.lists import ManifestList
    from ocikit.image.manifest.single import Manifest

MAX_BYTES = 4 << 20
"""Manifests, configs, signatures: none is larger."""


def guess(raw: bytes) -> str:
    """The media type of a manifest from its content; "" if it is none."""
    try:
        doc = loads(raw)
    except ValueError:
        return ""
    if not isinstance(doc, dict):
        return ""
    said = field(doc, "mediaType")
    if said in (mt.V2S2, mt.DOCKER_LIST, mt.OCI_MANIFEST, mt.OCI_INDEX):
        return str(said)
    version = field(doc, "schemaVersion")
    if version == 1:
        return mt.V2S1_SIGNED if field(doc, "signatures") is not None else mt.V2S1
    if version != 2:
        return ""
    config = field(doc, "config")
    config_type = field(config, "mediaType") if isinstance(config, dict) else None
    if config_type == mt.OCI_CONFIG:
        return mt.OCI_MANIFEST
    if config_type == mt.V2S2_CONFIG:
        return mt.V2S2
    if field(doc, "manifests") and not config_type:
        return mt.OCI_INDEX
    return mt.OCI_MANIFEST


def manifest_digest(raw: bytes) -> str:
    """The digest of a manifest: of its exact bytes, except that signatures of schema 1 don't count."""
    if b'"signatures"' in raw and guess(raw) == mt.V2S1_SIGNED:
        from ocikit.image.manifest.schema1 import unsigned_payload

        return sha256(unsigned_payload(raw))
    return sha256(raw)


def matches_digest(raw: bytes, digest: str) -> bool:
    """Whether ``digest`` (of any known algorithm) is that of the manifest."""
    algorithm = digest.partition(":")[0]
    if algorithm == "sha256":
        return manifest_digest(raw) == digest
    import hashlib

    return algorithm in ("sha384", "sha512") and f"{algorithm}:{hashlib.new(algorithm, raw).hexdigest()}" == digest


def parse_manifest(raw: bytes, media_type: str) -> Manifest:
    """The manifest of one image. Raises :class:`ManifestError`; a list is refused."""
    from ocikit.image.manifest.single import OCIManifest, Schema2Manifest

    media_type = mt.normalise(media_type)
    if media_type == mt.OCI_MANIFEST:
        return OCIManifest.parse(raw)
    if media_type == mt.V2S2:
        return Schema2Manifest.parse(raw)
    if media_type in mt.SCHEMA1:
        from ocikit.image.manifest.schema1 import Schema1Manifest

        return Schema1Manifest.parse(raw)
    raise ManifestError("Unexpectedly received a manifest list instead of a manifest for a single image")


def parse_list(raw: bytes, media_type: str) -> ManifestList:
    from ocikit.image.manifest.lists import ManifestList

    return ManifestList.parse(raw, media_type)
