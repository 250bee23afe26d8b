"""What the transports that write files share: blobs that appear only when whole, and paths as policy scopes."""

from __future__ import annotations

import os

from ocikit.image.errors import ImageError
from ocikit.image.streams import CHUNK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.transports.base import BlobStream, ReadStream


class FileStream:
    """A file descriptor as a :class:`ReadStream`; bounded to ``length`` bytes if given."""

    def __init__(self, fd: int, length: int = -1) -> None:
        self._fd = fd
        self._left = length
        # Large files are read once, front to back: let the kernel read further ahead.
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_SEQUENTIAL)

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        if self._left >= 0:
            size = min(size, self._left)
        data = os.read(self._fd, size) if size else b""
        if self._left > 0:
            self._left -= len(data)
        return data

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def go_error(error: OSError, verb: str = "open") -> str:
    """An OSError as Go prints it: ``open PATH: no such file or directory``."""
    text = (error.strerror or str(error)).lower()
    return f"{verb} {os.fspath(error.filename)}: {text}" if error.filename else text


def open_file(path: str) -> tuple[FileStream, int]:
    """(stream, size) of a regular file. Raises :class:`ImageError` in the words of Go."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise ImageError(go_error(error)) from None
    return FileStream(fd), os.fstat(fd).st_size


def read_file(path: str, limit: int) -> bytes:
    """At most ``limit`` bytes of a file; more is an error."""
    stream, size = open_file(path)
    try:
        if size > limit:
            raise ImageError(f"{path}: exceeded maximum allowed size of {limit} bytes")
        return stream.read()
    finally:
        stream.close()


class PendingFile:
    """A temporary file next to its final place. ``publish`` gives it its name; closing before that removes it."""

    def __init__(self, directory: str, prefix: str) -> None:
        self.path = os.path.join(directory, prefix + os.urandom(6).hex())
        self.fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)

    def write_all(self, stream: ReadStream | BlobStream) -> int:
        """Copies the stream to its end; returns the bytes written."""
        total = 0
        read, write, fd = stream.read, os.write, self.fd
        while data := read(CHUNK):
            total += len(data)
            done = write(fd, data)
            while done < len(data):
                done += write(fd, data[done:])
        return total

    def publish(self, path: str, mode: int = 0o644) -> None:
        """fsync, chmod, rename."""
        os.fchmod(self.fd, mode)
        os.fsync(self.fd)
        os.rename(self.path, path)
        self._close()

    def _close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1
            self.path = ""

    def discard(self) -> None:
        """Removes the file unless it was published. May be called at any time."""
        if self.path:
            try:
                os.unlink(self.path)
            except OSError:
                pass
        self._close()

    def __enter__(self) -> PendingFile:
        return self

    def __exit__(self, *_: object) -> None:
        self.discard()


def write_small(path: str, data: bytes, mode: int = 0o644) -> None:
    """Replaces a file in one step."""
    with PendingFile(os.path.dirname(path) or ".", ".tmp-") as pending:
        os.write(pending.fd, data)
        pending.publish(path, mode)


def resolved(path: str) -> str:
    """The absolute path without symlinks; its last parts may be missing. What policy.json calls path-based images."""
    return os.path.realpath(path)


def parent_scopes(path: str) -> list[str]:
    """Every parent directory of a resolved path, nearest first, without ``/``."""
    scopes = []
    while (path := os.path.dirname(path)) not in ("/", ""):
        scopes.append(path)
    return scopes


def path_scope_problem(scope: str, transport: str) -> str:
    """Why ``scope`` isn't an absolute clean path, or ""."""
    if not scope.startswith("/"):
        return f"Invalid scope {scope}: Must be an absolute path"
    if scope == "/":
        return f'Invalid scope {scope}: Use the generic default scope ""'
    if os.path.normpath(scope) != scope:
        return f"Invalid scope {scope}: Uses non-canonical format, perhaps try {os.path.normpath(scope)}"
    return ""
