"""Signatures that live in the registry: sigstore attachments and the X-Registry-Supports-Signatures API.

Stored form of one signature (image.md 11.4): raw OpenPGP bytes, or ``\\0sigstore-json\\n`` and a JSON object.
"""

from __future__ import annotations

import base64
import io
import json
import secrets
from collections.abc import Sequence
from typing import Any

from ocikit.image.digest import sha256
from ocikit.image.errors import ImageError

from .client import RegistryClient, pull_scope, push_scope
from .errors import BadContent, ManifestUnknown, RegistryError
from .http import read_limited

SIGSTORE_PREFIX = b"\0sigstore-json\n"
SIMPLE_PREFIX = b"\0simple-signing\n"
LAYER_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
LIMIT = 4 << 20


class SigstoreSignature:
    """A payload and what vouches for it (annotations: the signature itself, certificates, a log entry)."""

    __slots__ = ("annotations", "mime_type", "payload")

    def __init__(self, payload: bytes, annotations: dict[str, str], mime_type: str = LAYER_TYPE) -> None:
        self.payload = payload
        self.annotations = annotations
        self.mime_type = mime_type

    def to_blob(self) -> bytes:
        doc = {
            "mimeType": self.mime_type,
            "payload": base64.b64encode(self.payload).decode("ascii"),
            "annotations": dict(sorted(self.annotations.items())),
        }
        return SIGSTORE_PREFIX + json.dumps(doc, separators=(",", ":"), ensure_ascii=False).encode()

    @classmethod
    def from_blob(cls, blob: bytes) -> SigstoreSignature:
        try:
            doc = json.loads(blob.removeprefix(SIGSTORE_PREFIX))
            return cls(
                base64.b64decode(doc["payload"], validate=True),
                {str(k): str(v) for k, v in (doc.get("annotations") or {}).items()},
                str(doc["mimeType"]),
            )
        except (ValueError, KeyError, TypeError, AttributeError) as exc:
            raise ImageError(f"parsing a sigstore signature: {exc}") from exc


def split(signatures: Sequence[bytes]) -> tuple[list[bytes], list[SigstoreSignature]]:
    """(simple signatures, sigstore signatures) out of stored blobs. An unknown format is refused."""
    simple: list[bytes] = []
    sigstore: list[SigstoreSignature] = []
    for blob in signatures:
        if blob.startswith(SIGSTORE_PREFIX):
            sigstore.append(SigstoreSignature.from_blob(blob))
        elif blob.startswith(SIMPLE_PREFIX):
            simple.append(blob[len(SIMPLE_PREFIX) :])
        elif blob[:1] == b"\0":
            name = blob[1:65].partition(b"\n")[0].decode("utf-8", "replace")
            raise ImageError(f'unrecognized signature format "{name}"')
        else:
            simple.append(blob)
    return simple, sigstore


# -- attachments --------------------------------------------------------------------------------------------------


def attachment_tag(manifest_digest: str) -> str:
    return manifest_digest.replace(":", "-", 1) + ".sig"


def _read_manifest(client: RegistryClient, path: str, manifest_digest: str) -> dict[str, Any] | None:
    try:
        body, media_type = client.get_manifest(path, attachment_tag(manifest_digest))
    except ManifestUnknown:
        return None
    except RegistryError as exc:
        if exc.status == 404:
            return None
        raise
    if media_type != OCI_MANIFEST:
        raise ImageError(f"the attachment {attachment_tag(manifest_digest)} of {path} has unexpected type {media_type}")
    doc = json.loads(body)
    if not isinstance(doc, dict) or not isinstance(doc.get("layers"), list):
        raise ImageError(f"the attachment {attachment_tag(manifest_digest)} of {path} is no OCI manifest")
    return doc


def _fetch(client: RegistryClient, path: str, descriptor: dict[str, Any]) -> bytes:
    digest, size = str(descriptor.get("digest")), int(descriptor.get("size") or 0)
    if size > LIMIT:
        raise BadContent(f"fetching attachment {digest}: exceeded maximum allowed size of {LIMIT} bytes")
    with client.open_blob(path, digest, size=size) as stream:
        data = stream.readall()
    if sha256(data) != digest:
        raise BadContent(f"fetching attachment: Digest did not match, expected {digest}, got {sha256(data)}")
    return data


def read_attachments(client: RegistryClient, path: str, manifest_digest: str) -> list[bytes]:
    """The sigstore signatures beside an image, in stored form; none if it has no attachment."""
    doc = _read_manifest(client, path, manifest_digest)
    if doc is None:
        return []
    return [
        SigstoreSignature(
            _fetch(client, path, layer), dict(layer.get("annotations") or {}), str(layer.get("mediaType"))
        ).to_blob()
        for layer in doc["layers"]
    ]


def write_attachments(
    client: RegistryClient, path: str, manifest_digest: str, signatures: Sequence[SigstoreSignature]
) -> None:
    """Append to the attachment; identical signatures are not repeated."""
    doc = _read_manifest(client, path, manifest_digest)
    if doc is None:
        doc = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": {}, "layers": []}
        config: dict[str, Any] = {
            "architecture": "",
            "os": "",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    else:
        config = json.loads(_fetch(client, path, doc["config"]))
    changed = False
    for signature in signatures:
        digest = sha256(signature.payload)
        layer = {
            "mediaType": signature.mime_type,
            "digest": digest,
            "size": len(signature.payload),
            "annotations": dict(sorted(signature.annotations.items())),
        }
        if layer in doc["layers"]:
            continue
        _upload(client, path, digest, signature.payload)
        doc["layers"].append(layer)
        config.setdefault("rootfs", {}).setdefault("diff_ids", []).append(digest)
        changed = True
    if not changed:
        return
    data = json.dumps(config, separators=(",", ":"), ensure_ascii=False).encode()
    doc["config"] = {"mediaType": OCI_CONFIG, "digest": sha256(data), "size": len(data)}
    _upload(client, path, sha256(data), data)
    body = json.dumps(doc, separators=(",", ":"), ensure_ascii=False).encode()
    client.put_manifest(path, attachment_tag(manifest_digest), body, OCI_MANIFEST)


def _upload(client: RegistryClient, path: str, digest: str, data: bytes) -> None:
    if client.blob_size(path, digest) is None:
        client.upload_blob(path, io.BytesIO(data), lambda: digest, len(data))


# -- the signature API --------------------------------------------------------------------------------------------


def api_read(client: RegistryClient, path: str, manifest_digest: str) -> list[bytes]:
    """GET /extensions/v2/PATH/signatures/DIGEST."""
    response = client.request("GET", f"/extensions/v2/{path}/signatures/{manifest_digest}", scopes=pull_scope(path))
    what = f"downloading signatures for {manifest_digest} in {client.host}/{path}"
    if response.status_code != 200:
        raise client.fail(response, what)
    doc = json.loads(read_limited(response, LIMIT, what))
    return [
        base64.b64decode(entry["content"])
        for entry in doc.get("signatures") or []
        if entry.get("schemaVersion") == 2 and entry.get("type") == "atomic"
    ]


def api_write(client: RegistryClient, path: str, manifest_digest: str, signatures: Sequence[bytes]) -> None:
    """PUT every signature that isn't there yet."""
    known = api_read(client, path, manifest_digest) if signatures else []
    for signature in signatures:
        if signature in known:
            continue
        doc = {
            "schemaVersion": 2,
            "name": f"{manifest_digest}@{secrets.token_hex(16)}",
            "type": "atomic",
            "content": base64.b64encode(signature).decode("ascii"),
        }
        body = json.dumps(doc, separators=(",", ":")).encode()
        url = f"/extensions/v2/{path}/signatures/{manifest_digest}"
        response = client.request("PUT", url, scopes=push_scope(path), body=body)
        if response.status_code != 201:
            raise client.fail(response, f"uploading signature to {client.host}/{path}")
        response.close()
