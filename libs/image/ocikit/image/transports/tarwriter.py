"""Writing tar archives of images: members of a size that is known only afterwards, and a file that appears when
complete.
"""

from __future__ import annotations

import os
import stat
import tarfile

from ocikit.image.errors import ImageError
from ocikit.image.streams import CHUNK
from ocikit.image.transports.files import go_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.transports.base import BlobStream, ReadStream

_USTAR_MAX = 8 << 30


class ArchiveWriter:
    """A tar under construction in a temporary file beside ``path``; :meth:`commit` gives it its name.

    ``path`` may be a pipe or a device: then the finished archive is copied into it.
    """

    def __init__(self, path: str, tmpdir: str) -> None:
        self.path = path
        try:
            special = not stat.S_ISREG(os.stat(path).st_mode)
        except FileNotFoundError:
            special = False
        if os.path.isdir(path):
            raise ImageError(f'"{path}" is a directory', hint="name a file for the archive")
        self._copy_out = special
        folder = tmpdir if special else os.path.dirname(path) or "."
        self._temp = os.path.join(folder, ".container_images_" + os.urandom(6).hex())
        try:
            self._fd = os.open(self._temp, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            error.filename = path
            raise ImageError(go_error(error)) from None
        self._at = 0

    def _header(self, info: tarfile.TarInfo) -> bytes:
        # GNU's base-256 sizes where ustar's octal digits end; every reader of images knows them.
        return info.tobuf(tarfile.USTAR_FORMAT if info.size < _USTAR_MAX else tarfile.GNU_FORMAT, "utf-8", "strict")

    @staticmethod
    def info(name: str, mode: int = 0o444) -> tarfile.TarInfo:
        """Owner 0/0, time 0: archives of the same image are the same bytes."""
        info = tarfile.TarInfo(name)
        info.mode = mode
        return info

    def add_bytes(self, info: tarfile.TarInfo, data: bytes = b"") -> None:
        info.size = len(data)
        self._write(self._header(info) + data + b"\0" * (-len(data) % 512))

    def begin(self) -> None:
        """Leaves room for a header; :meth:`finish` fills it."""
        self._start = self._at
        self._write(b"\0" * 512)

    def copy(self, stream: ReadStream | BlobStream) -> int:
        """Appends the stream's bytes; returns how many."""
        start = self._at
        while data := stream.read(CHUNK):
            self._write(data)
        return self._at - start

    def finish(self, info: tarfile.TarInfo) -> None:
        """Ends the member that :meth:`begin` began; its size is what was copied since."""
        info.size = self._at - self._start - 512
        self._write(b"\0" * (-info.size % 512))
        os.pwrite(self._fd, self._header(info), self._start)

    def abandon(self) -> None:
        """Takes the member that :meth:`begin` began out again."""
        os.ftruncate(self._fd, self._start)
        os.lseek(self._fd, self._start, os.SEEK_SET)
        self._at = self._start

    def _write(self, data: bytes) -> None:
        done = os.write(self._fd, data)
        while done < len(data):
            done += os.write(self._fd, data[done:])
        self._at += len(data)

    def commit(self) -> None:
        self._write(b"\0" * 1024)
        if self._copy_out:
            os.lseek(self._fd, 0, os.SEEK_SET)
            out = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                while data := os.read(self._fd, CHUNK):
                    while data:
                        data = data[os.write(out, data) :]
            finally:
                os.close(out)
            self.close()
            return
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(self._fd, 0o666 & ~umask)
        os.fsync(self._fd)
        os.rename(self._temp, self.path)
        self._temp = ""
        self.close()

    def close(self) -> None:
        """Without :meth:`commit` before, nothing remains."""
        if self._temp:
            try:
                os.unlink(self._temp)
            except OSError:
                pass
            self._temp = ""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
