"""Doubles for tests, of ours and of others: random images, images from bytes, a transport in memory.

>>> from ocikit.image.testing import memory_image, random_image
>>> from ocikit.image import copy_image
>>> source = random_image(layers=2, size=1000)
>>> place = memory_image("copy")
>>> copy_image(place, source).digest == source.digest
True
>>> len(place.image.blobs)
3
"""

from __future__ import annotations

import hashlib
import io
import json
import random
import tarfile
from io import BytesIO

from ocikit.image.digest import sha256
from ocikit.image.errors import ImageError, ImageNotFound
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import guess, manifest_digest
from ocikit.image.manifest.lists import ManifestList
from ocikit.image.manifest.platform import running_arch, running_os
from ocikit.image.manifest.single import OCIManifest
from ocikit.image.transports.base import (
    BlobInfoCache,
    BlobStream,
    Descriptor,
    ImageDestination,
    ImageReference,
    ImageSource,
    Platform,
    ReadStream,
    ReuseOptions,
    Transport,
)
from ocikit.image.validation import validate as validate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ocikit.image.context import SystemContext
    from ocikit.image.reference import ImageName

__all__ = ["MemoryImage", "MemoryReference", "image_list", "layer_tar", "memory_image", "random_image", "validate"]


class MemoryImage:
    """What a place in memory holds: blobs by digest, the top manifest, instances of a list, signatures."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifest: tuple[bytes, str] | None = None
        self.instances: dict[str, bytes] = {}
        self.signatures: dict[str | None, list[bytes]] = {}
        self.committed = False


class MemoryTransport(Transport):
    """Images are made by :func:`memory_image`, not parsed from a text."""

    name = "memory"

    def parse(self, text: str) -> MemoryReference:
        return MemoryReference(text, MemoryImage())


TRANSPORT = MemoryTransport()


class MemoryReference(ImageReference):
    """A name and the :class:`MemoryImage` behind it. The keyword arguments shape it as a destination."""

    transport = TRANSPORT

    def __init__(
        self,
        name: str,
        image: MemoryImage,
        *,
        docker_name: ImageName | None = None,
        supported: Sequence[str] = (),
        layer_compression: str = "preserve",
        fail_after: int | None = None,
    ) -> None:
        self.name = name
        self.image = image
        self.docker_name = docker_name
        self.supported = tuple(supported)
        self.layer_compression = layer_compression
        self.fail_after = fail_after
        """As a source: reading any blob fails after so many bytes."""

    @property
    def digest(self) -> str:
        """Of the top manifest."""
        if self.image.manifest is None:
            raise ImageNotFound(f"{self}: nothing is there")
        return manifest_digest(self.image.manifest[0])

    def string_within_transport(self) -> str:
        return self.name

    def docker_reference(self) -> ImageName | None:
        return self.docker_name

    def open_source(self, ctx: SystemContext) -> ImageSource:
        return _Source(self)

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        return _Destination(self)


class _Broken:
    def __init__(self, data: bytes, good: int) -> None:
        self._stream = BytesIO(data[:good])

    def read(self, size: int = -1, /) -> bytes:
        data = self._stream.read(size)
        if not data:
            raise ImageError("the source broke, as the test asked for")
        return data

    def close(self) -> None:
        return None


class _Source(ImageSource):
    parallel = True

    def __init__(self, reference: MemoryReference) -> None:
        self.reference: MemoryReference = reference
        if reference.image.manifest is None:
            raise ImageNotFound(f"{reference}: nothing is there")

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        if instance_digest is None:
            assert self.reference.image.manifest is not None
            return self.reference.image.manifest
        raw = self.reference.image.instances.get(instance_digest)
        if raw is None:
            raise ImageNotFound(f"{self.reference} has no manifest {instance_digest}")
        return raw, guess(raw)

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        data = self.reference.image.blobs.get(descriptor.digest)
        if data is None:
            raise ImageError(f"{self.reference} has no blob {descriptor.digest}")
        if self.reference.fail_after is not None:
            return _Broken(data[offset:], self.reference.fail_after), len(data)
        return BytesIO(data[offset:]), len(data)

    def get_signatures(self, instance_digest: str | None = None) -> list[bytes]:
        return self.reference.image.signatures.get(instance_digest, [])


class _Destination(ImageDestination):
    supports_lists = True
    parallel = True

    def __init__(self, reference: MemoryReference) -> None:
        self.reference: MemoryReference = reference
        self.supported_manifest_types = reference.supported
        self.layer_compression = reference.layer_compression
        self._new = MemoryImage()

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
        data = stream.read()
        self._new.blobs[stream.digest] = data
        return descriptor.replace(digest=stream.digest, size=len(data))

    def try_reuse(self, descriptor: Descriptor, options: ReuseOptions) -> Descriptor | None:
        data = self._new.blobs.get(descriptor.digest) or self.reference.image.blobs.get(descriptor.digest)
        if data is None:
            return None
        self._new.blobs[descriptor.digest] = data
        return descriptor.replace(size=len(data))

    def put_manifest(self, data: bytes, media_type: str, instance_digest: str | None = None) -> None:
        if instance_digest is None:
            self._new.manifest = data, media_type
        else:
            self._new.instances[instance_digest] = data

    def put_signatures(self, signatures: Sequence[bytes], instance_digest: str | None = None) -> None:
        self._new.signatures[instance_digest] = list(signatures)

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        old = self.reference.image
        old.__dict__.update(self._new.__dict__)
        old.committed = True


def memory_image(name: str = "image", **shape: Any) -> MemoryReference:
    """An empty place in memory to copy to (and from, afterwards)."""
    return MemoryReference(name, MemoryImage(), **shape)


def layer_tar(files: Mapping[str, bytes]) -> bytes:
    """An uncompressed layer with these regular files; the same bytes for the same files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            info.mtime = 1_700_000_000
            tar.addfile(info, BytesIO(data))
    return out.getvalue()


def build_image(
    layers: Sequence[bytes],
    *,
    name: str = "image",
    compression: str = mt.GZIP,
    platform: Platform | None = None,
    config: Mapping[str, Any] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> MemoryReference:
    """An OCI image in memory from uncompressed tars."""
    image = MemoryImage()
    place = platform or Platform(running_os(), running_arch())
    descriptors = []
    for tar in layers:
        blob = compress(tar, compression)
        digest = sha256(blob)
        image.blobs[digest] = blob
        descriptors.append(Descriptor(digest, len(blob), mt.with_compression(mt.OCI_LAYER, compression)))
    doc: dict[str, Any] = {
        "created": "2023-11-14T22:13:20Z",
        "architecture": place.architecture,
        "os": place.os,
        **({"variant": place.variant} if place.variant else {}),
        "config": dict(config or {"Cmd": ["/bin/sh"]}),
        "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest() for tar in layers]},
        "history": [{"created": "2023-11-14T22:13:20Z", "created_by": f"layer {i}"} for i in range(len(layers))],
    }
    raw = json.dumps(doc, separators=(",", ":")).encode()
    descriptor = Descriptor(sha256(raw), len(raw), mt.OCI_CONFIG)
    image.blobs[descriptor.digest] = raw
    image.manifest = OCIManifest.build(descriptor, descriptors, annotations).raw, mt.OCI_MANIFEST
    return MemoryReference(name, image)


def compress(data: bytes, name: str) -> bytes:
    """The bytes in that compression: "uncompressed", "gzip", "zstd"."""
    if name == mt.UNCOMPRESSED:
        return data
    from ocikit.image.compression import open_compressor

    out = io.BytesIO()
    writer = open_compressor(out, name, None)
    writer.write(data)
    writer.close()
    return out.getvalue()


def random_image(
    layers: int = 3,
    size: int = 1000,
    *,
    seed: int = 0,
    compression: str = mt.GZIP,
    platform: Platform | None = None,
) -> MemoryReference:
    """An image in memory: ``layers`` layers with one file of ``size`` random bytes each; the same for the same ``seed``."""
    rng = random.Random(seed)
    tars = [layer_tar({f"file{number}": rng.randbytes(size)}) for number in range(layers)]
    return build_image(tars, name=f"random-{seed}", compression=compression, platform=platform)


def image_list(images: Sequence[tuple[Platform, MemoryReference]], media_type: str = mt.OCI_INDEX) -> MemoryReference:
    """A list in memory of images in memory."""
    whole = MemoryImage()
    entries = []
    for platform, reference in images:
        assert reference.image.manifest is not None
        raw, kind = reference.image.manifest
        digest = manifest_digest(raw)
        whole.instances[digest] = raw
        whole.blobs.update(reference.image.blobs)
        entries.append(Descriptor(digest, len(raw), kind, platform=platform))
    whole.manifest = ManifestList(media_type, entries).raw, media_type
    return MemoryReference("list", whole)
