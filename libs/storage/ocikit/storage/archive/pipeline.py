"""From a blob to files on disk with everything overlapped: read, hash, inflate, hash again, unpack, tar-split.

Three threads: one reads the blob, hashes it and inflates; one hashes the tar; the caller's parses and writes files. isal,
zstandard, hashlib and the kernel all work outside the interpreter's lock, so two processors are kept busy. The queues are
short: some 8 MiB are in flight.
"""

from __future__ import annotations

import hashlib
from queue import Empty, Full, Queue
from threading import Event, Thread

from .apply import apply_layer
from .compression import open_decompressed
from .options import ApplyOptions, UnpackResult
from .split import SplitWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from .reader import Readable
    from .split import Writable

CHUNK = 1 << 20
_DEPTH = 4


class Hashing:
    """Passes a stream through and hashes it."""

    __slots__ = ("_stream", "sha256", "size")

    def __init__(self, stream: Readable) -> None:
        self._stream = stream
        self.sha256 = hashlib.sha256()
        self.size = 0

    def read(self, n: int = -1, /) -> bytes:
        """As the stream's own."""
        data = self._stream.read(n)
        self.sha256.update(data)
        self.size += len(data)
        return data

    @property
    def digest(self) -> str:
        """``sha256:<hex>`` of what was read so far."""
        return "sha256:" + self.sha256.hexdigest()


class _Stopped(Exception):
    """The other side has gone."""


class _SourceFailed(Exception):
    """The blob could not be read or inflated; the cause tells why. Kept apart from what goes wrong with files."""


class _Pipe:
    """A bounded queue of pieces between two threads; failures travel in both directions."""

    __slots__ = ("_ended", "_gone", "_queue", "error")

    def __init__(self, gone: Event) -> None:
        self._queue: Queue[bytes] = Queue(_DEPTH)
        self._gone = gone
        self._ended = False
        self.error: BaseException | None = None

    def put(self, piece: bytes) -> None:
        while True:
            if self._gone.is_set():
                raise _Stopped
            try:
                return self._queue.put(piece, timeout=1)
            except Full:
                continue

    def read(self, n: int = -1, /) -> bytes:
        """The next piece, whatever n; ``b""`` at the end, however often it is asked."""
        if self._ended:
            return b""
        while True:
            try:
                piece = self._queue.get(timeout=1)
                break
            except Empty:
                if self._gone.is_set():
                    raise _Stopped from None
        if not piece:
            self._ended = True
            if self.error is not None:
                raise _SourceFailed from self.error
        return piece

    def drain(self) -> None:
        """Makes room so that a waiting writer wakes up at once."""
        try:
            while True:
                self._queue.get_nowait()
        except Empty:
            pass


def unpack_layer(
    stream: Readable,
    dest: int | str | bytes | os.PathLike[str],
    options: ApplyOptions | None = None,
    split_file: Writable | None = None,
) -> UnpackResult:
    """Unpacks a layer blob as it came (compressed or not) and returns all that its record needs.

    stream: ``read(n)``, read to its end by another thread, not closed. dest: as for apply_layer(). split_file: an open binary
    file that receives the gzipped tar-split; the caller syncs and closes it. Raises ArchiveError, or whatever the stream
    raises; what was unpacked until then is the caller's to remove.
    """
    blob = Hashing(stream)
    source, compression = open_decompressed(blob)
    gone = Event()
    pieces, to_hash = _Pipe(gone), _Pipe(gone)
    tar_hash = hashlib.sha256()
    plain = not compression  # then one hash serves for both

    def inflate() -> None:
        try:
            while piece := source.read(CHUNK):
                pieces.put(piece)
                if not plain:
                    to_hash.put(piece)
            while blob.read(CHUNK):
                pass
        except _Stopped:
            return
        except BaseException as error:
            pieces.error = error
        try:
            to_hash.put(b"")
            pieces.put(b"")
        except _Stopped:
            pass

    def digest() -> None:
        try:
            while piece := to_hash.read():
                tar_hash.update(piece)
        except _Stopped:
            pass

    threads = [Thread(target=inflate, name="inflate", daemon=True)]
    if not plain:
        threads.append(Thread(target=digest, name="digest", daemon=True))
    for thread in threads:
        thread.start()
    try:
        split = None if split_file is None else SplitWriter(split_file)
        result = apply_layer(pieces, dest, options, split)
        if split is not None:
            split.close()
    except BaseException as failure:
        gone.set()
        pieces.drain()
        to_hash.drain()
        if isinstance(failure, _SourceFailed) and failure.__cause__ is not None:
            raise failure.__cause__ from None
        raise
    finally:
        for thread in threads:
            thread.join()
    return UnpackResult(
        result.entries,
        result.size,
        result.uidset,
        result.gidset,
        result.warnings,
        compression=compression,
        compressed_digest=blob.digest,
        compressed_size=blob.size,
        diff_id=blob.digest if plain else "sha256:" + tar_hash.hexdigest(),
    )
