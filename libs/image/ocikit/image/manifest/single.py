"""Manifests of one image: OCI, Docker schema 2; schema 1 in its own module.

A manifest is a value that keeps the raw bytes that it came from: what isn't changed is forwarded byte for byte, unknown
fields included. ``with_layers`` and the conversions make a new one, serialised as Go would.
"""

from __future__ import annotations

from ocikit.image.errors import ManifestError, NotAnImage
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.document import docker_descriptor, oci_descriptor, read_descriptor
from ocikit.image.manifest.gojson import (
    an_object,
    dump,
    guard,
    integer,
    objects,
    parse_object,
    sorted_map,
    string_map,
    text,
)
from ocikit.image.transports.base import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class Manifest:
    """One image's manifest. ``config`` is None for schema 1, whose config is inside."""

    __slots__ = ("config", "layers", "media_type", "raw")

    def __init__(self, raw: bytes, media_type: str, config: Descriptor | None, layers: Sequence[Descriptor]) -> None:
        self.raw = raw
        self.media_type = media_type
        self.config = config
        self.layers = tuple(layers)

    @property
    def is_image(self) -> bool:
        """False for artifacts: their config isn't that of an image."""
        return self.config is None or self.config.media_type in (mt.OCI_CONFIG, mt.V2S2_CONFIG)

    def with_layers(self, layers: Sequence[Descriptor]) -> Manifest:
        """The same manifest with other descriptors for the same layers (as many, in the same order)."""
        raise NotImplementedError


class OCIManifest(Manifest):
    """application/vnd.oci.image.manifest.v1+json, images and artifacts."""

    __slots__ = ("annotations", "artifact_type", "said_media_type", "subject")

    artifact_type: str
    annotations: Mapping[str, str]
    subject: Descriptor | None
    said_media_type: str

    @classmethod
    def parse(cls, raw: bytes) -> OCIManifest:
        doc = parse_object(raw, "OCI manifest")
        guard(doc, mt.OCI_MANIFEST, ("config", "layers"))
        version = integer(doc, "schemaVersion", "OCI manifest")
        if version not in (0, 2):
            raise ManifestError(f"OCI manifest: unsupported schema version {version}")
        config = an_object(doc, "config", "OCI manifest")
        if config is None:
            raise ManifestError("OCI manifest: config is missing")
        layers = objects(doc, "layers", "OCI manifest") or []
        subject = an_object(doc, "subject", "OCI manifest")
        new = cls(
            raw,
            mt.OCI_MANIFEST,
            read_descriptor(config, "OCI manifest config"),
            [read_descriptor(layer, f"OCI manifest layers[{i}]") for i, layer in enumerate(layers)],
        )
        new.said_media_type = text(doc, "mediaType", "OCI manifest")
        new.artifact_type = text(doc, "artifactType", "OCI manifest")
        new.annotations = string_map(doc, "annotations", "OCI manifest") or {}
        new.subject = read_descriptor(subject, "OCI manifest subject") if subject is not None else None
        return new

    @classmethod
    def build(
        cls,
        config: Descriptor,
        layers: Sequence[Descriptor],
        annotations: Mapping[str, str] | None = None,
        artifact_type: str = "",
        subject: Descriptor | None = None,
        said_media_type: str = mt.OCI_MANIFEST,
    ) -> OCIManifest:
        """A manifest from scratch; its media type is written into it unless ``said_media_type`` is ""."""
        doc: dict[str, object] = {"schemaVersion": 2}
        if said_media_type:
            doc["mediaType"] = said_media_type
        if artifact_type:
            doc["artifactType"] = artifact_type
        doc["config"] = oci_descriptor(config)
        doc["layers"] = [oci_descriptor(layer) for layer in layers]
        if subject is not None:
            doc["subject"] = oci_descriptor(subject)
        if annotations:
            doc["annotations"] = sorted_map(annotations)
        new = cls(dump(doc), mt.OCI_MANIFEST, config, layers)
        new.said_media_type = said_media_type
        new.artifact_type = artifact_type
        new.annotations = annotations or {}
        new.subject = subject
        return new

    def with_layers(self, layers: Sequence[Descriptor]) -> OCIManifest:
        same_count(self, layers)
        assert self.config is not None
        return self.build(self.config, layers, self.annotations, self.artifact_type, self.subject, self.said_media_type)

    def with_config(self, config: Descriptor) -> OCIManifest:
        return self.build(config, self.layers, self.annotations, self.artifact_type, self.subject, self.said_media_type)


class Schema2Manifest(Manifest):
    """application/vnd.docker.distribution.manifest.v2+json."""

    __slots__ = ()

    @classmethod
    def parse(cls, raw: bytes) -> Schema2Manifest:
        what = "Docker schema 2 manifest"
        doc = parse_object(raw, what)
        guard(doc, mt.V2S2, ("config", "layers"))
        version = integer(doc, "schemaVersion", what)
        if version != 2:
            raise ManifestError(f"unsupported schema version {version}")
        said = text(doc, "mediaType", what)
        if said != mt.V2S2:
            raise ManifestError(f'unsupported docker v2s2 media type: "{said}"')
        config = an_object(doc, "config", what)
        if config is None:
            raise ManifestError(f"{what}: config is missing")
        layers = [read_descriptor(d, f"{what} layers[{i}]") for i, d in enumerate(objects(doc, "layers", what) or [])]
        for layer in layers:
            if layer.media_type not in mt.V2S2_LAYERS:
                raise ManifestError(f'unsupported docker v2s2 media type: "{layer.media_type}"')
        return cls(raw, mt.V2S2, read_descriptor(config, f"{what} config"), layers)

    @classmethod
    def build(cls, config: Descriptor, layers: Sequence[Descriptor]) -> Schema2Manifest:
        doc = {
            "schemaVersion": 2,
            "mediaType": mt.V2S2,
            "config": docker_descriptor(config),
            "layers": [docker_descriptor(layer) for layer in layers],
        }
        return cls(dump(doc), mt.V2S2, config, layers)

    def with_layers(self, layers: Sequence[Descriptor]) -> Schema2Manifest:
        same_count(self, layers)
        assert self.config is not None
        return self.build(self.config, layers)


def same_count(manifest: Manifest, layers: Sequence[Descriptor]) -> None:
    if len(layers) != len(manifest.layers):
        raise ManifestError(f"{len(layers)} layers given for a manifest that has {len(manifest.layers)}")


def require_image(manifest: Manifest) -> None:
    """Raises :class:`NotAnImage` for an artifact."""
    if not manifest.is_image:
        assert manifest.config is not None
        raise NotAnImage(
            f'unsupported image-specific operation on artifact with type "{artifact_type(manifest)}"',
            hint="artifacts can be copied between docker://, dir: and oci: only, unchanged",
        )


def artifact_type(manifest: Manifest) -> str:
    if isinstance(manifest, OCIManifest) and manifest.artifact_type:
        return manifest.artifact_type
    return manifest.config.media_type if manifest.config is not None else ""
