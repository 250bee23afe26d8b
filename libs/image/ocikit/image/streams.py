"""Byte streams that count, hash and verify what passes through them."""

from __future__ import annotations

import hashlib

from ocikit.image.errors import DigestMismatch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import TracebackType
    from typing import Self

    from ocikit.image.transports.base import ReadStream

CHUNK = 1 << 20
"""Bytes per read: large enough that hashing and compression leave the interpreter's lock most of the time."""


class HashingStream:
    """Counts and hashes; with ``expected`` it raises :class:`DigestMismatch` in place of the end of the stream."""

    def __init__(self, raw: ReadStream, expected: str = "", expected_size: int = -1) -> None:
        self._raw = raw
        self._expected = expected
        self._expected_size = expected_size
        self._hash = hashlib.new(expected.partition(":")[0] or "sha256")
        self._algorithm = expected.partition(":")[0] or "sha256"
        self.size = 0
        self.finished = False

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        data = self._raw.read(size)
        if data:
            self.size += len(data)
            if 0 <= self._expected_size < self.size:
                raise DigestMismatch(
                    f"Size mismatch when copying {self._expected}, expected {self._expected_size}, got more than that"
                )
            self._hash.update(data)
        elif size and not self.finished:
            self._check()
            self.finished = True
        return data

    def _check(self) -> None:
        if self._expected and self.digest != self._expected:
            raise DigestMismatch(f"Digest did not match, expected {self._expected}, got {self.digest}")
        if 0 <= self._expected_size != self.size:
            raise DigestMismatch(
                f"Size mismatch when copying {self._expected}, expected {self._expected_size}, got {self.size}"
            )

    @property
    def digest(self) -> str:
        return f"{self._algorithm}:{self._hash.hexdigest()}"

    def close(self) -> None:
        self._raw.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def read_limited(stream: ReadStream, limit: int) -> bytes:
    """All bytes, at most ``limit``; more is an error (manifests, configs and signatures are small)."""
    parts: list[bytes] = []
    total = 0
    while data := stream.read(min(CHUNK, limit + 1 - total)):
        total += len(data)
        if total > limit:
            raise DigestMismatch(f"exceeded maximum allowed size of {limit} bytes")
        parts.append(data)
    return b"".join(parts)
