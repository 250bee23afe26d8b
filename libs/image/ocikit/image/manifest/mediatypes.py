"""Media types of manifests, configs and layers, and what compression makes of them (image spec, section 2.1)."""

from __future__ import annotations

from ocikit.image.errors import ManifestError

V2S1 = "application/vnd.docker.distribution.manifest.v1+json"
V2S1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"
V2S2 = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
V2S2_CONFIG = "application/vnd.docker.container.image.v1+json"
V2S2_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
V2S2_LAYER_GZIP = V2S2_LAYER + ".gzip"
V2S2_LAYER_ZSTD = V2S2_LAYER + ".zstd"
V2S2_FOREIGN = "application/vnd.docker.image.rootfs.foreign.diff.tar"
V2S2_FOREIGN_GZIP = V2S2_FOREIGN + ".gzip"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
OCI_LAYER_GZIP = OCI_LAYER + "+gzip"
OCI_LAYER_ZSTD = OCI_LAYER + "+zstd"
OCI_NONDIST = "application/vnd.oci.image.layer.nondistributable.v1.tar"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
COSIGN_LAYER = "application/vnd.dev.cosign.simplesigning.v1+json"
ENCRYPTED = "+encrypted"

LISTS = (DOCKER_LIST, OCI_INDEX)
SCHEMA1 = (V2S1, V2S1_SIGNED)
SINGLE = (OCI_MANIFEST, V2S2, V2S1_SIGNED, V2S1)
ACCEPT = (OCI_MANIFEST, V2S2, V2S1_SIGNED, V2S1, DOCKER_LIST, OCI_INDEX)
"""What registries are asked for, in the order in which it is asked."""

FORMATS = {"oci": OCI_MANIFEST, "v2s1": V2S1_SIGNED, "v2s2": V2S2}
"""The words of ``--format``."""

UNCOMPRESSED, GZIP, ZSTD, BZIP2, XZ = "uncompressed", "gzip", "zstd", "bzip2", "xz"

# One row a family: the same content, differently compressed.
_FAMILIES: tuple[dict[str, str], ...] = (
    {UNCOMPRESSED: OCI_LAYER, GZIP: OCI_LAYER_GZIP, ZSTD: OCI_LAYER_ZSTD},
    {UNCOMPRESSED: OCI_NONDIST, GZIP: OCI_NONDIST + "+gzip", ZSTD: OCI_NONDIST + "+zstd"},
    {UNCOMPRESSED: V2S2_LAYER, GZIP: V2S2_LAYER_GZIP},
    {UNCOMPRESSED: V2S2_FOREIGN, GZIP: V2S2_FOREIGN_GZIP},
)
_TO_OCI = {
    V2S2_LAYER: OCI_LAYER,
    V2S2_LAYER_GZIP: OCI_LAYER_GZIP,
    V2S2_LAYER_ZSTD: OCI_LAYER_ZSTD,
    V2S2_FOREIGN: OCI_NONDIST,
    V2S2_FOREIGN_GZIP: OCI_NONDIST + "+gzip",
}
_TO_DOCKER = {oci: docker for docker, oci in _TO_OCI.items() if docker != V2S2_LAYER_ZSTD}
V2S2_LAYERS = frozenset(_TO_OCI)


def is_list(media_type: str) -> bool:
    return media_type in LISTS


def normalise(media_type: str) -> str:
    """What a server's Content-Type means: everything unknown, ``application/json`` and "" too, is signed schema 1."""
    return media_type if media_type in ACCEPT else V2S1_SIGNED


def compression_of(media_type: str) -> str | None:
    """ "uncompressed", "gzip" or "zstd" as the layer type says; None if the type isn't that of a layer."""
    for family in _FAMILIES:
        for name, value in family.items():
            if value == media_type:
                return name
    return ZSTD if media_type == V2S2_LAYER_ZSTD else None


def may_recompress(media_type: str) -> bool:
    """Whether the bytes behind this type may be compressed differently (layers of images, not artifacts' own types)."""
    return not media_type or compression_of(media_type) is not None


def with_compression(media_type: str, compression: str) -> str:
    """The type of the same content compressed as said. Raises :class:`ManifestError` where no such type exists."""
    if not media_type:  # schema 1 has none
        if compression == ZSTD:
            raise ManifestError("zstd compression is not supported for schema 1 images")
        return ""
    for family in _FAMILIES:
        if media_type in family.values():
            if compression in family:
                return family[compression]
            raise ManifestError(f'{compression} compression is not supported for type "{media_type}"')
    raise ManifestError(f'{compression} compression is not supported for type "{media_type}"')


def layer_to_oci(media_type: str) -> str:
    """The OCI name of a Docker layer type; OCI's own stay."""
    if media_type in _TO_OCI:
        return _TO_OCI[media_type]
    if media_type.endswith(ENCRYPTED) or any(media_type in family.values() for family in _FAMILIES[:2]):
        return media_type
    raise ManifestError(f'Unknown media type during manifest conversion: "{media_type}"')


def layer_to_docker(media_type: str) -> str:
    """The Docker name of an OCI layer type; Docker's own stay. Raises :class:`ManifestError` where there is none."""
    if media_type in _TO_DOCKER:
        return _TO_DOCKER[media_type]
    if media_type in V2S2_LAYERS:
        return media_type
    if media_type in (OCI_LAYER_ZSTD, OCI_NONDIST + "+zstd"):
        raise ManifestError(
            f'Error during manifest conversion: "{media_type}": '
            "zstd compression is not officially supported for docker images",
            hint="copy with --format oci, or recompress with --dest-compress-format gzip",
        )
    if media_type.endswith(ENCRYPTED):
        raise ManifestError("Error during manifest conversion: encrypted layers are not supported in docker images")
    raise ManifestError(f'Unknown media type during manifest conversion: "{media_type}"')


def is_foreign(media_type: str) -> bool:
    return media_type.startswith((V2S2_FOREIGN, OCI_NONDIST))
