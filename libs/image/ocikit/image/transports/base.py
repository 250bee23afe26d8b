"""The one protocol behind every transport: a reference opens a source to read from or a destination to write to.

A transport module holds ``TRANSPORT``, a :class:`Transport`. A minimal source has ``get_manifest`` and ``open_blob``; a
minimal destination ``put_blob``, ``put_manifest`` and ``commit``; the rest has defaults that fit most.

Contract between the copy engine and a destination:

* ``put_blob`` gets a stream that raises :class:`DigestMismatch` *before* it reports its end if the bytes aren't
  those of the descriptor. A blob becomes visible only after the stream's end was reached. Repeating is harmless.
* No manifest is visible to others before all blobs that it names are; ``commit`` makes the image visible. A
  destination that is closed without it leaves nothing that anyone would take for an image.
"""

from __future__ import annotations

from ocikit.common.errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType
    from typing import Protocol, Self

    from ocikit.image.context import SystemContext
    from ocikit.image.reference import ImageName

    class ReadStream(Protocol):
        """Raw bytes, read once from front to end. ``read`` may return less than asked for; b"" is the end."""

        def read(self, size: int = -1, /) -> bytes: ...
        def close(self) -> None: ...

    class BlobStream(Protocol):
        """What ``put_blob`` receives: counts and hashes what passes (:class:`ocikit.image.streams.HashingStream`)."""

        def read(self, size: int = -1, /) -> bytes: ...
        def close(self) -> None: ...
        @property
        def digest(self) -> str:
            """``sha256:...`` of all bytes; only after the end was reached."""
            ...

        @property
        def size(self) -> int:
            """Bytes that passed so far."""
            ...

    class BlobInfoCache(Protocol):
        """What is known of blobs from earlier copies (image spec, section 9). All methods never raise."""

        def uncompressed_digest(self, digest: str) -> str: ...
        def record_uncompressed_pair(self, digest: str, uncompressed: str) -> None: ...
        def compressor(self, digest: str) -> str: ...
        def record_compressor(self, digest: str, name: str) -> None: ...
        def record_location(self, transport: str, scope: str, digest: str, location: str) -> None: ...
        def candidates(self, transport: str, scope: str, digest: str, can_substitute: bool) -> list[Candidate]: ...
        def close(self) -> None: ...
else:
    # Names for annotations only; typing.Protocol costs 13 ms.
    BlobInfoCache = BlobStream = ReadStream = object

PRESERVE, COMPRESS, DECOMPRESS = "preserve", "compress", "decompress"


class Descriptor:
    """A blob or manifest as manifests describe it. ``size`` is -1 and ``digest`` "" where unknown. A value: don't
    change it.
    """

    __slots__ = ("annotations", "artifact_type", "data", "digest", "media_type", "platform", "size", "urls")

    def __init__(
        self,
        digest: str = "",
        size: int = -1,
        media_type: str = "",
        urls: Sequence[str] = (),
        annotations: Mapping[str, str] | None = None,
        platform: Platform | None = None,
        artifact_type: str = "",
        data: str = "",
    ) -> None:
        self.digest = digest
        self.size = size
        self.media_type = media_type
        self.urls = tuple(urls)
        self.annotations: Mapping[str, str] = annotations or {}
        self.platform = platform
        self.artifact_type = artifact_type
        self.data = data

    def replace(self, **values: object) -> Descriptor:
        new = Descriptor.__new__(Descriptor)
        for name in Descriptor.__slots__:
            setattr(new, name, values.pop(name) if name in values else getattr(self, name))
        if values:
            raise TypeError(f"Descriptor has no field {next(iter(values))}")
        return new

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Descriptor) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.digest, self.size))

    def __repr__(self) -> str:
        return f"Descriptor({self.digest or '?'}, {self.size}, {self.media_type})"


class Platform:
    """os, architecture and variant of an image in a list; "" where absent."""

    __slots__ = ("architecture", "features", "os", "os_features", "os_version", "variant")

    def __init__(
        self,
        os: str = "",
        architecture: str = "",
        variant: str = "",
        os_version: str = "",
        os_features: Sequence[str] = (),
        features: Sequence[str] = (),
    ) -> None:
        self.os = os
        self.architecture = architecture
        self.variant = variant
        self.os_version = os_version
        self.os_features = tuple(os_features)
        self.features = tuple(features)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Platform) and all(getattr(self, n) == getattr(other, n) for n in self.__slots__)

    def __hash__(self) -> int:
        return hash((self.os, self.architecture, self.variant))

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)

    def __repr__(self) -> str:
        return f"Platform({self})"


class Candidate:
    """A place where a blob (or another form of it) may be had from: a digest, a location ("" = unknown), its
    compressor.
    """

    __slots__ = ("compressor", "digest", "location")

    def __init__(self, digest: str, location: str = "", compressor: str = "") -> None:
        self.digest = digest
        self.location = location
        self.compressor = compressor


class Transport:
    """A way to name and reach images. ``name`` is the word before the colon."""

    name = ""

    def parse(self, text: str) -> ImageReference:
        """The reference that ``text`` (what follows ``name:``) means. Raises :class:`InvalidReference`."""
        raise NotImplementedError

    def check_policy_scope(self, scope: str) -> str:
        """Why ``scope`` can't be a key of policy.json for this transport, or ""."""
        return ""


class ImageReference:
    """A name within a transport: a value without open files. ``str()`` gives ``transport:rest`` as errors print it."""

    transport: Transport

    def string_within_transport(self) -> str:
        """What :meth:`Transport.parse` reads back."""
        raise NotImplementedError

    def docker_reference(self) -> ImageName | None:
        """The Docker name of the image, where the transport has one (docker, containers-storage, archives with a
        name).
        """
        return None

    def policy_identity(self) -> str:
        """The most specific scope in policy.json; "" if the transport has none (section 11.2)."""
        return ""

    def policy_namespaces(self) -> list[str]:
        """Parent scopes, the most specific first, without "" and without :meth:`policy_identity`."""
        return []

    def open_source(self, ctx: SystemContext) -> ImageSource:
        raise Unsupported(f'the transport "{self.transport.name}:" can only be written to')

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        raise Unsupported(f'the transport "{self.transport.name}:" can only be read from')

    def delete(self, ctx: SystemContext) -> None:
        raise Unsupported(f"Deleting images not implemented for {self.transport.name}: images")

    def __str__(self) -> str:
        return f"{self.transport.name}:{self.string_within_transport()}"

    def __repr__(self) -> str:
        return f"<{self}>"


class ImageSource:
    """An opened image (or image list) to read from. A context manager; ``close`` may be called twice."""

    reference: ImageReference
    parallel = False
    """Whether several blobs may be read at the same time from several threads."""

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        """(the exact bytes, media type). None: the top manifest, else the one with that digest out of the list.

        At most 4 MiB. The caller compares the bytes with ``instance_digest``. Raises :class:`ImageNotFound`.
        """
        raise NotImplementedError

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        """(stream, size or -1) of the bytes from ``offset`` on, not verified. ``size`` is that of the whole blob."""
        raise NotImplementedError

    def get_signatures(self, instance_digest: str | None = None) -> list[bytes]:
        """Signatures in their stored form (section 11.4); none by default."""
        return []

    def layer_infos_for_copy(self, instance_digest: str | None = None) -> list[Descriptor] | None:
        """The layers as :meth:`open_blob` really delivers them, if not as the manifest says (containers-storage);
        else None.
        """
        return None

    def close(self) -> None:
        """Ends connections and removes temporary files."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


class ReuseOptions:
    """What :meth:`ImageDestination.try_reuse` may answer with."""

    __slots__ = ("cache", "can_substitute", "compressor_ok", "empty_layer", "layer_index")

    def __init__(
        self,
        cache: BlobInfoCache | None = None,
        can_substitute: bool = False,
        layer_index: int | None = None,
        empty_layer: bool = False,
        compressor_ok: frozenset[str] | None = None,
    ) -> None:
        self.cache = cache
        self.can_substitute = can_substitute
        """Another compression of the same content will do: the manifest may change."""
        self.layer_index = layer_index
        self.empty_layer = empty_layer
        self.compressor_ok = compressor_ok
        """Compressors that a substitute may have ("uncompressed", "gzip", "zstd"); None: any."""


class ImageDestination:
    """An opened place to write an image to. A context manager; closing without :meth:`commit` throws everything
    away.
    """

    reference: ImageReference
    supported_manifest_types: Sequence[str] = ()
    """In order of preference; empty: takes everything."""
    layer_compression = COMPRESS
    """What layers should be: ``"preserve"`` as they come, ``"compress"``, ``"decompress"``."""
    supports_lists = False
    accepts_foreign_layers = False
    """Whether layers with ``urls`` are passed by reference."""
    parallel = False
    """Whether ``put_blob`` may run in several threads at the same time."""
    ignores_embedded_reference = False
    """Whether the name inside a schema 1 manifest stays as it is."""
    wants_platform_match = False
    """Whether the image ought to fit the machine (containers-storage)."""

    def supports_signatures(self) -> None:
        """Raises :class:`Unsupported` with the reason if signatures can't be stored here."""
        raise Unsupported(f"Pushing signatures for {self.reference.transport.name}: images is not supported")

    def prepare(self, layers: Sequence[Descriptor], config: bytes | None) -> None:
        """Told once before the blobs of one image: its layers in order, and the config if it is known already."""

    def put_blob(
        self,
        stream: BlobStream,
        descriptor: Descriptor,
        *,
        is_config: bool = False,
        layer_index: int | None = None,
        cache: BlobInfoCache | None = None,
    ) -> Descriptor:
        """Writes one blob; ``descriptor.digest`` is "" and its size -1 where the engine changes the compression on
        the way.

        Returns the descriptor with the digest and size that were written (of ``stream``).
        """
        raise NotImplementedError

    def try_reuse(self, descriptor: Descriptor, options: ReuseOptions) -> Descriptor | None:
        """The descriptor of the blob (or of an allowed substitute) if the destination has it or could get it
        cheaply.
        """
        return None

    def put_manifest(self, data: bytes, media_type: str, instance_digest: str | None = None) -> None:
        """Writes a manifest: one instance of a list if ``instance_digest`` is given, else the top one.

        Raises :class:`ManifestRejected` if another type may do.
        """
        raise NotImplementedError

    def put_signatures(self, signatures: Sequence[bytes], instance_digest: str | None = None) -> None:
        if signatures:
            self.supports_signatures()

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        """Makes everything visible. ``top_manifest`` is what the source's reference named: the list that an instance
        was chosen from.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Without :meth:`commit` before: removes what was written, as far as nobody else may use it."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()
