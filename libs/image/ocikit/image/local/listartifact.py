"""Artifacts in local manifest lists: files that become an OCI manifest of their own (image.md 14.2)."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ocikit.common.errors import OcikitError
from ocikit.image.digest import sha256
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.document import oci_descriptor
from ocikit.image.manifest.gojson import dump
from ocikit.image.transports.base import Descriptor, ImageReference, ImageSource, ReadStream

if TYPE_CHECKING:
    from ocikit.image.context import SystemContext

    from .manifestlist import LocalList

DEFAULT_TYPE = "application/vnd.unknown.artifact.v1"
EMPTY_TYPE = "application/vnd.oci.empty.v1+json"
EMPTY = b"{}"
TITLE = "org.opencontainers.image.title"


class ArtifactOptions:
    """What ``podman manifest add --artifact-…`` says; "" leaves the default."""

    __slots__ = ("config", "config_type", "exclude_titles", "layer_type", "subject", "type")

    def __init__(
        self,
        *,
        type: str = "",
        config: str = "",
        config_type: str = "",
        layer_type: str = "",
        exclude_titles: bool = False,
        subject: str = "",
    ) -> None:
        self.type = type
        self.config = config
        self.config_type = config_type
        self.layer_type = layer_type
        self.exclude_titles = exclude_titles
        self.subject = subject


def file_type(path: str, head: bytes) -> str:
    """The media type of a file: by its name, else by its first bytes (up to 512)."""
    import mimetypes

    guessed, encoding = mimetypes.guess_type(path)
    if guessed and not encoding:
        return guessed
    for magic, name in _MAGIC:
        if head.startswith(magic):
            return name
    if b"\0" not in head:
        try:
            head.decode("utf-8")
        except UnicodeDecodeError as exc:
            if exc.start < len(head) - 4:
                return "application/octet-stream"
        return "text/plain; charset=utf-8"
    return "application/octet-stream"


_MAGIC = (
    (b"\x1f\x8b\x08", "application/x-gzip"),
    (b"PK\x03\x04", "application/zip"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", "application/pdf"),
)


def describe_file(path: str, media_type: str = "", *, title: bool = True) -> Descriptor:
    """The descriptor of a file as an artifact's layer; it is read once. Raises OcikitError."""
    import hashlib

    digest = hashlib.sha256()
    size = 0
    head = b""
    try:
        with open(path, "rb") as file:
            while piece := file.read(1 << 20):
                head = head or piece[:512]
                digest.update(piece)
                size += len(piece)
    except OSError as exc:
        raise OcikitError(f"open {path}: {(exc.strerror or '').lower()}") from exc
    annotations = {TITLE: os.path.basename(path)} if title else {}
    return Descriptor(
        f"sha256:{digest.hexdigest()}", size, media_type or file_type(path, head), annotations=annotations
    )


def build_manifest(
    artifact_type: str,
    config: Descriptor,
    layers: Sequence[Descriptor],
    subject: Descriptor | None = None,
    annotations: dict[str, str] | None = None,
) -> bytes:
    """An OCI manifest with an artifactType, keys in the order of the specification."""
    doc: dict[str, Any] = {"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "artifactType": artifact_type}
    doc["config"] = oci_descriptor(config)
    doc["layers"] = [oci_descriptor(layer) for layer in layers]
    if subject is not None:
        doc["subject"] = oci_descriptor(subject)
    if annotations:
        doc["annotations"] = dict(sorted(annotations.items()))
    return dump(doc)


def empty_config() -> Descriptor:
    return Descriptor(sha256(EMPTY), len(EMPTY), EMPTY_TYPE, data=base64.b64encode(EMPTY).decode("ascii"))


def add_artifact(target: LocalList, paths: Sequence[str], options: ArtifactOptions, ctx: SystemContext) -> str:
    """Make one artifact of the files and add it to the list; the manifest's digest. The files stay where they are."""
    layers = [describe_file(p, options.layer_type, title=not options.exclude_titles) for p in paths]
    store = target.artifacts
    blobs: dict[str, str] = store.setdefault("blobs", {})
    if options.config:
        config = describe_file(options.config, options.config_type or "application/octet-stream", title=False)
        store.setdefault("detached", {})[config.digest] = os.path.abspath(options.config)
    else:
        config = empty_config().replace(media_type=options.config_type or EMPTY_TYPE)
        blobs[config.digest] = base64.b64encode(EMPTY).decode("ascii")
    subject = None
    if options.subject:
        from .listedit import subject_descriptor

        subject = subject_descriptor(target.store, options.subject, ctx)
    raw = build_manifest(options.type or DEFAULT_TYPE, config, layers, subject)
    digest = sha256(raw)
    store.setdefault("manifests", {})[digest] = raw.decode("utf-8")
    store.setdefault("files", {})[digest] = [os.path.abspath(path) for path in paths]
    store.setdefault("config", {})[digest] = config.digest
    store.setdefault("layers", {})[digest] = [layer.digest for layer in layers]
    for layer, path in zip(layers, paths, strict=True):
        store.setdefault("detached", {})[layer.digest] = os.path.abspath(path)
    entry = Descriptor(digest, len(raw), mt.OCI_MANIFEST, artifact_type=options.type or DEFAULT_TYPE)
    target.put([entry], {})
    return digest


class ArtifactSource(ImageSource):
    """An artifact of a local list: its manifest from the list, its blobs from the files."""

    parallel = True

    def __init__(self, reference: ImageReference, artifacts: dict[str, Any], digest: str) -> None:
        self.reference = reference
        self._artifacts = artifacts
        self._digest = digest

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        return str(self._artifacts["manifests"][self._digest]).encode(), mt.OCI_MANIFEST

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        encoded = (self._artifacts.get("blobs") or {}).get(descriptor.digest)
        if encoded is not None:
            data = base64.b64decode(encoded)
            return io.BytesIO(data[offset:]), len(data)
        path = (self._artifacts.get("detached") or {}).get(descriptor.digest)
        if path is None:
            raise OcikitError(f"{self.reference}: the artifact's blob {descriptor.digest} is nowhere to be found")
        try:
            file = open(path, "rb")
        except OSError as exc:
            raise OcikitError(
                f"open {path}: {(exc.strerror or '').lower()}", hint="the artifact's files must stay until the push"
            ) from exc
        file.seek(offset)
        return file, os.fstat(file.fileno()).st_size
