"""``oci-archive:PATH[:IMAGE]``: an OCI layout in a tar file, read and written in place (image spec, section 4.4)."""

from __future__ import annotations

import os
import tarfile

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import hex_of, sha256
from ocikit.image.errors import ImageError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import MAX_BYTES, guess
from ocikit.image.manifest.lists import ManifestList
from ocikit.image.transports.base import (
    BlobStream,
    Descriptor,
    ImageDestination,
    ImageSource,
    ReadStream,
    ReuseOptions,
    Transport,
)
from ocikit.image.transports.files import path_scope_problem
from ocikit.image.transports.oci import LAYOUT, REF_NAME, OCIReference, split_path
from ocikit.image.transports.tarindex import TarIndex
from ocikit.image.transports.tarwriter import ArchiveWriter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.context import SystemContext
    from ocikit.image.transports.base import BlobInfoCache


class OCIArchiveTransport(Transport):
    name = "oci-archive"

    def parse(self, text: str) -> OCIArchiveReference:
        path, image, index = split_path(text)
        if index >= 0:
            raise InvalidReference(f"Invalid image @{index}")
        return OCIArchiveReference(path, image)

    def check_policy_scope(self, scope: str) -> str:
        return path_scope_problem(scope, self.name)


TRANSPORT = OCIArchiveTransport()


class OCIArchiveReference(OCIReference):
    transport = TRANSPORT

    def open_source(self, ctx: SystemContext) -> ImageSource:
        return OCIArchiveSource(self, ctx)

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        return OCIArchiveDestination(self, ctx)

    def delete(self, ctx: SystemContext) -> None:
        raise ImageError("Deleting images not implemented for oci: images")


def _blob_name(digest: str) -> str:
    encoded = hex_of(digest)
    return f"blobs/{digest.partition(':')[0]}/{encoded}"


class OCIArchiveSource(ImageSource):
    parallel = True

    def __init__(self, reference: OCIArchiveReference, ctx: SystemContext) -> None:
        self.reference: OCIArchiveReference = reference
        if not os.path.exists(reference.path):
            full = os.path.abspath(reference.path)
            raise ImageError(f'creating temp directory: archive file not found: "{full}"')
        self._tar = TarIndex(reference.path, ctx.big_tmpdir())
        try:
            self.index = ManifestList.parse(self._tar.read("index.json", MAX_BYTES), mt.OCI_INDEX)
            _, self.descriptor = reference.find(self.index)
        except BaseException:
            self._tar.close()
            raise

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        raw = self._tar.read(_blob_name(instance_digest or self.descriptor.digest), MAX_BYTES)
        said = "" if instance_digest else self.descriptor.media_type
        return raw, said or guess(raw)

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        return self._tar.open(_blob_name(descriptor.digest), offset)

    def close(self) -> None:
        self._tar.close()


class OCIArchiveDestination(ImageDestination):
    """Blobs go straight into the tar, in the order of their arrival; index.json and oci-layout end it."""

    supported_manifest_types = (mt.OCI_MANIFEST, mt.OCI_INDEX)
    supports_lists = True
    accepts_foreign_layers = True

    def __init__(self, reference: OCIArchiveReference, ctx: SystemContext) -> None:
        self.reference: OCIArchiveReference = reference
        self._tar = ArchiveWriter(reference.path, ctx.big_tmpdir())
        for name in ("blobs/", "blobs/sha256/"):
            info = self._tar.info(name, 0o755)
            info.type = tarfile.DIRTYPE
            self._tar.add_bytes(info)
        self._sizes: dict[str, int] = {}
        self._top: Descriptor | None = None

    def put_blob(
        self,
        stream: BlobStream,
        descriptor: Descriptor,
        *,
        is_config: bool = False,
        layer_index: int | None = None,
        cache: BlobInfoCache | None = None,
    ) -> Descriptor:
        self._tar.begin()
        try:
            self._tar.copy(stream)
        except BaseException:
            self._tar.abandon()
            raise
        written = descriptor.replace(digest=stream.digest, size=stream.size)
        if written.digest in self._sizes:
            self._tar.abandon()
        else:
            self._tar.finish(self._tar.info(_blob_name(written.digest), 0o644))
            self._sizes[written.digest] = written.size
        return written

    def try_reuse(self, descriptor: Descriptor, options: ReuseOptions) -> Descriptor | None:
        size = self._sizes.get(descriptor.digest)
        return None if size is None else descriptor.replace(size=size)

    def put_manifest(self, data: bytes, media_type: str, instance_digest: str | None = None) -> None:
        digest = instance_digest or sha256(data)
        if digest not in self._sizes:
            self._tar.add_bytes(self._tar.info(_blob_name(digest), 0o644), data)
            self._sizes[digest] = len(data)
        if instance_digest is None:
            annotations = {REF_NAME: self.reference.image} if self.reference.image else None
            self._top = Descriptor(digest, len(data), media_type or guess(data), annotations=annotations)

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        if self._top is None:
            raise ImageError(f"{self.reference}: nothing was written")
        self._tar.add_bytes(self._tar.info("index.json", 0o644), ManifestList(mt.OCI_INDEX, [self._top]).raw)
        self._tar.add_bytes(self._tar.info("oci-layout", 0o644), LAYOUT)
        self._tar.commit()

    def close(self) -> None:
        self._tar.close()
