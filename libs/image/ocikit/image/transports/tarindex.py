"""Reading members of a tar file in place: an index of offsets, nothing is unpacked, so no path in it can lead
anywhere.
"""

from __future__ import annotations

import os
import tarfile

from ocikit.image.errors import ImageError
from ocikit.image.streams import CHUNK
from ocikit.image.transports.files import go_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import IO


class RangeStream:
    """Bytes ``start`` to ``start + length`` of a file, by pread(2): several may be read at once from one descriptor."""

    def __init__(self, fd: int, start: int, length: int) -> None:
        self._fd = os.dup(fd)
        self._at = start
        self._end = start + length

    def read(self, size: int = -1, /) -> bytes:
        if size < 0:
            return b"".join(iter(lambda: self.read(CHUNK), b""))
        size = min(size, self._end - self._at)
        if size <= 0:
            return b""
        data = os.pread(self._fd, size, self._at)
        if not data:
            raise ImageError("the archive ends too early: unexpected EOF")
        self._at += len(data)
        return data

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class TarIndex:
    """The members of a tar file by name. A compressed one is inflated into an unnamed temporary file first."""

    def __init__(self, path: str, tmpdir: str) -> None:
        try:
            self._file: IO[bytes] = open(path, "rb")
        except OSError as error:
            raise ImageError(go_error(error)) from None
        try:
            self._inflate_if_needed(tmpdir)
            self._members = self._scan(path)
        except BaseException:
            self._file.close()
            raise

    def _inflate_if_needed(self, tmpdir: str) -> None:
        from ocikit.image.compression import detect, open_decompressed

        seekable = self._file.seekable()
        if seekable and not detect(self._file.peek(8)[:8]):  # type: ignore[attr-defined]
            return
        import tempfile

        reader, _ = open_decompressed(self._file)
        spool = tempfile.TemporaryFile(prefix="container_images_", dir=tmpdir)
        try:
            while data := reader.read(CHUNK):
                spool.write(data)
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
        self._file.close()
        self._file = spool

    def _scan(self, path: str) -> dict[str, tarfile.TarInfo]:
        try:
            with tarfile.open(fileobj=self._file, mode="r:") as tar:
                return {os.path.normpath(member.name): member for member in tar}
        except (tarfile.TarError, EOFError) as error:
            raise ImageError(f"{path} is not a tar archive: {error}") from None

    def names(self) -> list[str]:
        return list(self._members)

    def _member(self, name: str) -> tarfile.TarInfo | None:
        """The regular file of that name; one level of symlink is followed, as writers of shared layers need it."""
        member = self._members.get(os.path.normpath(name))
        if member is not None and (member.issym() or member.islnk()):
            base = os.path.dirname(member.name) if member.issym() else ""
            member = self._members.get(os.path.normpath(os.path.join(base, member.linkname)))
        return member if member is not None and member.isreg() else None

    def __contains__(self, name: str) -> bool:
        return self._member(name) is not None

    def open(self, name: str, offset: int = 0) -> tuple[RangeStream, int]:
        """(stream, size of the member). Raises :class:`ImageError` if there's no such file."""
        member = self._member(name)
        if member is None:
            raise ImageError(f"file {name} not found in the archive")
        return RangeStream(self._file.fileno(), member.offset_data + offset, member.size - offset), member.size

    def read(self, name: str, limit: int) -> bytes:
        stream, size = self.open(name)
        try:
            if size > limit:
                raise ImageError(f"{name}: exceeded maximum allowed size of {limit} bytes")
            return stream.read()
        finally:
            stream.close()

    def close(self) -> None:
        self._file.close()
