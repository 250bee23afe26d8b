"""docker://NAME[:TAG|@DIGEST]: images in registries (image.md 4.1, 5, 6.3)."""

from __future__ import annotations

from ocikit.common.errors import InvalidReference, OcikitError, Unsupported
from ocikit.image.digest import sha256
from ocikit.image.errors import ImageError, ImageNotFound, ManifestRejected
from ocikit.image.reference import ImageName, parse_normalized, valid_domain
from ocikit.image.registry import access
from ocikit.image.registry.errors import ManifestUnknown, RegistryError
from ocikit.image.transports.base import (
    COMPRESS,
    BlobInfoCache,
    BlobStream,
    Descriptor,
    ImageDestination,
    ImageReference,
    ImageSource,
    ReadStream,
    ReuseOptions,
    Transport,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocikit.image.context import SystemContext
    from ocikit.image.registry.lookaside import SignatureStores

UNKNOWN_DIGEST = "@@unknown-digest@@"
DESTINATION_TYPES = (
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "application/vnd.docker.distribution.manifest.v1+json",
)
MAX_CANDIDATES = 5


class DockerTransport(Transport):
    name = "docker"

    def parse(self, text: str) -> DockerReference:
        if not text.startswith("//"):
            raise InvalidReference(f"docker: image reference {text} does not start with //")
        bare = text[2:]
        unknown = bare.endswith(UNKNOWN_DIGEST)
        name = parse_normalized(bare.removesuffix(UNKNOWN_DIGEST) if unknown else bare)
        if unknown:
            if not name.is_name_only:
                raise InvalidReference(
                    f'docker: image reference {text} has suffix "{UNKNOWN_DIGEST}" and a tag or digest'
                )
            return DockerReference(name, unknown_digest=True)
        return DockerReference(name)

    def check_policy_scope(self, scope: str) -> str:
        if scope.startswith("*."):
            good = valid_domain(scope[2:]) and ":" not in scope
            return "" if good else f'invalid wildcard scope "{scope}"'
        return ""


class DockerReference(ImageReference):
    """``name`` has a tag or a digest, ``latest`` if the text had neither."""

    def __init__(self, name: ImageName, *, unknown_digest: bool = False) -> None:
        if name.tag and name.digest:
            raise InvalidReference("Docker references with both a tag and digest are currently not supported")
        self.transport = TRANSPORT
        self.unknown_digest = unknown_digest
        self.name = name if unknown_digest else name.tagged()

    @property
    def identifier(self) -> str:
        """What follows ``/manifests/``: the tag or the digest."""
        return self.name.digest or self.name.tag

    def string_within_transport(self) -> str:
        return "//" + self.name.familiar() + (UNKNOWN_DIGEST if self.unknown_digest else "")

    def docker_reference(self) -> ImageName | None:
        return self.name

    def policy_identity(self) -> str:
        return self.name.name if self.unknown_digest else str(self.name)

    def policy_namespaces(self) -> list[str]:
        from ocikit.image.registry.lookaside import parent_scopes

        return parent_scopes(self.name)

    def open_source(self, ctx: SystemContext) -> ImageSource:
        if self.unknown_digest:
            raise InvalidReference(f"{self}: reading by unknown digest is impossible; give a tag or a digest")
        return DockerSource(self, ctx)

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        return DockerDestination(self, ctx)

    def delete(self, ctx: SystemContext) -> None:
        """Deletes the manifest that the tag points to, and so all of its tags, and its lookaside signatures."""
        from ocikit.image.registry import lookaside

        place = access.direct_place(ctx, self.name)
        try:
            body, _ = place.client.get_manifest(self.name.path, self.identifier)
        except ManifestUnknown as exc:
            # not ImageNotFound: `skopeo delete` of a missing image exits with 1
            raise RegistryError(
                f"Unable to delete {self.name}. Image may not exist or is not stored with a v2 Schema in a v2 registry",
                status=exc.status,
            ) from exc
        digest = sha256(body)
        place.client.delete_manifest(self.name.path, digest)
        stores = lookaside.load(ctx.registries_d, ctx.root_for_implicit_paths)
        lookaside.remove_signatures(stores.write_base(self.name), self.name, digest)


def list_tags(ctx: SystemContext, ref: DockerReference, source: ImageSource | None = None) -> list[str]:
    """All tags of the reference's repository, in the registry's order.

    ``source``: the same reference, opened with the same context. Its connection is used if it leads to the very host
    and repository of the name (no mirror, no other location): no second look at the configuration, no second ping.
    """
    if isinstance(source, DockerSource) and str(source.place.name) == str(ref.name):
        place = source.place
    else:
        place = access.direct_place(ctx, ref.name)
    return place.client.list_tags(ref.name.path)


def remote_digest(ctx: SystemContext, ref: DockerReference) -> str:
    """The digest of the manifest that ``ref`` points to, by one HEAD (a GET where the registry doesn't say)."""
    place = access.direct_place(ctx, ref.name)
    digest = place.client.manifest_digest(ref.name.path, ref.identifier)
    return digest or sha256(place.client.get_manifest(ref.name.path, ref.identifier)[0])


class DockerSource(ImageSource):
    """The first place (mirrors, then the location) that serves the manifest serves everything."""

    parallel = True

    def __init__(self, reference: DockerReference, ctx: SystemContext, notice: Callable[[str], None] | None = None):
        self.reference: DockerReference = reference
        self._ctx = ctx
        self._stores: SignatureStores | None = None
        self._manifests: dict[str | None, tuple[bytes, str]] = {}
        self._place = self._choose_place(notice)

    def _choose_place(self, notice: Callable[[str], None] | None) -> access.Place:
        failures: list[tuple[str, OcikitError]] = []
        for text, place in access.pull_places(self._ctx, self.reference.name, notice):
            try:
                found = place.client.get_manifest(place.name.path, place.name.digest or place.name.tag)
            except OcikitError as exc:
                failures.append((text, exc))
                continue
            self._manifests[None] = found
            return place
        text, last = failures.pop()
        if failures:
            others = ", ".join(f"[{name}: {error}]" for name, error in failures)
            last.args = (f"(Mirrors also failed: {others}): {text}: {last}",)
        raise last

    @property
    def place(self) -> access.Place:
        return self._place

    def get_manifest(self, instance_digest: str | None = None) -> tuple[bytes, str]:
        found = self._manifests.get(instance_digest)
        if found is None:
            found = self._place.client.get_manifest(self._place.name.path, str(instance_digest))
            self._manifests[instance_digest] = found
        return found

    def open_blob(self, descriptor: Descriptor, offset: int = 0) -> tuple[ReadStream, int]:
        if descriptor.urls:
            return self._open_foreign(descriptor)
        client, path, digest, size = self._place.client, self._place.name.path, descriptor.digest, descriptor.size
        if self._ctx.partial_blob_dir and not offset:
            from ocikit.image.registry.partial import open_partial

            kept = open_partial(
                self._ctx.partial_blob_dir,
                digest,
                size,
                lambda start: client.open_blob(path, digest, size=size, offset=start),
            )
            if kept is not None:
                return kept, kept.size
        stream = client.open_blob(path, digest, size=size, offset=offset)
        return stream, stream.size

    def _open_foreign(self, descriptor: Descriptor) -> tuple[ReadStream, int]:
        """A layer with URLs is fetched from the first one that answers, without credentials."""
        last: OcikitError | None = None
        for url in descriptor.urls:
            if not url.startswith(("http://", "https://")):
                continue
            try:
                stream = self._place.client.open_url(url, f"fetching blob: {url}", descriptor.size)
            except OcikitError as exc:
                last = exc
                continue
            return stream, stream.size
        raise last or ImageError(f"fetching blob {descriptor.digest}: no supported URL among {list(descriptor.urls)}")

    def get_signatures(self, instance_digest: str | None = None) -> list[bytes]:
        from ocikit.image.registry import lookaside, signatures

        digest = instance_digest or self.reference.name.digest or sha256(self.get_manifest()[0])
        stores = self._signature_stores()
        name = self.reference.name
        if self._place.client.signature_api:
            found = signatures.api_read(self._place.client, self._place.name.path, digest)
        else:
            found = lookaside.read_signatures(stores.read_base(name), name, digest)
        if stores.use_attachments(name):
            found += signatures.read_attachments(self._place.client, self._place.name.path, digest)
        return found

    def _signature_stores(self) -> SignatureStores:
        if self._stores is None:
            from ocikit.image.registry import lookaside

            self._stores = lookaside.load(self._ctx.registries_d, self._ctx.root_for_implicit_paths)
        return self._stores


class DockerDestination(ImageDestination):
    """Pushes go to the host in the name, never to mirrors."""

    supported_manifest_types = DESTINATION_TYPES
    layer_compression = COMPRESS
    supports_lists = True
    accepts_foreign_layers = True
    parallel = True

    def __init__(self, reference: DockerReference, ctx: SystemContext) -> None:
        self.reference: DockerReference = reference
        self._ctx = ctx
        self._place = access.direct_place(ctx, reference.name)
        self._client = self._place.client
        self._path = reference.name.path
        self._top_digest = ""
        self._client.ping()

    def _record(self, cache: BlobInfoCache | None, digest: str, path: str) -> None:
        if cache is not None:
            cache.record_location("docker", self._client.host, digest, f"{self._client.host}/{path}")

    def put_blob(
        self,
        stream: BlobStream,
        descriptor: Descriptor,
        *,
        is_config: bool = False,
        layer_index: int | None = None,
        cache: BlobInfoCache | None = None,
    ) -> Descriptor:
        size = descriptor.size if descriptor.digest else -1
        self._client.upload_blob(self._path, stream, lambda: stream.digest, size)
        self._record(cache, stream.digest, self._path)
        return descriptor.replace(digest=stream.digest, size=stream.size)

    def try_reuse(self, descriptor: Descriptor, options: ReuseOptions) -> Descriptor | None:
        if not descriptor.digest:
            return None
        size = self._client.blob_size(self._path, descriptor.digest)
        if size is not None:
            self._record(options.cache, descriptor.digest, self._path)
            return descriptor.replace(size=descriptor.size if size < 0 else size)
        if options.cache is None:
            return None
        tried: set[tuple[str, str]] = {(descriptor.digest, self._path)}
        candidates = options.cache.candidates("docker", self._client.host, descriptor.digest, options.can_substitute)
        for candidate in candidates[:MAX_CANDIDATES]:
            fits = options.compressor_ok is None or candidate.compressor in options.compressor_ok
            if candidate.digest != descriptor.digest and not fits:
                continue
            path = candidate.location.partition("/")[2] or self._path
            if (candidate.digest, path) in tried:
                continue
            tried.add((candidate.digest, path))
            found = self._reuse_from(candidate.digest, path)
            if found is not None:
                self._record(options.cache, candidate.digest, self._path)
                return descriptor.replace(digest=candidate.digest, size=found)
        return None

    def _reuse_from(self, digest: str, path: str) -> int | None:
        """The size of a blob that is in, or could be mounted into, the destination; what fails isn't worth an error."""
        try:
            size = self._client.blob_size(path, digest)
            if size is None or size < 0:
                return None
            if path == self._path or self._client.mount_blob(self._path, digest, path):
                return size
        except RegistryError:
            pass
        return None

    def put_manifest(self, data: bytes, media_type: str, instance_digest: str | None = None) -> None:
        digest = sha256(data)
        if instance_digest is None:
            self._top_digest = digest
        target = instance_digest or (digest if self.reference.unknown_digest else self.reference.identifier)
        try:
            self._client.put_manifest(self._path, target, data, media_type)
        except RegistryError as exc:
            if exc.code in ("MANIFEST_INVALID", "TAG_INVALID") or (
                exc.code == "UNSUPPORTED" and "Invalid JSON syntax" in str(exc)
            ):
                raise ManifestRejected(str(exc), hint=exc.hint) from exc
            raise

    def supports_signatures(self) -> None:
        """Signatures go to the registry's API, to the lookaside and, where enabled, beside the image."""

    def put_signatures(self, signatures: Sequence[bytes], instance_digest: str | None = None) -> None:
        from ocikit.image.registry import lookaside
        from ocikit.image.registry import signatures as registry_signatures

        digest = instance_digest or self._top_digest
        if not digest:
            raise ImageError("Unknown manifest digest, can't add signatures")
        name = self.reference.name
        stores = lookaside.load(self._ctx.registries_d, self._ctx.root_for_implicit_paths)
        simple, sigstore = registry_signatures.split(signatures)
        if sigstore:
            if not stores.use_attachments(name):
                raise Unsupported(
                    f"Cannot determine canonical place for the sigstore signature of {name}: "
                    "writing sigstore attachments is disabled by configuration",
                    hint=f"set use-sigstore-attachments: true for {name.domain} in a file of "
                    f"{self._ctx.registries_d or lookaside.default_directory()}",
                )
            registry_signatures.write_attachments(self._client, self._path, digest, sigstore)
        if self._client.signature_api:
            registry_signatures.api_write(self._client, self._path, digest, simple)
        elif simple:
            lookaside.write_signatures(stores.write_base(name), name, digest, list(simple))

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        """The manifest's PUT made everything visible."""


TRANSPORT = DockerTransport()

__all__ = ["TRANSPORT", "DockerReference", "ImageNotFound", "list_tags", "remote_digest"]
