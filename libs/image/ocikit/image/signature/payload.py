"""The signed statement of both kinds of signatures: which manifest, under which name. Pure (image.md 11.3, 11.5)."""

from __future__ import annotations

import json
import time
from typing import Any

from ocikit.common.version import VERSION
from ocikit.image.digest import digest_problem
from ocikit.image.errors import SignatureRejected

from .strictjson import StrictError, check_keys, loads, string

SIMPLE = "atomic container signature"
SIGSTORE = "cosign container image signature"


class Statement:
    """What a signature says: ``digest`` of the manifest, ``reference`` (a Docker name), who made it and when."""

    __slots__ = ("creator", "digest", "reference", "timestamp")

    def __init__(self, digest: str, reference: str, creator: str = "", timestamp: int | None = None) -> None:
        self.digest = digest
        self.reference = reference
        self.creator = creator
        self.timestamp = timestamp


def build(statement: Statement, kind: str) -> bytes:
    """The JSON to sign, keys sorted."""
    creator = statement.creator or (f"atomic ocikit {VERSION}" if kind == SIMPLE else f"ocikit {VERSION}")
    doc = {
        "critical": {
            "identity": {"docker-reference": statement.reference},
            "image": {"docker-manifest-digest": statement.digest},
            "type": kind,
        },
        "optional": {
            "creator": creator,
            "timestamp": statement.timestamp if statement.timestamp is not None else int(time.time()),
        },
    }
    return json.dumps(doc, separators=(",", ":"), sort_keys=True, ensure_ascii=False).encode()


def parse(data: bytes, kind: str) -> Statement:
    """Read strictly: exactly the known keys in "critical"; "optional" may hold more. Raises SignatureRejected."""
    try:
        doc = check_keys(loads(data), ("critical", "optional"))
        critical = check_keys(doc["critical"], ("type", "image", "identity"))
        if string(critical, "type") != kind:
            raise StrictError(f'Unrecognized signature type "{critical["type"]}"')
        digest = string(check_keys(critical["image"], ("docker-manifest-digest",)), "docker-manifest-digest")
        problem = digest_problem(digest)
        if problem:
            raise StrictError(f"invalid docker-manifest-digest value {digest!r}: {problem}")
        reference = string(check_keys(critical["identity"], ("docker-reference",)), "docker-reference")
        creator, timestamp = _optional(doc["optional"], kind)
    except StrictError as exc:
        raise SignatureRejected(f"invalid signature payload: {exc}") from exc
    return Statement(digest, reference, creator, timestamp)


def _optional(doc: Any, kind: str) -> tuple[str, int | None]:
    if doc is None and kind == SIGSTORE:
        return "", None
    if not isinstance(doc, dict):
        raise StrictError("JSON object expected")
    creator = string(doc, "creator") if "creator" in doc else ""
    timestamp = doc.get("timestamp")
    if timestamp is not None and (isinstance(timestamp, bool) or timestamp != int(timestamp)):
        raise StrictError('Field "timestamp" is not an integer')
    return creator, None if timestamp is None else int(timestamp)
