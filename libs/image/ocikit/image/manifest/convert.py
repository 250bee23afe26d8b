"""Conversions between manifest formats; each is pure and returns what has to be written (image spec, section 2.5)."""

from __future__ import annotations

from ocikit.image.digest import sha256
from ocikit.image.errors import ManifestError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.config import oci_config_bytes, parse_config
from ocikit.image.manifest.gojson import an_object, dump, dump_members, field, objects, raw_members, text
from ocikit.image.manifest.schema1 import GZIP_EMPTY_DIGEST, Schema1Manifest
from ocikit.image.manifest.single import Manifest, OCIManifest, Schema2Manifest, require_image
from ocikit.image.transports.base import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def schema2_to_oci(manifest: Schema2Manifest, config: bytes) -> tuple[OCIManifest, bytes]:
    """(manifest, config): the config is re-encoded, so the image's id changes."""
    new_config = oci_config_bytes(config)
    descriptor = Descriptor(sha256(new_config), len(new_config), mt.OCI_CONFIG)
    layers = [layer.replace(media_type=mt.layer_to_oci(layer.media_type)) for layer in manifest.layers]
    return OCIManifest.build(descriptor, layers), new_config


def oci_to_schema2(manifest: OCIManifest) -> Schema2Manifest:
    """Only media types change; the config blob stays as it is."""
    require_image(manifest)
    assert manifest.config is not None
    layers = [
        Descriptor(layer.digest, layer.size, mt.layer_to_docker(layer.media_type), layer.urls)
        for layer in manifest.layers
    ]
    config = Descriptor(manifest.config.digest, manifest.config.size, mt.V2S2_CONFIG)
    return Schema2Manifest.build(config, layers)


def schema1_to_schema2(
    manifest: Schema1Manifest, layers: Sequence[Descriptor], diff_ids: Sequence[str]
) -> tuple[Schema2Manifest, bytes]:
    """``layers`` (with sizes) and ``diff_ids`` of the non-empty layers, oldest first."""
    parsed = [parse_config(item.encode()) for item in manifest.history]
    doc = raw_members(manifest.history[-1], "schema 1 history")
    for key in ("id", "parent", "parent_id", "layer_id", "throwaway", "Size"):
        doc.pop(key, None)
    history: list[dict[str, Any]] = []
    for entry in parsed:
        container = an_object(entry, "container_config", "schema 1 history") or {}
        item: dict[str, Any] = {}
        if field(entry, "created"):
            item["created"] = field(entry, "created")
        command = " ".join(field(container, "Cmd") or ())
        if command:
            item["created_by"] = command
        for name in ("author", "comment"):
            if field(entry, name):
                item[name] = field(entry, name)
        if field(entry, "throwaway") is True:
            item["empty_layer"] = True
        history.append(item)
    doc["rootfs"] = dump({"type": "layers", "diff_ids": list(diff_ids)}).decode()
    doc["history"] = dump(history).decode()
    config = dump_members(doc)
    typed = [layer.replace(media_type=mt.V2S2_LAYER_GZIP) for layer in layers]
    return Schema2Manifest.build(Descriptor(sha256(config), len(config), mt.V2S2_CONFIG), typed), config


def schema2_to_schema1(manifest: Schema2Manifest, config: bytes, name: str, tag: str) -> Schema1Manifest:
    """Builds the chain of v1 ids from the config's history. The empty layer must be written by the caller."""
    doc = parse_config(config)
    entries = objects(doc, "history", "image config") or []
    if not entries:
        raise ManifestError(f"Cannot convert an image with 0 history entries to {mt.V2S1_SIGNED}")
    layers: list[Descriptor] = []
    history: list[str] = []
    empty: list[bool] = []
    rest = list(manifest.layers)
    parent = ""
    for i, entry in enumerate(entries):
        throwaway = field(entry, "empty_layer") is True
        if throwaway:
            layer = Descriptor(GZIP_EMPTY_DIGEST)
        elif rest:
            layer = rest.pop(0)
        else:
            raise ManifestError("Invalid image configuration, not enough layers for its history")
        blob_hex = layer.digest.partition(":")[2]
        newest = i + 1 == len(entries)
        if newest:
            new_id, body = _newest_entry(config, blob_hex, parent, throwaway)
        else:
            new_id, body = _older_entry(entry, blob_hex, parent, throwaway)
        layers.append(layer)
        history.append(body)
        empty.append(throwaway)
        parent = new_id
    if rest:
        raise ManifestError("Invalid image configuration, more layers than its history accounts for")
    return Schema1Manifest.build(name, tag, text(doc, "architecture", "image config"), layers, history, empty)


def _hex(payload: bytes) -> str:
    return sha256(payload).partition(":")[2]


def _older_entry(entry: dict[str, Any], blob_hex: str, parent: str, throwaway: bool) -> tuple[str, str]:
    new_id = _hex(f"{blob_hex} {parent}".encode())
    body: dict[str, Any] = {"id": new_id}
    if parent:
        body["parent"] = parent
    if field(entry, "comment"):
        body["comment"] = field(entry, "comment")
    body["created"] = field(entry, "created") or "0001-01-01T00:00:00Z"
    body["container_config"] = {"Cmd": [field(entry, "created_by") or ""]}
    if field(entry, "author"):
        body["author"] = field(entry, "author")
    if throwaway:
        body["throwaway"] = True
    return new_id, dump(body).decode()


def _newest_entry(config: bytes, blob_hex: str, parent: str, throwaway: bool) -> tuple[str, str]:
    new_id = _hex(f"{blob_hex} {parent} ".encode() + config)
    body = raw_members(config, "image config")
    for key in ("rootfs", "history"):
        body.pop(key, None)
    body["id"] = f'"{new_id}"'
    if parent:
        body["parent"] = f'"{parent}"'
    if throwaway:
        body["throwaway"] = "true"
    return new_id, dump_members(body).decode()


def convert(
    manifest: Manifest, media_type: str, config: bytes | None, name: str = "", tag: str = ""
) -> tuple[Manifest, bytes | None]:
    """``manifest`` as ``media_type``, with the config that goes with it (None for schema 1).

    ``config`` is the present config blob; schema 1 as source needs diff ids first, see :func:`schema1_to_schema2`.
    Raises :class:`ManifestError` where a format can't hold the image.
    """
    if media_type in mt.SCHEMA1 and isinstance(manifest, Schema1Manifest):
        return manifest.with_name(name, tag), None
    if media_type == manifest.media_type:
        return manifest, config
    require_image(manifest)
    if isinstance(manifest, OCIManifest):
        manifest = oci_to_schema2(manifest)
        if media_type == mt.V2S2:
            return manifest, config
    if isinstance(manifest, Schema2Manifest) and config is not None:
        if media_type == mt.OCI_MANIFEST:
            return schema2_to_oci(manifest, config)
        if media_type in mt.SCHEMA1:
            return schema2_to_schema1(manifest, config, name, tag), None
    raise ManifestError(f"Conversion of image manifest from {manifest.media_type} to {media_type} is not supported")
