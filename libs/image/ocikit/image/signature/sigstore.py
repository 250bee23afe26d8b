"""Sigstore signatures with plain keys: making key pairs, signing, checking (image.md 11.5, 11.6)."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from typing import Any

from ocikit.common.errors import OcikitError, Unsupported
from ocikit.image.errors import SignatureRejected
from ocikit.image.registry.signatures import SigstoreSignature

from .payload import SIGSTORE, Statement, build, parse
from .secretbox import DecryptionFailed, open_box, seal_box

ANNOTATION = "dev.cosignproject.cosign/signature"
_PEM_TYPES = ("ENCRYPTED COSIGN PRIVATE KEY", "ENCRYPTED SIGSTORE PRIVATE KEY")
_SCRYPT = {"N": 65536, "r": 8, "p": 1}


class KeyProblem(OcikitError):
    """A key file that can't be used."""


def _derive(passphrase: bytes, salt: bytes, params: dict[str, int]) -> bytes:
    n, r, p = int(params["N"]), int(params["r"]), int(params["p"])
    if n > 1 << 20 or r > 64 or p > 16:
        raise KeyProblem("the key file asks for more scrypt work than is reasonable")
    return hashlib.scrypt(passphrase, salt=salt, n=n, r=r, p=p, dklen=32, maxmem=256 * n * r)


def _pem(kind: str, data: bytes) -> bytes:
    text = base64.b64encode(data).decode("ascii")
    lines = "\n".join(text[i : i + 64] for i in range(0, len(text), 64))
    return f"-----BEGIN {kind}-----\n{lines}\n-----END {kind}-----\n".encode()


def generate(passphrase: bytes) -> tuple[bytes, bytes]:
    """(private key file, public key file) of a new P-256 pair, the private one encrypted with the passphrase."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    der = key.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    salt, nonce = os.urandom(32), os.urandom(24)
    box = seal_box(der, nonce, _derive(passphrase, salt, _SCRYPT))
    doc = {
        "kdf": {"name": "scrypt", "params": _SCRYPT, "salt": base64.b64encode(salt).decode()},
        "cipher": {"name": "nacl/secretbox", "nonce": base64.b64encode(nonce).decode()},
        "ciphertext": base64.b64encode(box).decode(),
    }
    private = _pem(_PEM_TYPES[1], json.dumps(doc, separators=(",", ":")).encode())
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, public


def load_private(data: bytes, passphrase: bytes) -> Any:
    """The private key out of an encrypted key file. Raises KeyProblem."""
    from cryptography.hazmat.primitives import serialization

    text = data.decode("ascii", "replace")
    kind = next((k for k in _PEM_TYPES if f"-----BEGIN {k}-----" in text), "")
    if not kind:
        raise KeyProblem("unsupported pem type: the private key is no encrypted sigstore key")
    body = text.partition(f"-----BEGIN {kind}-----")[2].partition(f"-----END {kind}-----")[0]
    try:
        doc = json.loads(base64.b64decode("".join(body.split()), validate=True))
        if doc["kdf"]["name"] != "scrypt" or doc["cipher"]["name"] != "nacl/secretbox":
            raise KeyProblem("the private key uses an unknown cipher or key derivation")
        key = _derive(passphrase, base64.b64decode(doc["kdf"]["salt"]), doc["kdf"]["params"])
        der = open_box(base64.b64decode(doc["ciphertext"]), base64.b64decode(doc["cipher"]["nonce"]), key)
        return serialization.load_der_private_key(der, None)
    except DecryptionFailed as exc:
        raise KeyProblem("decrypt: encrypted: decryption failed: the passphrase is wrong") from exc
    except (ValueError, KeyError, TypeError) as exc:
        raise KeyProblem(f"the private key file is damaged: {exc}") from exc


def _sign_bytes(key: Any, data: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(hashes.SHA256()))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(data)
    raise Unsupported("only ECDSA, RSA and Ed25519 keys can sign")


def _verify_bytes(key: Any, signature: bytes, data: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa

    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, data, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        elif isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(signature, data)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def sign(manifest_digest: str, reference: str, private_key: bytes, passphrase: bytes) -> bytes:
    """A signature in stored form."""
    data = build(Statement(manifest_digest, reference), SIGSTORE)
    signature = _sign_bytes(load_private(private_key, passphrase), data)
    return SigstoreSignature(data, {ANNOTATION: base64.b64encode(signature).decode("ascii")}).to_blob()


def load_public(data: bytes) -> Any:
    from cryptography.hazmat.primitives import serialization

    try:
        return serialization.load_pem_public_key(data)
    except ValueError as exc:
        raise SignatureRejected(f"parsing public key: {exc}") from exc


def verify(signature: SigstoreSignature, keys: list[Any]) -> Statement:
    """What the signature says if one of the public keys made it. Raises SignatureRejected."""
    encoded = signature.annotations.get(ANNOTATION)
    if encoded is None:
        raise SignatureRejected(f"missing {ANNOTATION} annotation")
    try:
        raw = base64.b64decode(encoded, validate=True)
    except ValueError as exc:
        raise SignatureRejected(f"the {ANNOTATION} annotation is not base64: {exc}") from exc
    if not any(_verify_bytes(key, raw, signature.payload) for key in keys):
        raise SignatureRejected("cryptographic signature verification failed: no trusted key made this signature")
    return parse(signature.payload, SIGSTORE)
