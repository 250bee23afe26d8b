"""Encrypted layers (ocicrypt): AES-256-CTR with HMAC, the key wrapped as JWE for RSA and EC keys (image spec, section 10)."""

from __future__ import annotations

import hmac
import json
import os
from base64 import b64decode, b64encode, urlsafe_b64decode, urlsafe_b64encode

from ocikit.common.errors import Unsupported, UsageError
from ocikit.image.errors import CopyError, DigestMismatch
from ocikit.image.manifest.mediatypes import ENCRYPTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ocikit.image.transports.base import Descriptor

KEYS_PREFIX = "org.opencontainers.image.enc.keys."
PUBOPTS = "org.opencontainers.image.enc.pubopts"
CIPHER = "AES_256_CTR_HMAC_SHA256"
_SCHEMES = {
    "pkcs7": "PKCS #7 certificates",
    "pgp": "OpenPGP recipients",
    "pkcs11": "PKCS #11 tokens",
    "provider": "key providers",
}


def _b64(data: bytes) -> str:
    return urlsafe_b64encode(data).rstrip(b"=").decode()


def _unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise CopyError(f"Invalid {what} keys: open {path}: {(error.strerror or '').lower()}") from None


class Encryptor:
    """Encrypts chosen layers for all recipients. ``keys`` are as on ``--encryption-key``; no ``layers`` means all."""

    def __init__(self, keys: Sequence[str], layers: Sequence[int] = ()) -> None:
        self._recipients: list[Any] = []
        self._layers = tuple(layers)
        for key in keys:
            protocol, _, value = key.partition(":")
            if protocol in _SCHEMES:
                raise Unsupported(
                    f"encrypting for {_SCHEMES[protocol]} is not supported in this build",
                    hint="use jwe:PUBLIC-KEY.pem with an RSA or EC key",
                )
            if protocol != "jwe":
                raise UsageError("Invalid encryption keys: Provided protocol not recognized")
            self._recipients.append(_public_key(_read(value, "encryption")))

    def wants(self, index: int, count: int) -> bool:
        for wanted in self._layers:
            if not -count <= wanted < count:
                raise CopyError(
                    f"when choosing layers to encrypt, layer index {wanted} out of range ({count} layers exist)"
                )
        return not self._layers or index in self._layers or index - count in self._layers

    def encrypt(self, stream: Any, digest: str) -> tuple[Any, Callable[[], dict[str, str]]]:
        """(the encrypted stream, a function that gives the annotations once that was read to its end)."""
        key, nonce = os.urandom(32), os.urandom(16)
        crypt = _CipherStream(stream, key, nonce, encrypt=True)

        def finish() -> dict[str, str]:
            private = {
                "symkey": b64encode(key).decode(),
                "digest": digest,
                "cipheroptions": {"nonce": b64encode(nonce).decode()},
            }
            public = {"cipher": CIPHER, "hmac": b64encode(crypt.mac.digest()).decode(), "cipheroptions": {}}
            wrapped = wrap_key(json.dumps(private, separators=(",", ":")).encode(), self._recipients)
            return {
                KEYS_PREFIX + "jwe": b64encode(wrapped).decode(),
                PUBOPTS: b64encode(json.dumps(public, separators=(",", ":")).encode()).decode(),
            }

        return crypt, finish


class Decryptor:
    """Decrypts layers with any of the given keys, ``FILE[:PASSPHRASE]`` as on ``--decryption-key``."""

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = [_private_key(key) for key in keys]

    def decrypt(self, stream: Any, descriptor: Descriptor) -> tuple[Any, str, dict[str, str]]:
        """(the plain stream, media type, annotations without those of encryption)."""
        key, nonce = self._unwrap(descriptor)
        try:
            options = json.loads(b64decode(descriptor.annotations[PUBOPTS]))
            expected = b64decode(options["hmac"])
            cipher = options["cipher"]
        except (KeyError, ValueError, TypeError):
            raise CopyError(f"decrypting layer {descriptor.digest}: its encryption options cannot be read") from None
        if cipher != CIPHER:
            raise Unsupported(f"decrypting layer {descriptor.digest}: the cipher {cipher} is not supported")
        plain = _CipherStream(stream, key, nonce, encrypt=False, expected=expected)
        annotations = {
            k: v for k, v in descriptor.annotations.items() if k != PUBOPTS and not k.startswith(KEYS_PREFIX)
        }
        return plain, descriptor.media_type.removesuffix(ENCRYPTED), annotations

    def _unwrap(self, descriptor: Descriptor) -> tuple[bytes, bytes]:
        wrapped = descriptor.annotations.get(KEYS_PREFIX + "jwe", "")
        for blob in filter(None, wrapped.split(",")):
            for key in self._keys:
                try:
                    opened = json.loads(unwrap_key(b64decode(blob), key))
                    return b64decode(opened["symkey"]), b64decode(opened["cipheroptions"]["nonce"])
                except (ValueError, KeyError, TypeError):
                    continue
        raise CopyError(
            f"decrypting layer {descriptor.digest}: no suitable key unwrapper found or none of the private keys "
            "could be used for decryption:\nno suitable key found for decrypting layer key:\n"
            "- JWE: No suitable private key found for decryption\n\n"
        )


class _CipherStream:
    """AES-256-CTR on the way through. The HMAC is over the encrypted bytes and checked where the stream ends."""

    def __init__(self, stream: Any, key: bytes, nonce: bytes, *, encrypt: bool, expected: bytes = b"") -> None:
        from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

        if len(key) != 32 or len(nonce) != 16:
            raise CopyError("the layer's key or nonce has the wrong length")
        cipher = Cipher(algorithms.AES(key), modes.CTR(nonce))
        self._stream = stream
        self._crypt = cipher.encryptor() if encrypt else cipher.decryptor()
        self._encrypt = encrypt
        self._expected = expected
        self.mac = hmac.new(key, digestmod="sha256")

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._stream.read(size)
        if not data:
            if size and not self._encrypt and not hmac.compare_digest(self.mac.digest(), self._expected):
                raise DigestMismatch("could not properly decrypt byte stream; exp hmac does not match")
            return b""
        out = self._crypt.update(data)
        self.mac.update(out if self._encrypt else data)
        return out

    def close(self) -> None:
        self._stream.close()


# ---- keys --------------------------------------------------------------------------------------------------------


def _public_key(data: bytes) -> Any:
    from cryptography import x509
    from cryptography.hazmat.primitives import serialization

    for load in (serialization.load_pem_public_key, serialization.load_der_public_key):
        try:
            return load(data)
        except ValueError:
            continue
    try:
        return x509.load_pem_x509_certificate(data).public_key()
    except ValueError:
        raise CopyError("Invalid encryption keys: not a public key in PEM or DER form") from None


def _private_key(text: str) -> Any:
    from cryptography.hazmat.primitives import serialization

    path, _, secret = text.partition(":")
    if path == "provider":
        raise Unsupported("decrypting with key providers is not supported in this build", hint="use a private key file")
    data = _read(path, "decryption")
    password = _passphrase(secret)
    for load in (serialization.load_pem_private_key, serialization.load_der_private_key):
        try:
            return load(data, password)
        except (ValueError, TypeError):
            continue
    raise CopyError(f"Invalid decryption keys: {path} is no private key, or its passphrase is wrong")


def _passphrase(secret: str) -> bytes | None:
    kind, equals, value = secret.partition("=")
    if not secret:
        return None
    if equals and kind == "file":
        return _read(value, "decryption").rstrip(b"\r\n")
    if equals and kind == "fd":
        with os.fdopen(int(value), "rb") as file:
            return file.read().rstrip(b"\r\n")
    return (value if equals and kind == "pass" else secret).encode()


# ---- JWE -----------------------------------------------------------------------------------------------------------


def wrap_key(data: bytes, recipients: Sequence[Any]) -> bytes:
    """A JWE in JSON form: content encrypted once with A256GCM, its key for each recipient."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    content_key, iv = os.urandom(32), os.urandom(12)
    wrapped = [_wrap_for(key, content_key) for key in recipients]
    protected: dict[str, Any] = {"enc": "A256GCM"}
    if len(wrapped) == 1:
        protected = wrapped[0][0] | protected
    head = _b64(json.dumps(protected, separators=(",", ":")).encode())
    sealed = AESGCM(content_key).encrypt(iv, data, head.encode())
    doc: dict[str, Any] = {"protected": head}
    if len(wrapped) == 1:
        doc["encrypted_key"] = _b64(wrapped[0][1])
    else:
        doc["recipients"] = [{"header": header, "encrypted_key": _b64(key)} for header, key in wrapped]
    doc |= {"iv": _b64(iv), "ciphertext": _b64(sealed[:-16]), "tag": _b64(sealed[-16:])}
    return json.dumps(doc, separators=(",", ":")).encode()


def unwrap_key(blob: bytes, private: Any) -> bytes:
    """The content of a JWE. Raises :class:`ValueError` if the key doesn't open it."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    doc = json.loads(blob)
    protected = json.loads(_unb64(doc["protected"]))
    for recipient in doc.get("recipients") or [doc]:
        header = protected | (recipient.get("header") or {})
        try:
            content_key = _unwrap_for(private, header, _unb64(recipient.get("encrypted_key", "")))
            sealed = _unb64(doc["ciphertext"]) + _unb64(doc["tag"])
            return AESGCM(content_key).decrypt(_unb64(doc["iv"]), sealed, doc["protected"].encode())
        except (ValueError, TypeError, KeyError, InvalidTag):
            continue
    raise ValueError("no recipient fits")


def _oaep() -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    # SHA-1 is what RFC 7518 defines for "RSA-OAEP", and its strength doesn't matter in this place.
    return padding.OAEP(padding.MGF1(hashes.SHA1()), hashes.SHA1(), None)  # noqa: S303


_CURVES = {"secp256r1": ("P-256", 32), "secp384r1": ("P-384", 48), "secp521r1": ("P-521", 66)}


def _concat_kdf(shared: bytes, algorithm: str) -> bytes:
    """RFC 7518, 4.6.2, for a 256-bit key-wrapping key."""
    import hashlib

    info = len(algorithm).to_bytes(4, "big") + algorithm.encode() + bytes(8) + (256).to_bytes(4, "big")
    return hashlib.sha256((1).to_bytes(4, "big") + shared + info).digest()


def _wrap_for(key: Any, content_key: bytes) -> tuple[dict[str, Any], bytes]:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.keywrap import aes_key_wrap

    if isinstance(key, rsa.RSAPublicKey):
        return {"alg": "RSA-OAEP"}, key.encrypt(content_key, _oaep())
    if isinstance(key, ec.EllipticCurvePublicKey) and key.curve.name in _CURVES:
        name, width = _CURVES[key.curve.name]
        mine = ec.generate_private_key(key.curve)
        numbers = mine.public_key().public_numbers()
        public = {
            "kty": "EC",
            "crv": name,
            "x": _b64(numbers.x.to_bytes(width, "big")),
            "y": _b64(numbers.y.to_bytes(width, "big")),
        }
        kek = _concat_kdf(mine.exchange(ec.ECDH(), key), "ECDH-ES+A256KW")
        return {"alg": "ECDH-ES+A256KW", "epk": public}, aes_key_wrap(kek, content_key)
    raise CopyError("Invalid encryption keys: only RSA and EC public keys can be used")


def _unwrap_for(private: Any, header: dict[str, Any], wrapped: bytes) -> bytes:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.keywrap import InvalidUnwrap, aes_key_unwrap

    if isinstance(private, rsa.RSAPrivateKey) and header["alg"] == "RSA-OAEP":
        return private.decrypt(wrapped, _oaep())
    if isinstance(private, ec.EllipticCurvePrivateKey) and header["alg"] == "ECDH-ES+A256KW":
        epk = header["epk"]
        numbers = ec.EllipticCurvePublicNumbers(
            int.from_bytes(_unb64(epk["x"]), "big"), int.from_bytes(_unb64(epk["y"]), "big"), private.curve
        )
        kek = _concat_kdf(private.exchange(ec.ECDH(), numbers.public_key()), header["alg"])
        try:
            return aes_key_unwrap(kek, wrapped)
        except InvalidUnwrap:
            raise ValueError("the key doesn't fit") from None
    raise ValueError("another kind of key")
