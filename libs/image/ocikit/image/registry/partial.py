"""Blobs that arrived in part, kept for the next run: an interrupted pull continues where it was.

What passes is also written to ``DIRECTORY/HEX``. A blob that arrived whole loses its file; after an error, a kill or a
power cut the file stays, and the next pull of that digest begins with it and asks the registry for the rest (Range).
The whole is hashed then: a file that was damaged is thrown away and the download is tried again from the start.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import stat
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from .errors import BadContent

if TYPE_CHECKING:
    from hashlib import _Hash

MIN_SIZE = 4 << 20
MAX_AGE_S = 7 * 86400.0


class Source(Protocol):
    """A stream from the registry."""

    def read(self, size: int = -1, /) -> bytes: ...
    def close(self) -> None: ...


# offset -> the blob from there
Open = Callable[[int], Source]


class DamagedPart(BadContent):
    """The kept part didn't fit the rest. It is gone: the same pull starts over."""

    @property
    def retryable(self) -> bool:
        return True


class PartialStream:
    """A blob whose first bytes may come from the kept file. Reads like any stream; ``close`` decides on the file."""

    def __init__(self, fd: int, path: str, digest: str, size: int, open_rest: Open) -> None:
        self._fd = fd
        self._path = path
        self._digest = digest
        self.size = size
        self.kept = min(os.fstat(fd).st_size, size)
        self._at = 0
        self._hash: _Hash | None = hashlib.sha256() if self.kept else None
        self._open_rest = open_rest
        self._rest: Source | None = None
        self._writing = True
        if not self.kept:
            # A request that fails must fail here, as it would without us.
            self._rest = open_rest(0)

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(1 << 20), b""))
        if self._at < self.kept:
            data = os.pread(self._fd, min(size, self.kept - self._at), self._at)
        else:
            if self._rest is None:
                if self._at >= self.size:
                    return self._end()
                self._rest = self._open_rest(self._at)
            data = self._rest.read(size)
            if data:
                self._keep(data)
        if not data:
            return self._end()
        self._at += len(data)
        if self._hash is not None:
            self._hash.update(data)
        return data

    def _keep(self, data: bytes) -> None:
        """Write beside; a full disk ends the keeping, not the pull."""
        if not self._writing:
            return
        try:
            done = 0
            while done < len(data):
                done += os.pwrite(self._fd, data[done:], self._at + done)
        except OSError:
            self._writing = False
            os.ftruncate(self._fd, self._at)

    def _end(self) -> bytes:
        if self._hash is not None and f"sha256:{self._hash.hexdigest()}" != self._digest:
            self._drop()
            raise DamagedPart(f"the part of blob {self._digest} that an earlier pull left was damaged; it was removed")
        return b""

    def _drop(self) -> None:
        try:
            os.unlink(self._path)
        except OSError:
            pass

    def close(self) -> None:
        if self._fd < 0:
            return
        if self._rest is not None:
            self._rest.close()
        if self._at >= self.size or not self._writing:
            # Whole, right or wrong: what follows has verified it.
            self._drop()
        os.close(self._fd)
        self._fd = -1


def open_partial(directory: str, digest: str, size: int, open_rest: Open) -> PartialStream | None:
    """The blob with keeping; None when it can't be kept (too small, another process is at it, no such directory)."""
    algorithm, _, encoded = digest.partition(":")
    if size < MIN_SIZE or algorithm != "sha256" or not encoded.isalnum():
        return None
    if not _ready(directory):
        return None
    path = os.path.join(directory, encoded)
    try:
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # The file that we locked may have been removed by its last user meanwhile.
        if os.fstat(fd).st_nlink == 0:
            raise OSError
    except OSError:
        os.close(fd)
        return None
    try:
        return PartialStream(fd, path, digest, size, open_rest)
    except BaseException:
        if not os.fstat(fd).st_size:
            os.unlink(path)
        os.close(fd)
        raise


def _ready(directory: str) -> bool:
    """Whether the directory is ours alone; made if it isn't there, cleared of what nobody came back for."""
    try:
        os.makedirs(directory, mode=0o700, exist_ok=True)
        info = os.lstat(directory)
        if not stat.S_ISDIR(info.st_mode) or info.st_uid != os.geteuid() or info.st_mode & 0o022:
            return False
        for entry in os.scandir(directory):
            if entry.stat(follow_symlinks=False).st_mtime < time.time() - MAX_AGE_S:
                os.unlink(entry.path)
    except OSError:
        return False
    return True
