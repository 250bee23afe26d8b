"""``oci:PATH[:IMAGE|:@INDEX]``: the OCI image layout on disk (image spec, section 4.3)."""

from __future__ import annotations

import os

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import hex_of, sha256
from ocikit.image.errors import ImageError, ImageNotFound, ManifestError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import MAX_BYTES, guess
from ocikit.image.manifest.lists import ManifestList
from ocikit.image.transports.base import (
    COMPRESS,
    PRESERVE,
    BlobStream,
    Descriptor,
    ImageDestination,
    ImageReference,
    ImageSource,
    ReadStream,
    ReuseOptions,
    Transport,
)
from ocikit.image.transports.files import (
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
    from ocikit.image.context import SystemContext
    from ocikit.image.transports.base import BlobInfoCache

REF_NAME = "org.opencontainers.image.ref.name"
LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
_ALNUM = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


def valid_image_name(name: str) -> bool:
    """Components of letters and digits joined by one of ``-._:@+`` or ``--``, separated by slashes."""
    for component in name.split("/"):
        if not component or component[0] not in _ALNUM or component[-1] not in _ALNUM:
            return False
        run = ""
        for char in component:
            if char in _ALNUM:
                run = ""
                continue
            run += char
            if char not in "-._:@+" or (len(run) > 1 and run != "--"):
                return False
    return True


def split_path(text: str) -> tuple[str, str, int]:
    """(path, image name or "", index or -1) of what follows ``oci:`` or ``oci-archive:``."""
    path, _, image = text.partition(":")
    if not path:
        raise InvalidReference(f'"{text}" names no path')
    if not image:
        return path, "", -1
    if image.startswith("@"):
        if not image[1:].isdigit():
            raise InvalidReference(f"Invalid source index @{image[1:]}, not an integer")
        return path, "", int(image[1:])
    if not valid_image_name(image):
        raise InvalidReference(f"Invalid image {image}")
    return path, image, -1


class OCITransport(Transport):
    name = "oci"

    def parse(self, text: str) -> OCIReference:
        return OCIReference(*split_path(text))

    def check_policy_scope(self, scope: str) -> str:
        return path_scope_problem(scope.partition(":")[0], self.name)


TRANSPORT = OCITransport()


class OCIReference(ImageReference):
    transport: Transport = TRANSPORT

    def __init__(self, path: str, image: str = "", index: int = -1) -> None:
        self.path = path
        self.image = image
        self.index = index

    def string_within_transport(self) -> str:
        return f"{self.path}:@{self.index}" if self.index >= 0 else f"{self.path}:{self.image}"

    def policy_identity(self) -> str:
        return f"{resolved(self.path)}:{self.image}"

    def policy_namespaces(self) -> list[str]:
        path = resolved(self.path)
        return [path, *parent_scopes(path)]

    def open_source(self, ctx: SystemContext) -> ImageSource:
        return OCISource(self, ctx)

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        return OCIDestination(self, ctx)

    def delete(self, ctx: SystemContext) -> None:
        from ocikit.image.transports.oci_delete import delete_image

        delete_image(self, ctx)

    def blob_path(self, digest: str, shared: str = "") -> str:
        encoded = hex_of(digest)
        algorithm = digest.partition(":")[0]
        return os.path.join(shared or os.path.join(self.path, "blobs"), algorithm, encoded)

    def read_index(self) -> ManifestList:
        raw = read_file(os.path.join(self.path, "index.json"), MAX_BYTES)
        return ManifestList.parse(raw, mt.OCI_INDEX)

    def find(self, index: ManifestList) -> tuple[int, Descriptor]:
        """(position, entry) that the reference means. Raises :class:`ImageNotFound`."""
        entries = index.instances
        if self.index >= 0:
            if self.index >= len(entries):
                raise ImageError(f"index {self.index} is too large, only {len(entries)} entries available")
            return self.index, entries[self.index]
        if not self.image:
            if len(entries) != 1:
                names = ", ".join(sorted(item.annotations.get(REF_NAME, "?") for item in entries))
                raise ImageError(
                    "more than one image in oci, choose an image" if entries else "no image in oci layout",
                    hint=f"the layout has: {names}" if entries else "",
                )
            return 0, entries[0]
        for position, item in enumerate(entries):
            if item.annotations.get(REF_NAME) == self.image:
                if item.media_type not in (mt.OCI_MANIFEST, mt.OCI_INDEX, mt.V2S2, mt.DOCKER_LIST):
                    raise ImageError(f'reference "{self.image}" has an unsupported media type "{item.media_type}"')
                return position, item
        raise ImageNotFound(f'no descriptor found for reference "{self.image}"')


class OCISource(ImageSource):
    parallel = True

    def __init__(self, reference: OCIReference, ctx: SystemContext) -> None:
        self.reference: OCIReference = reference
        self._shared = ctx.shared_blob_dir
        self.index = reference.read_index()
        _, self.descriptor = reference.find(self.index)

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        digest = instance_digest or self.descriptor.digest
        media_type = "" if instance_digest else self.descriptor.media_type
        raw = read_file(self.reference.blob_path(digest, self._shared), MAX_BYTES)
        if not instance_digest and sha256(raw) != digest and digest.startswith("sha256:"):
            raise ManifestError(f"{self.reference}: the manifest's bytes don't match its digest {digest}")
        return raw, media_type or guess(raw)

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        path = self.reference.blob_path(descriptor.digest, self._shared)
        stream, size = open_file(path)
        if offset:
            os.lseek(stream.fileno(), offset, os.SEEK_SET)
        return stream, size


class OCIDestination(ImageDestination):
    supported_manifest_types = (mt.OCI_MANIFEST, mt.OCI_INDEX)
    supports_lists = True
    accepts_foreign_layers = True
    parallel = True

    def __init__(self, reference: OCIReference, ctx: SystemContext) -> None:
        if reference.index >= 0:
            raise ImageError(f"Destination reference must not contain a manifest index @{reference.index}")
        self.reference: OCIReference = reference
        self._shared = ctx.shared_blob_dir
        self.layer_compression = PRESERVE if ctx.oci_accept_uncompressed_layers else COMPRESS
        if os.path.exists(os.path.join(reference.path, "index.json")):
            self._entries = list(reference.read_index().instances)
        elif os.path.isdir(reference.path) and os.listdir(reference.path):
            if not os.path.isdir(os.path.join(reference.path, "blobs")):
                raise ImageError(
                    f'"{reference.path}": not an OCI layout, don\'t want to overwrite important data',
                    hint="choose an empty or a new directory",
                )
            self._entries = []
        else:
            self._entries = []
        os.makedirs(os.path.join(reference.path, "blobs"), exist_ok=True)
        self._added: Descriptor | None = None

    def put_blob(
        self,
        stream: BlobStream,
        descriptor: Descriptor,
        *,
        is_config: bool = False,
        layer_index: int | None = None,
        cache: BlobInfoCache | None = None,
    ) -> Descriptor:
        with PendingFile(self.reference.path, "oci-put-blob") as pending:
            pending.write_all(stream)
            written = descriptor.replace(digest=stream.digest, size=stream.size)
            self._publish(pending, written.digest)
        return written

    def _publish(self, pending: PendingFile, digest: str) -> None:
        path = self.reference.blob_path(digest, self._shared)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        pending.publish(path)

    def try_reuse(self, descriptor: Descriptor, options: ReuseOptions) -> Descriptor | None:
        try:
            size = os.stat(self.reference.blob_path(descriptor.digest, self._shared)).st_size
        except FileNotFoundError:
            return None
        if 0 <= descriptor.size != size:
            return None  # a damaged blob is written again
        return descriptor.replace(size=size)

    def put_manifest(self, data: bytes, media_type: str, instance_digest: str | None = None) -> None:
        digest = instance_digest or sha256(data)
        with PendingFile(self.reference.path, "oci-put-blob") as pending:
            os.write(pending.fd, data)
            self._publish(pending, digest)
        if instance_digest is None:
            self._added = self._entry(data, media_type, digest)

    def _entry(self, data: bytes, media_type: str, digest: str) -> Descriptor:
        annotations = {REF_NAME: self.reference.image} if self.reference.image else None
        return Descriptor(digest, len(data), media_type or guess(data), annotations=annotations)

    def _with_added(self, added: Descriptor) -> list[Descriptor]:
        entries = list(self._entries)
        name = self.reference.image
        if name:
            for i, item in enumerate(entries):
                if item.annotations.get(REF_NAME) == name:
                    if item.digest == added.digest:
                        entries[i] = added
                        return entries
                    rest = {k: v for k, v in item.annotations.items() if k != REF_NAME}
                    entries[i] = item.replace(annotations=rest)
                    break
        for i, item in enumerate(entries):
            if item.digest == added.digest and not item.annotations.get(REF_NAME):
                entries[i] = added
                return entries
        return [*entries, added]

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        if self._added is None:
            raise ImageError(f"{self.reference}: nothing was written")
        path = self.reference.path
        write_small(os.path.join(path, "oci-layout"), LAYOUT)
        index = ManifestList(mt.OCI_INDEX, self._with_added(self._added))
        write_small(os.path.join(path, "index.json"), index.raw)
