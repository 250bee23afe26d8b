"""``docker-archive:PATH[:REF|:@INDEX]``: the tar of ``docker save`` (image spec, section 4.5)."""

from __future__ import annotations

import os
import stat

from ocikit.common.errors import InvalidReference
from ocikit.common.jsonfast import loads
from ocikit.image.digest import sha256
from ocikit.image.errors import ImageError, ImageNotFound
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.config import diff_ids, parse_config
from ocikit.image.manifest.gojson import strings, text
from ocikit.image.manifest.guess import MAX_BYTES
from ocikit.image.manifest.single import Schema2Manifest
from ocikit.image.reference import ImageName, parse_normalized
from ocikit.image.streams import CHUNK
from ocikit.image.transports.base import (
    Descriptor,
    ImageDestination,
    ImageReference,
    ImageSource,
    ReadStream,
    Transport,
)
from ocikit.image.transports.docker_tar import DockerTar, DockerTarDestination
from ocikit.image.transports.tarindex import TarIndex
from ocikit.image.transports.tarwriter import ArchiveWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.image.context import SystemContext

MANIFEST_MAX = 1 << 20


class DockerArchiveTransport(Transport):
    name = "docker-archive"

    def parse(self, text: str) -> DockerArchiveReference:
        path, colon, rest = text.partition(":")
        if not path:
            raise InvalidReference(f'docker-archive reference "{text}" isn\'t of the form <path>[:<reference>]')
        if not colon:
            return DockerArchiveReference(path)
        if rest.startswith("@"):
            if not rest[1:].isdigit():
                raise InvalidReference(f"Invalid source index {rest}: not a number")
            return DockerArchiveReference(path, index=int(rest[1:]))
        name = parse_normalized(rest).tagged()
        if name.digest:
            raise InvalidReference(f"docker-archive doesn't support digest references: {rest}")
        return DockerArchiveReference(path, name)

    def check_policy_scope(self, scope: str) -> str:
        return f'docker-archive: does not support any scopes except the default "" one (got {scope})'


TRANSPORT = DockerArchiveTransport()


class DockerArchiveReference(ImageReference):
    transport = TRANSPORT

    def __init__(self, path: str, name: ImageName | None = None, index: int = -1) -> None:
        self.path = path
        self.name = name
        self.index = index

    def string_within_transport(self) -> str:
        if self.name is not None:
            return f"{self.path}:{self.name}"
        return f"{self.path}:@{self.index}" if self.index >= 0 else self.path

    def docker_reference(self) -> ImageName | None:
        return self.name

    def open_source(self, ctx: SystemContext) -> DockerArchiveSource:
        return DockerArchiveSource(self, ctx)

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        return DockerArchiveDestination(self, ctx)

    def delete(self, ctx: SystemContext) -> None:
        raise ImageError("Deleting images not implemented for docker-archive: images")


class DockerArchive:
    """An opened archive: its items as manifest.json lists them."""

    def __init__(self, path: str, tmpdir: str) -> None:
        self.tar = TarIndex(path, tmpdir)
        try:
            items = loads(self.tar.read("manifest.json", MANIFEST_MAX))
        except ValueError as error:
            self.tar.close()
            raise ImageError(f"decoding tar manifest.json: {error}") from None
        except BaseException:
            self.tar.close()
            raise
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            self.tar.close()
            raise ImageError("decoding tar manifest.json: it isn't a list of objects")
        self.items: list[dict[str, Any]] = items

    def tags(self, item: dict[str, Any]) -> list[str]:
        return strings(item, "RepoTags", "manifest.json") or []

    def choose(self, name: ImageName | None, index: int) -> dict[str, Any]:
        """The item that a reference means."""
        if name is not None:
            for item in self.items:
                for tag in self.tags(item):
                    if str(parse_normalized(tag)) == str(name):
                        return item
            raise ImageNotFound(f'Tag "{name}" not found')
        if index >= 0:
            if index >= len(self.items):
                raise ImageError(f"Invalid source index @{index}, only {len(self.items)} manifest items available")
            return self.items[index]
        if len(self.items) != 1:
            raise ImageError(
                f"Unexpected tar manifest.json: expected 1 item, got {len(self.items)}",
                hint="name one as docker-archive:PATH:NAME or docker-archive:PATH:@NUMBER",
            )
        return self.items[0]


class DockerArchiveSource(ImageSource):
    """Shows a schema 2 manifest made up from the archive: layers by diff id, read uncompressed."""

    parallel = True

    def __init__(self, reference: DockerArchiveReference, ctx: SystemContext) -> None:
        self.reference: DockerArchiveReference = reference
        archive = DockerArchive(reference.path, ctx.big_tmpdir())
        self._tar = archive.tar
        try:
            item = archive.choose(reference.name, reference.index)
            self._config = self._tar.read(text(item, "Config", "manifest.json"), MAX_BYTES)
            paths = strings(item, "Layers", "manifest.json") or []
            ids = diff_ids(parse_config(self._config))
            if len(ids) != len(paths):
                raise ImageError(f"Inconsistent layer count: {len(paths)} in manifest, {len(ids)} in config")
            self._paths = dict(zip(ids, paths, strict=True))
            self._manifest = self._build(ids)
        except BaseException:
            self._tar.close()
            raise

    def _build(self, ids: list[str]) -> bytes:
        sizes = {one: self._plain_size(path) for one, path in self._paths.items()}
        layers = [Descriptor(one, sizes[one], mt.V2S2_LAYER_GZIP) for one in ids]
        config = Descriptor(sha256(self._config), len(self._config), mt.V2S2_CONFIG)
        return Schema2Manifest.build(config, layers).raw

    def _open(self, path: str) -> tuple[ReadStream, int]:
        """The uncompressed layer; its size is -1 if it's compressed in the archive."""
        from ocikit.image.compression import open_decompressed

        stream, size = self._tar.open(path)
        reader, compression = open_decompressed(stream)
        if not compression:
            stream.close()
            return self._tar.open(path)[0], size
        return _Inflated(reader, stream), -1

    def _plain_size(self, path: str) -> int:
        stream, size = self._open(path)
        try:
            if size < 0:
                size = 0
                while data := stream.read(CHUNK):
                    size += len(data)
            return size
        finally:
            stream.close()

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        if instance_digest is not None:
            raise ImageError("Manifest lists are not supported by docker-archive:")
        return self._manifest, mt.V2S2

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        if descriptor.digest == sha256(self._config):
            from io import BytesIO

            return BytesIO(self._config[offset:]), len(self._config)
        path = self._paths.get(descriptor.digest)
        if path is None:
            raise ImageError(f"Unknown blob {descriptor.digest}")
        stream, size = self._open(path)
        while offset > 0:
            offset -= len(stream.read(min(offset, CHUNK)))
        return stream, size

    def close(self) -> None:
        self._tar.close()


class _Inflated:
    """A decompressing reader that closes the stream below it."""

    def __init__(self, reader: Any, raw: ReadStream) -> None:
        self._reader = reader
        self._raw = raw

    def read(self, size: int = -1, /) -> bytes:
        data: bytes = self._reader.read(size)
        return data

    def close(self) -> None:
        self._raw.close()


class DockerArchiveDestination(DockerTarDestination):
    def __init__(self, reference: DockerArchiveReference, ctx: SystemContext) -> None:
        self.reference: DockerArchiveReference = reference
        if reference.index >= 0:
            raise ImageError(f"Destination reference must not contain a manifest index @{reference.index}")
        try:
            info = os.stat(reference.path)
        except FileNotFoundError:
            pass
        else:
            if stat.S_ISREG(info.st_mode) and info.st_size:
                raise ImageError(
                    "docker-archive doesn't support modifying existing images",
                    hint=f"remove {reference.path} first or choose another file",
                )
        names = [reference.name] if reference.name is not None else []
        names += [parse_normalized(extra).tagged() for extra in ctx.archive_additional_tags]
        super().__init__(DockerTar(ArchiveWriter(reference.path, ctx.big_tmpdir())), names)

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        if not self._added:
            raise ImageError(f"{self.reference}: nothing was written")
        self.tar.finish()
        self.tar.archive.commit()

    def close(self) -> None:
        self.tar.archive.close()
