"""The archive of ``docker save``/``docker load``: writing it member by member (image spec, section 4.5)."""

from __future__ import annotations

import tarfile

from ocikit.image.digest import hex_of, sha256
from ocikit.image.errors import ImageError, ManifestRejected
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.gojson import dump, dump_members, raw_members, sorted_map
from ocikit.image.manifest.guess import parse_manifest
from ocikit.image.transports.base import DECOMPRESS, BlobStream, Descriptor, ImageDestination, ReuseOptions
from ocikit.image.transports.tarwriter import ArchiveWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.image.reference import ImageName
    from ocikit.image.transports.base import BlobInfoCache

_TOP_KEYS = ("architecture", "config", "container", "container_config", "created", "docker_version", "os")


class DockerTar:
    """Layers as they come, images at the end. Several images may share one archive and its layers."""

    def __init__(self, archive: ArchiveWriter) -> None:
        self.archive = archive
        self.sizes: dict[str, int] = {}
        self._configs: dict[str, bytes] = {}
        self._items: list[dict[str, Any]] = []
        self._repositories: dict[str, dict[str, str]] = {}
        self._legacy: set[str] = set()

    def add_layer(self, stream: BlobStream) -> tuple[str, int]:
        """(diff id, size) of an uncompressed layer; the member is named by its digest once that is known."""
        self.archive.begin()
        try:
            self.archive.copy(stream)
        except BaseException:
            self.archive.abandon()
            raise
        if stream.digest in self.sizes:
            self.archive.abandon()
        else:
            self.archive.finish(self.archive.info(hex_of(stream.digest) + ".tar"))
            self.sizes[stream.digest] = stream.size
        return stream.digest, stream.size

    def add_config(self, data: bytes) -> str:
        digest = sha256(data)
        if digest not in self._configs:
            self._configs[digest] = data
            self.archive.add_bytes(self.archive.info(hex_of(digest) + ".json"), data)
        return digest

    def add_image(self, config_digest: str, diff_ids: Sequence[str], names: Sequence[ImageName]) -> None:
        """An image whose config and layers were added before, under these tagged names (or none)."""
        config = raw_members(self._configs[config_digest], "image config")
        top = self._add_legacy(config, diff_ids)
        for name in names:
            self._repositories.setdefault(name.name, {})[name.tag] = top
        layers = [hex_of(diff_id) + ".tar" for diff_id in diff_ids]
        config_name = hex_of(config_digest) + ".json"
        tags = [str(name) for name in names]
        for item in self._items:
            if item["Config"] == config_name:
                item["RepoTags"] += [tag for tag in tags if tag not in item["RepoTags"]]
                return
        self._items.append({"Config": config_name, "RepoTags": tags, "Layers": layers})

    def _add_legacy(self, config: dict[str, str], diff_ids: Sequence[str]) -> str:
        """The folders that Docker before 1.10 reads; returns the top layer's id in that scheme."""
        chain = parent = ""
        for position, diff_id in enumerate(diff_ids):
            chain = diff_id if not position else sha256(f"{chain} {diff_id}".encode())
            doc: dict[str, str] = {}
            if parent:
                doc["parent"] = f'"{parent}"'
            if position + 1 == len(diff_ids):
                doc.update({key: config.get(key, "null") for key in _TOP_KEYS})
            layer_id = hex_of(sha256(dump_members(doc | {"layer_id": f'"{chain}"'})))
            if layer_id not in self._legacy:
                self._legacy.add(layer_id)
                link = self.archive.info(f"{layer_id}/layer.tar", 0)
                link.type, link.linkname = tarfile.SYMTYPE, f"../{hex_of(diff_id)}.tar"
                self.archive.add_bytes(link)
                self.archive.add_bytes(self.archive.info(f"{layer_id}/VERSION"), b"1.0")
                about = dump_members(doc | {"id": f'"{layer_id}"'})
                self.archive.add_bytes(self.archive.info(f"{layer_id}/json"), about)
            parent = layer_id
        return parent

    def finish(self) -> None:
        """manifest.json and repositories, the index of everything; the archive still has to be committed."""
        self.archive.add_bytes(self.archive.info("manifest.json"), dump(self._items))
        repositories = {name: sorted_map(tags) for name, tags in sorted(self._repositories.items())}
        self.archive.add_bytes(self.archive.info("repositories"), dump(repositories))


class DockerTarDestination(ImageDestination):
    """What docker-archive: and docker-daemon: share as destinations."""

    supported_manifest_types = (mt.V2S2,)
    layer_compression = DECOMPRESS

    def __init__(self, tar: DockerTar, names: Sequence[ImageName]) -> None:
        self.tar = tar
        self.names = names
        self._added = False

    def put_blob(
        self,
        stream: BlobStream,
        descriptor: Descriptor,
        *,
        is_config: bool = False,
        layer_index: int | None = None,
        cache: BlobInfoCache | None = None,
    ) -> Descriptor:
        if is_config:
            digest = self.tar.add_config(stream.read())
            return descriptor.replace(digest=digest, size=stream.size)
        digest, size = self.tar.add_layer(stream)
        return descriptor.replace(digest=digest, size=size)

    def try_reuse(self, descriptor: Descriptor, options: ReuseOptions) -> Descriptor | None:
        digest = descriptor.digest
        if digest not in self.tar.sizes and options.can_substitute and options.cache is not None:
            digest = options.cache.uncompressed_digest(digest)
        size = self.tar.sizes.get(digest)
        return None if size is None else descriptor.replace(digest=digest, size=size)

    def put_manifest(self, data: bytes, media_type: str, instance_digest: str | None = None) -> None:
        if media_type != mt.V2S2:
            raise ManifestRejected("Unsupported manifest type, need a Docker schema 2 manifest")
        if instance_digest is not None:
            raise ImageError("Manifest lists are not supported for docker tar files")
        manifest = parse_manifest(data, media_type)
        assert manifest.config is not None
        self.tar.add_image(manifest.config.digest, [layer.digest for layer in manifest.layers], self.names)
        self._added = True
