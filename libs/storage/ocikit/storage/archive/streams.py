"""A readable stream over pieces that are made on demand: how every produced tar is handed out."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from .reader import Readable
    from .split import Writable

CHUNK = 1 << 18


class PieceStream:
    """Bytes from a generator: ``read``, iteration over the pieces, ``copy_to``, and a context manager that stops it."""

    __slots__ = ("_buffer", "_pieces", "_position")

    def __init__(self, pieces: Generator[bytes, None, None]) -> None:
        self._pieces = pieces
        self._buffer = b""
        self._position = 0

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def read(self, n: int = -1, /) -> bytes:
        """Up to n bytes, ``b""`` at the end; everything without n."""
        if n < 0:
            data = self._buffer[self._position :] + b"".join(self._pieces)
            self._buffer, self._position = b"", 0
            return data
        if self._position >= len(self._buffer):
            self._buffer, self._position = next(self._pieces, b""), 0
            if len(self._buffer) <= n:
                data, self._buffer = self._buffer, b""
                return data
        data = self._buffer[self._position : self._position + n]
        self._position += len(data)
        return data

    def readable(self) -> bool:
        """Always true; for callers that expect a file object."""
        return True

    def copy_to(self, file: Writable) -> int:
        """Writes the rest to a file object; its length."""
        total = 0
        while piece := self.read(CHUNK):
            file.write(piece)
            total += len(piece)
        return total

    def close(self) -> None:
        """Stops the generator, which closes its files."""
        self._pieces.close()

    def __enter__(self) -> PieceStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def gather(pieces: Iterable[bytes]) -> Generator[bytes, None, None]:
    """Joins small pieces: whoever hashes, compresses or writes them wants few and large ones."""
    parts: list[bytes] = []
    size = 0
    for piece in pieces:
        parts.append(piece)
        size += len(piece)
        if size >= CHUNK:
            yield piece if len(parts) == 1 else b"".join(parts)
            parts.clear()
            size = 0
    if parts:
        yield b"".join(parts)


def copy(source: Readable, file: Writable) -> int:
    """Copies a stream to a file object; its length."""
    total = 0
    while piece := source.read(CHUNK):
        file.write(piece)
        total += len(piece)
    return total
