"""``dir:PATH``: one image (or list) as loose files, not meant to be a format of exchange (image spec, section 4.2)."""

from __future__ import annotations

import os

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import hex_of, is_hex64
from ocikit.image.errors import ImageError
from ocikit.image.manifest.guess import MAX_BYTES, guess
from ocikit.image.transports.base import (
    COMPRESS,
    DECOMPRESS,
    PRESERVE,
    BlobStream,
    Descriptor,
    ImageDestination,
    ImageReference,
    ImageSource,
    ReuseOptions,
    Transport,
)
from ocikit.image.transports.files import (
    FileStream,
    PendingFile,
    open_file,
    parent_scopes,
    path_scope_problem,
    read_file,
    resolved,
    write_small,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.image.context import SystemContext
    from ocikit.image.transports.base import BlobInfoCache

VERSION = b"Directory Transport Version: 1.1\n"


class DirTransport(Transport):
    name = "dir"

    def parse(self, text: str) -> DirReference:
        if not text:
            raise InvalidReference('dir: needs a path: "dir:PATH"')
        return DirReference(text)

    def check_policy_scope(self, scope: str) -> str:
        return path_scope_problem(scope, self.name)


TRANSPORT = DirTransport()


class DirReference(ImageReference):
    transport = TRANSPORT

    def __init__(self, path: str) -> None:
        self.path = path

    def string_within_transport(self) -> str:
        return self.path

    def policy_identity(self) -> str:
        return resolved(self.path)

    def policy_namespaces(self) -> list[str]:
        return parent_scopes(resolved(self.path))

    def open_source(self, ctx: SystemContext) -> DirSource:
        return DirSource(self)

    def open_destination(self, ctx: SystemContext) -> DirDestination:
        return DirDestination(self, ctx)

    def manifest_path(self, instance_digest: str | None = None) -> str:
        name = f"{hex_of(instance_digest)}.manifest.json" if instance_digest else "manifest.json"
        return os.path.join(self.path, name)

    def blob_path(self, digest: str) -> str:
        return os.path.join(self.path, hex_of(digest))

    def signature_path(self, index: int, instance_digest: str | None = None) -> str:
        name = f"signature-{index + 1}"
        return os.path.join(self.path, f"{hex_of(instance_digest)}.{name}" if instance_digest else name)


class DirSource(ImageSource):
    parallel = True

    def __init__(self, reference: DirReference) -> None:
        self.reference: DirReference = reference

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        raw = read_file(self.reference.manifest_path(instance_digest), MAX_BYTES)
        return raw, guess(raw)

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[FileStream, int]:
        stream, size = open_file(self.reference.blob_path(descriptor.digest))
        if offset:
            os.lseek(stream.fileno(), offset, os.SEEK_SET)
        return stream, size

    def get_signatures(self, instance_digest: str | None = None) -> list[bytes]:
        found: list[bytes] = []
        while os.path.exists(path := self.reference.signature_path(len(found), instance_digest)):
            found.append(read_file(path, MAX_BYTES))
        return found


class DirDestination(ImageDestination):
    supports_lists = True
    parallel = True

    def __init__(self, reference: DirReference, ctx: SystemContext) -> None:
        self.reference: DirReference = reference
        if ctx.dir_force_compress and ctx.dir_force_decompress:
            raise ImageError("Cannot compress and decompress at the same time")
        self.layer_compression = (
            COMPRESS if ctx.dir_force_compress else DECOMPRESS if ctx.dir_force_decompress else PRESERVE
        )
        path = reference.path
        try:
            entries = os.listdir(path)
        except FileNotFoundError:
            os.makedirs(path, 0o755)
            entries = []
        except NotADirectoryError:
            raise ImageError(f'"{path}" is not a directory') from None
        if entries:
            self._empty(path, entries)
        # From here on the folder is recognisably ours, and holds no manifest until every blob is there.
        write_small(os.path.join(path, "version"), VERSION)

    @staticmethod
    def _empty(path: str, entries: list[str]) -> None:
        """Removes an older image; only what this transport may have written, the manifest first."""
        try:
            with open(os.path.join(path, "version"), "rb") as file:
                ours = file.read(len(VERSION) + 1) == VERSION
        except OSError:
            ours = False
        if not ours:
            raise ImageError(
                f'"{path}": not a containers image directory, don\'t want to overwrite important data',
                hint="choose an empty or a new directory",
            )
        from ocikit.common.files import remove_tree

        for name in sorted(entries, key=lambda name: (not name.endswith("manifest.json"), is_hex64(name))):
            if name == "version":
                continue
            full = os.path.join(path, name)
            if os.path.isdir(full) and not os.path.islink(full):
                remove_tree(full)
            else:
                os.unlink(full)

    def supports_signatures(self) -> None:
        return None

    def put_blob(
        self,
        stream: BlobStream,
        descriptor: Descriptor,
        *,
        is_config: bool = False,
        layer_index: int | None = None,
        cache: BlobInfoCache | None = None,
    ) -> Descriptor:
        with PendingFile(self.reference.path, "dir-put-blob") as pending:
            pending.write_all(stream)
            written = descriptor.replace(digest=stream.digest, size=stream.size)
            pending.publish(self.reference.blob_path(written.digest))
        return written

    def try_reuse(self, descriptor: Descriptor, options: ReuseOptions) -> Descriptor | None:
        try:
            size = os.stat(self.reference.blob_path(descriptor.digest)).st_size
        except FileNotFoundError:
            return None
        return descriptor.replace(size=size)

    def put_manifest(self, data: bytes, media_type: str, instance_digest: str | None = None) -> None:
        write_small(self.reference.manifest_path(instance_digest), data)

    def put_signatures(self, signatures: Sequence[bytes], instance_digest: str | None = None) -> None:
        for index, signature in enumerate(signatures):
            write_small(self.reference.signature_path(index, instance_digest), signature)

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        return None
