"""Content digests: ``algorithm:hex`` texts, checked before they are used as anything (image spec, section 1).

On the way of every command, so nothing is imported here; hashing lives in :mod:`ocikit.image.streams`.
"""

from __future__ import annotations

from ocikit.common.errors import InvalidReference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import NewType

    Digest = NewType("Digest", str)
    """A text that went through :func:`parse_digest`; safe as a path component."""
else:
    Digest = str

LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
HEX = "0123456789abcdef"
SMALL = 1 << 18
"""Bytes up to which it isn't worth loading OpenSSL for a digest; manifests and configs have some thousand."""
_ALGORITHM = "abcdefghijklmnopqrstuvwxyz0123456789+._-"
_ENCODED = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789=_-"


def digest_problem(text: str) -> str:
    """Why ``text`` isn't a usable digest, or ``""``."""
    algorithm, colon, encoded = text.partition(":")
    if not colon or not encoded or algorithm.strip(_ALGORITHM) or encoded.strip(_ENCODED):
        return "invalid checksum digest format"
    if not algorithm or not algorithm[0].isalnum() or not algorithm[-1].isalnum():
        return "invalid checksum digest format"
    length = LENGTHS.get(algorithm)
    if length is None:
        return "unsupported digest algorithm"
    if len(encoded) != length:
        return "invalid checksum digest length"
    return "invalid checksum digest format" if encoded.strip(HEX) else ""


def is_digest(text: str) -> bool:
    return not digest_problem(text)


def parse_digest(text: str, what: str = "digest") -> Digest:
    """``text`` as a :class:`Digest`. ``what`` names the object in the error (:class:`InvalidReference`)."""
    problem = digest_problem(text)
    if problem:
        raise InvalidReference(f'invalid {what} "{text}": {problem}')
    return Digest(text)


def hex_of(digest: str) -> str:
    """The part after the colon of a valid digest; raises :class:`InvalidReference` when it isn't one."""
    return parse_digest(digest).partition(":")[2]


def is_hex64(text: str) -> bool:
    """Whether ``text`` has the form of a full image or layer id."""
    return len(text) == 64 and not text.strip(HEX)


def sha256(data: bytes) -> Digest:
    """The digest of bytes that are in memory already."""
    return Digest("sha256:" + (_small_sha256(data) if len(data) <= SMALL else _sha256(data)))


def _small_sha256(data: bytes) -> str:
    """By the interpreter's own code, half as fast as OpenSSL's, which takes 4 ms to load where nothing else needs it."""
    import sys

    if "_hashlib" not in sys.modules:
        try:
            module = __import__("_sha2" if sys.version_info >= (3, 12) else "_sha256")
        except ImportError:
            return _sha256(data)
        return str(module.sha256(data).hexdigest())
    return _sha256(data)


def _sha256(data: bytes) -> str:
    # _hashlib saves the import of hashlib's Python half (2 ms) where only this is needed.
    try:
        from _hashlib import openssl_sha256  # type: ignore[import-not-found, unused-ignore]
    except ImportError:
        from hashlib import sha256 as openssl_sha256
    return str(openssl_sha256(data).hexdigest())
