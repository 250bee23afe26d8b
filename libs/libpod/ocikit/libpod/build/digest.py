"""The digest of what a COPY or ADD brings: sha256 of the tar stream that buildah would hash. Part of the cache key.

The stream is what Go's archive/tar writes for these headers: mtime 0, no names of user and group, device numbers as octal
zeros, PAX records only when a field does not fit ustar. Source: the specification of builds, "Content digest".
"""

from __future__ import annotations

import hashlib
import os
import stat

from ocikit.libpod.build.copying import Attributes, chunks
from ocikit.libpod.build.sources import Entry
from ocikit.storage.archive import fields
from ocikit.storage.archive.writer import TarHeader, padding

_TYPES = {
    stat.S_IFREG: fields.REGULAR,
    stat.S_IFLNK: fields.SYMLINK,
    stat.S_IFCHR: fields.CHARDEV,
    stat.S_IFBLK: fields.BLOCKDEV,
    stat.S_IFDIR: fields.DIRECTORY,
    stat.S_IFIFO: fields.FIFO,
}


class ContentDigest:
    """Collects the digests of one instruction's items; ``text`` is what the history shows."""

    def __init__(self) -> None:
        self.items: list[str] = []

    def add(self, kind: str, digest: str) -> None:
        """``kind`` is "file", "dir", or "" for the content of a URL."""
        self.items.append(f"{kind}:{digest}" if kind else digest)

    @property
    def text(self) -> str:
        if len(self.items) == 1:
            return self.items[0]
        return "multi:" + hashlib.sha256(",".join(self.items).encode()).hexdigest()


class TarHash:
    """The digest of one item: ``add`` entry by entry, with the bytes of regular files passing through ``update``."""

    def __init__(self, attributes: Attributes) -> None:
        self.attributes = attributes
        self._hash = hashlib.sha256()
        self._size = 0

    def begin(self, entry: Entry, name: str) -> None:
        kind = stat.S_IFMT(entry.status.st_mode)
        link = os.fsencode(os.readlink(entry.path)) if kind == stat.S_IFLNK else b""
        size = entry.status.st_size if kind == stat.S_IFREG else 0
        uid, gid = self.attributes.owner_of(entry.status)
        device = entry.status.st_rdev if kind in (stat.S_IFCHR, stat.S_IFBLK) else 0
        raw = os.fsencode(name) + (b"/" if kind == stat.S_IFDIR else b"")
        mode = self.attributes.mode_of(entry.status) & 0o7777
        if kind == stat.S_IFLNK:
            mode = 0o777
        header = TarHeader(raw, _TYPES[kind], mode, uid, gid, size, linkname=link, xattrs=_xattrs(entry.path))
        header.devmajor, header.devminor = os.major(device), os.minor(device)
        self._hash.update(header.encode())
        self._size = size

    def update(self, data: bytes) -> None:
        self._hash.update(data)

    def end(self) -> None:
        self._hash.update(padding(self._size))

    def add(self, entry: Entry, name: str) -> None:
        """The whole entry, when nobody else reads its bytes."""
        self.begin(entry, name)
        if stat.S_ISREG(entry.status.st_mode):
            fd = os.open(entry.path, os.O_RDONLY | os.O_CLOEXEC)
            try:
                for chunk in chunks(fd, entry.status.st_size, entry.path):
                    self._hash.update(chunk)
            finally:
                os.close(fd)
        self.end()

    def add_bytes(self, name: str, data: bytes, mode: int) -> None:
        """A file that is only in memory (a heredoc, a download)."""
        uid, gid = self.attributes.owner or (0, 0)
        self._hash.update(TarHeader(os.fsencode(name), mode=mode, uid=uid, gid=gid, size=len(data)).encode())
        self._hash.update(data + padding(len(data)))

    def hexdigest(self) -> str:
        final = self._hash.copy()
        final.update(bytes(1024))
        return final.hexdigest()


def _xattrs(path: str) -> dict[bytes, bytes]:
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError:
        return {}
    return {
        os.fsencode(name): os.getxattr(path, name, follow_symlinks=False)
        for name in names
        if name.startswith("user.") and not name.startswith("user.overlay.")
    }


def add_archive(tar: TarHash, path: str) -> None:
    """An archive that ADD unpacks counts by its entries, decompressed, with their own owners and without times."""
    from ocikit.storage.archive import TarReader, open_decompressed

    with open(path, "rb") as file:
        stream, _ = open_decompressed(file)
        reader = TarReader(stream)
        while reader.next():
            header = TarHeader(
                reader.name,
                reader.type,
                reader.mode & 0o7777,
                reader.uid,
                reader.gid,
                reader.size,
                linkname=reader.linkname,
            )
            header.devmajor, header.devminor = reader.devmajor, reader.devminor
            tar.update(header.encode())
            while chunk := reader.take():
                tar.update(bytes(chunk))
            tar.update(padding(reader.size))
