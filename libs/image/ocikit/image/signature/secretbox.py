"""NaCl's secretbox (XSalsa20-Poly1305), for sigstore's private key files: a few hundred bytes, so speed doesn't matter.

Source: Bernstein, "Extending the Salsa20 nonce" and "Cryptography in NaCl". ``cryptography`` has Poly1305 but no Salsa20.
"""

from __future__ import annotations

import hmac
import struct

from ocikit.common.errors import OcikitError

_SIGMA = struct.unpack("<4I", b"expand 32-byte k")
_MASK = 0xFFFFFFFF


class DecryptionFailed(OcikitError):
    """Wrong key, or damaged data."""


def _rounds(state: list[int]) -> list[int]:
    x = list(state)

    def quarter(a: int, b: int, c: int, d: int) -> None:
        for target, one, two, bits in ((b, a, d, 7), (c, b, a, 9), (d, c, b, 13), (a, d, c, 18)):
            total = (x[one] + x[two]) & _MASK
            x[target] ^= ((total << bits) | (total >> (32 - bits))) & _MASK

    for _ in range(10):
        quarter(0, 4, 8, 12)
        quarter(5, 9, 13, 1)
        quarter(10, 14, 2, 6)
        quarter(15, 3, 7, 11)
        quarter(0, 1, 2, 3)
        quarter(5, 6, 7, 4)
        quarter(10, 11, 8, 9)
        quarter(15, 12, 13, 14)
    return x


def _state(key: bytes, block: bytes) -> list[int]:
    k, n = struct.unpack("<8I", key), struct.unpack("<4I", block)
    return [_SIGMA[0], *k[:4], _SIGMA[1], *n, _SIGMA[2], *k[4:], _SIGMA[3]]


def _stream(key: bytes, nonce: bytes, length: int) -> bytes:
    """``length`` bytes of XSalsa20 for a 24-byte nonce."""
    mixed = _rounds(_state(key, nonce[:16]))
    subkey = struct.pack("<8I", *(mixed[i] for i in (0, 5, 10, 15, 6, 7, 8, 9)))
    out = b""
    for counter in range((length + 63) // 64):
        state = _state(subkey, nonce[16:] + struct.pack("<Q", counter))
        mixed = _rounds(state)
        out += struct.pack("<16I", *((a + b) & _MASK for a, b in zip(mixed, state, strict=True)))
    return out[:length]


def _authenticator(key: bytes, data: bytes) -> bytes:
    """Poly1305."""
    r = int.from_bytes(key[:16], "little") & 0x0FFFFFFC0FFFFFFC0FFFFFFC0FFFFFFF
    s = int.from_bytes(key[16:], "little")
    total = 0
    for at in range(0, len(data), 16):
        total = (total + int.from_bytes(data[at : at + 16] + b"\1", "little")) * r % ((1 << 130) - 5)
    return ((total + s) & ((1 << 128) - 1)).to_bytes(16, "little")


def seal_box(message: bytes, nonce: bytes, key: bytes) -> bytes:
    """Authenticator, then ciphertext. ``nonce`` has 24 bytes, ``key`` 32."""
    stream = _stream(key, nonce, 32 + len(message))
    cipher = bytes(a ^ b for a, b in zip(message, stream[32:], strict=True))
    return _authenticator(stream[:32], cipher) + cipher


def open_box(box: bytes, nonce: bytes, key: bytes) -> bytes:
    """The message; raises DecryptionFailed."""
    if len(box) < 16 or len(nonce) != 24 or len(key) != 32:
        raise DecryptionFailed("decryption failed")
    stream = _stream(key, nonce, 32 + len(box) - 16)
    if not hmac.compare_digest(_authenticator(stream[:32], box[16:]), box[:16]):
        raise DecryptionFailed("decryption failed")
    return bytes(a ^ b for a, b in zip(box[16:], stream[32:], strict=True))
