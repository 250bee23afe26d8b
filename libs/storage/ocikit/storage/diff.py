"""What a layer adds to its parent, as a tar: re-created bit for bit by tar-split, or generated (spec, sections 6.3 and 12)."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .archive.reader import Readable
    from .drivers.base import Driver


class DiffStream:
    """A readable stream of an uncompressed tar; ``close()`` it, or use it as a context manager.

    No lock is held while it is read. The directories are open, so what another process removes meanwhile shows as an error
    that names the missing file, never as wrong bytes.
    """

    __slots__ = ("_closing", "_stream")

    def __init__(self, stream: Readable, closing: list[object]) -> None:
        self._stream = stream
        self._closing = closing

    def read(self, n: int = -1, /) -> bytes:
        """Up to n bytes, ``b""`` at the end."""
        return self._stream.read(n)

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        closing, self._closing = self._closing, []
        for thing in closing:
            if isinstance(thing, int):
                os.close(thing)
            else:
                thing.close()  # type: ignore[attr-defined]

    def __enter__(self) -> DiffStream:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def from_split(driver: Driver, layer: str, split_path: str) -> DiffStream:
    """The layer's original tar. FileNotFoundError when it has no tar-split file."""
    from .archive import assemble, open_in

    closing: list[object] = []
    try:
        split = open(split_path, "rb")
        closing.append(split)
        directories: list[int] = []
        for path in driver.read_dirs(layer):
            directories.append(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
            closing.append(directories[-1])
        tar = assemble(split, open_in(*directories))
    except BaseException:
        DiffStream(None, closing).close()  # type: ignore[arg-type]
        raise
    return DiffStream(tar, [tar, *closing])
