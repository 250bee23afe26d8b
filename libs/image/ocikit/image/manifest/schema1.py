"""Docker schema 1: layers newest first, the config spread over "history", a signature that nobody checks (section
2.4).
"""

from __future__ import annotations

from ocikit.common.jsonfast import dumps_go
from ocikit.image.digest import is_hex64
from ocikit.image.errors import ManifestError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.document import read_descriptor
from ocikit.image.manifest.gojson import dump, field, guard, integer, objects, parse_object, text
from ocikit.image.manifest.single import Manifest, same_count
from ocikit.image.transports.base import Descriptor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

GZIP_EMPTY = bytes.fromhex("1f8b080000096e8800ff621805a360148c5800080000ffff2eafb5ef00040000")
GZIP_EMPTY_DIGEST = "sha256:a3ed95caeb02ffe68cdd9fd84406680ae93d633cb16422d00e8a7c22955b46d4"
"""The gzip form of an empty tar that schema 1 lists for history entries that change no file."""


class Schema1Manifest(Manifest):
    """``layers`` are oldest first, as everywhere else; ``history`` and ``empty`` go with them."""

    __slots__ = ("architecture", "empty", "history", "name", "tag")

    name: str
    tag: str
    architecture: str
    history: tuple[str, ...]
    """The v1Compatibility texts, oldest first."""
    empty: tuple[bool, ...]

    @classmethod
    def parse(cls, raw: bytes) -> Schema1Manifest:
        what = "Docker schema 1 manifest"
        doc = parse_object(raw, what)
        version = integer(doc, "schemaVersion", what)
        if version != 1:
            raise ManifestError(f"unsupported schema version {version}")
        guard(doc, mt.V2S1_SIGNED, ("fsLayers", "history"))
        layers = objects(doc, "fsLayers", what) or []
        history = [text(entry, "v1Compatibility", what) for entry in objects(doc, "history", what) or []]
        if not layers:
            raise ManifestError("no FSLayers in manifest")
        if len(layers) != len(history):
            raise ManifestError("length of history not equal to number of layers")
        entries = [
            (layer, item, parse_object(item, f"{what} history[{i}]")) for i, (layer, item) in _zip(layers, history)
        ]
        entries = _without_repeats(entries)
        new = cls(
            raw,
            mt.V2S1_SIGNED if field(doc, "signatures") is not None else mt.V2S1,
            None,
            [
                read_descriptor({"digest": text(layer, "blobSum", what)}, f"{what} fsLayers").replace(size=-1)
                for layer, _, _ in reversed(entries)
            ],
        )
        new.name = text(doc, "name", what)
        new.tag = text(doc, "tag", what)
        new.architecture = text(doc, "architecture", what)
        new.history = tuple(item for _, item, _ in reversed(entries))
        new.empty = tuple(field(parsed, "throwaway") is True for _, _, parsed in reversed(entries))
        return new

    @classmethod
    def build(
        cls,
        name: str,
        tag: str,
        architecture: str,
        layers: Sequence[Descriptor],
        history: Sequence[str],
        empty: Sequence[bool],
    ) -> Schema1Manifest:
        """``layers``, ``history`` and ``empty`` oldest first. The result carries a throw-away signature: registries ask
        for one, whichever of the two media types is meant."""
        doc = {
            "name": name,
            "tag": tag,
            "architecture": architecture,
            "fsLayers": [{"blobSum": layer.digest} for layer in reversed(layers)],
            "history": [{"v1Compatibility": item} for item in reversed(history)],
            "schemaVersion": 1,
        }
        new = cls(_signed(dump(doc)), mt.V2S1_SIGNED, None, layers)
        new.name, new.tag, new.architecture = name, tag, architecture
        new.history, new.empty = tuple(history), tuple(empty)
        return new

    def with_layers(self, layers: Sequence[Descriptor]) -> Schema1Manifest:
        same_count(self, layers)
        return self.build(self.name, self.tag, self.architecture, layers, self.history, self.empty)

    def with_name(self, name: str, tag: str) -> Schema1Manifest:
        """Named as the destination is; itself if it is so named already."""
        if (name, tag) == (self.name, self.tag):
            return self
        return self.build(name, tag, self.architecture, self.layers, self.history, self.empty)


def _zip(layers: list[dict[str, Any]], history: list[str]) -> list[tuple[int, tuple[dict[str, Any], str]]]:
    return list(enumerate(zip(layers, history, strict=True)))


_Entry = tuple["dict[str, Any]", str, "dict[str, Any]"]


def _without_repeats(entries: list[_Entry]) -> list[_Entry]:
    """Checks the chain of ids (newest first) and drops the newer of two neighbours with the same id."""
    ids = [text(parsed, "id", "schema 1 history") for _, _, parsed in entries]
    for one in ids:
        if not is_hex64(one):
            raise ManifestError(f'image ID "{one}" is invalid')
    if text(entries[-1][2], "parent", "schema 1 history"):
        raise ManifestError("Invalid parent ID in the base layer of the image")
    kept = [entry for i, entry in enumerate(entries) if i + 1 == len(entries) or ids[i] != ids[i + 1]]
    kept_ids = [text(parsed, "id", "schema 1 history") for _, _, parsed in kept]
    for i, one in enumerate(kept_ids):
        if one in kept_ids[:i]:
            raise ManifestError(f'ID "{one}" appears multiple times in manifest')
        if i + 1 < len(kept):
            parent = text(kept[i][2], "parent", "schema 1 history")
            if parent != kept_ids[i + 1]:
                raise ManifestError(f'Invalid parent ID. Expected "{kept_ids[i + 1]}", got "{parent}"')
    return kept


def _b64(data: bytes) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(data: str) -> bytes:
    from base64 import urlsafe_b64decode

    return urlsafe_b64decode(data + "=" * (-len(data) % 4))


def unsigned_payload(raw: bytes) -> bytes:
    """The bytes of which the digest is: without the signature block."""
    doc = parse_object(raw, "schema 1 manifest")
    signatures = objects(doc, "signatures", "schema 1 manifest")
    if not signatures:
        return raw
    try:
        protected = parse_object(_unb64(text(signatures[0], "protected", "signature")), "signature")
        length = integer(protected, "formatLength", "signature")
        tail = _unb64(text(protected, "formatTail", "signature"))
    except ValueError:
        raise ManifestError("schema 1 manifest: the signature block is damaged") from None
    if not 0 < length <= len(raw):
        raise ManifestError("schema 1 manifest: the signature block is damaged")
    return raw[:length] + tail


def _signed(payload: bytes) -> bytes:
    """``payload`` (compact JSON) with a JWS "pretty" signature by a fresh key."""
    from base64 import b32encode
    from datetime import UTC, datetime
    from hashlib import sha256

    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    key = ec.generate_private_key(ec.SECP256R1())
    public = key.public_key()
    numbers = public.public_numbers()
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    digits = b32encode(sha256(der).digest()[:30]).decode()
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    protected = _b64(dump({"formatLength": len(payload) - 1, "formatTail": _b64(payload[-1:]), "time": now}))
    der_signature = key.sign(f"{protected}.{_b64(payload)}".encode(), ec.ECDSA(hashes.SHA256()))
    r, s = decode_dss_signature(der_signature)
    block = {
        "header": {
            "jwk": {
                "crv": "P-256",
                "kid": ":".join(digits[i : i + 4] for i in range(0, len(digits), 4)),
                "kty": "EC",
                "x": _b64(numbers.x.to_bytes(32, "big")),
                "y": _b64(numbers.y.to_bytes(32, "big")),
            },
            "alg": "ES256",
        },
        "signature": _b64(r.to_bytes(32, "big") + s.to_bytes(32, "big")),
        "protected": protected,
    }
    return payload[:-1] + b',"signatures":' + dumps_go([block]).encode() + payload[-1:]
