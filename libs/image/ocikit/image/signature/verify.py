"""Policy requirements that look at signatures (image.md 11.1): each returns why it refuses, or ""."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ocikit.common.errors import OcikitError
from ocikit.image.errors import SignatureRejected
from ocikit.image.registry.signatures import LAYER_TYPE, split

from .identity import matches
from .payload import Statement

if TYPE_CHECKING:
    from ocikit.image.transports.base import ImageReference


def _check_statement(
    statement: Statement, requirement: dict[str, Any], reference: ImageReference, manifest: bytes
) -> None:
    """Digest first, then identity: the order of the Go library."""
    from ocikit.image.manifest.guess import manifest_digest

    digest = manifest_digest(manifest)
    if statement.digest != digest:
        raise SignatureRejected(f"Signature for digest {statement.digest} does not match")
    if not matches(requirement["signedIdentity"], reference.docker_reference(), statement.reference):
        raise SignatureRejected(f'Signature for identity "{statement.reference}" is not accepted')


def _any_accepts(count: int, check: Callable[[int], None], nothing: str) -> str:
    reasons: list[str] = []
    for number in range(count):
        try:
            check(number)
        except OcikitError as exc:
            reasons.append(str(exc))
        else:
            return ""
    if not reasons:
        return nothing
    if len(reasons) == 1:
        return reasons[0]
    return "None of the signatures were accepted, reasons: " + "; ".join(reasons)


def signed_by(requirement: dict[str, Any], reference: ImageReference, manifest: bytes, signatures: list[bytes]) -> str:
    """One simple signature by one of the keys, for this digest and this name."""
    from . import simple

    if requirement["keyType"] != "GPGKeys":
        return f'Unimplemented "keyType" value "{requirement["keyType"]}"'
    blobs, others = split(signatures)
    keys = simple.key_bytes(requirement)
    with simple.keyring(keys) as (home, trusted):
        if not trusted:
            return "No public keys imported"

        def check(number: int) -> None:
            statement, _ = simple.verify_with_keys(blobs[number], home, trusted)
            _check_statement(statement, requirement, reference, manifest)

        nothing = "A signature was required, but no signature exists"
        if others:
            nothing += f" ({len(others)} signatures in other formats)"
        return _any_accepts(len(blobs), check, nothing)


def sigstore_signed(
    requirement: dict[str, Any], reference: ImageReference, manifest: bytes, signatures: list[bytes]
) -> str:
    """One sigstore signature by one of the keys. Fulcio, PKI and Rekor can't be checked here, so they refuse."""
    from . import sigstore, simple

    for name in requirement:
        if name in ("fulcio", "pki") or name.startswith("rekor"):
            return f'the policy demands "{name}", which this program cannot check: the image is refused'
    simple_count = 0
    blobs, all_sigstore = split(signatures)
    simple_count = len(blobs)
    usable = [s for s in all_sigstore if s.mime_type == LAYER_TYPE]
    keys = [sigstore.load_public(data) for data in simple.key_bytes(requirement)]

    def check(number: int) -> None:
        _check_statement(sigstore.verify(usable[number], keys), requirement, reference, manifest)

    nothing = "A signature was required, but no signature exists"
    unusable = len(all_sigstore) - len(usable)
    if simple_count or unusable:
        nothing += f" ({simple_count} non-sigstore signatures, {unusable} sigstore non-signature attachments)"
    return _any_accepts(len(usable), check, nothing)
