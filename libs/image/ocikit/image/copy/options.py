"""What a copy may be told, and what it answers."""

from __future__ import annotations

from ocikit.image.context import SystemContext
from ocikit.image.copy.report import Reporter
from ocikit.image.manifest.guess import manifest_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any, Protocol

    from ocikit.image.reference import ImageName
    from ocikit.image.transports.base import BlobInfoCache, ImageReference

    class Signer(Protocol):
        """Makes a signature in its stored form; ``name`` goes into "Creating signature: Signing image using NAME"."""

        @property
        def name(self) -> str: ...
        def sign(self, manifest: bytes, identity: ImageName) -> bytes: ...

    class Encryption(Protocol):
        """Encrypts chosen layers: (stream, a function that gives annotations after the stream's end)."""

        def wants(self, index: int, count: int) -> bool: ...
        def encrypt(self, stream: Any, digest: str) -> tuple[Any, Callable[[], dict[str, str]]]: ...

    class Decryption(Protocol):
        """Decrypts one layer: (plain stream, media type, annotations)."""

        def decrypt(self, stream: Any, descriptor: Any) -> tuple[Any, str, dict[str, str]]: ...


SYSTEM, ALL, INDEX_ONLY = "system", "all", "index-only"


class CopyOptions:
    """Options of one copy; a value, change it with :meth:`replace`."""

    src_ctx: SystemContext = SystemContext()
    dest_ctx: SystemContext = SystemContext()
    multi_arch: str = SYSTEM
    """What a list stands for: the instance for this "system", "all" of them, or the list alone ("index-only")."""
    instances: Sequence[str] | None = None
    """With "all": only these digests out of the list."""
    format: str = ""
    """The manifest type to write; "": the source's if the destination takes it."""
    force_compression: bool = False
    """Also blobs that exist at the destination must have ``dest_ctx.compression_format``."""
    preserve_digests: bool = False
    remove_signatures: bool = False
    parallel: int = 0
    """Blobs at the same time; 0 stands for 6."""
    skip_if_present: bool = False
    """Don't touch a destination that has the same manifest already (``skopeo sync``)."""
    accept: Callable[[ImageReference, bytes, Callable[[], list[bytes]]], None] | None = None
    """The signature policy (reference, manifest, signatures): raises :class:`SignatureRejected`; None accepts everything.
    ``signatures()`` fetches them, for policies that look at them."""
    signers: Sequence[Signer] = ()
    sign_identity: ImageName | None = None
    encryption: Encryption | None = None
    decryption: Decryption | None = None
    cache: BlobInfoCache | None = None
    """None: the cache file of this user."""
    report: Reporter = Reporter()

    def __init__(self, **values: object) -> None:
        for name, value in values.items():
            if not hasattr(type(self), name):
                raise TypeError(f"CopyOptions has no field {name}")
            setattr(self, name, value)

    def replace(self, **values: object) -> CopyOptions:
        return CopyOptions(**(self.__dict__ | values))


class CopyResult:
    """What was written: the top manifest's exact bytes, its media type and digest, and how much had to be moved."""

    __slots__ = ("bytes_copied", "digest", "manifest", "media_type", "skipped")

    def __init__(self, manifest: bytes, media_type: str, bytes_copied: int = 0, skipped: bool = False) -> None:
        self.manifest = manifest
        self.media_type = media_type
        self.digest = manifest_digest(manifest)
        self.bytes_copied = bytes_copied
        self.skipped = skipped
        """The destination had it already and wasn't touched."""
