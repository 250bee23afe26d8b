"""Copying one image: its layers side by side, its config, its manifest, its signatures (image spec, section 7.2)."""

from __future__ import annotations

from io import BytesIO

from ocikit.common.errors import OcikitError
from ocikit.image.copy.blobs import BlobCopier, Outcome
from ocikit.image.copy.plan import KEEP, Wishes, fixed_reason, plan_image
from ocikit.image.copy.threads import Cancel, run_parallel
from ocikit.image.digest import sha256
from ocikit.image.errors import CopyError, ManifestError, ManifestRejected, wrap
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.convert import convert, schema1_to_schema2
from ocikit.image.manifest.guess import matches_digest, parse_manifest
from ocikit.image.manifest.schema1 import GZIP_EMPTY, GZIP_EMPTY_DIGEST, Schema1Manifest
from ocikit.image.manifest.single import require_image
from ocikit.image.reading import read_config
from ocikit.image.streams import HashingStream
from ocikit.image.transports.base import COMPRESS, Descriptor, ImageDestination, ImageSource, ReuseOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.image.copy.options import CopyOptions
    from ocikit.image.copy.plan import ImagePlan, LayerStep
    from ocikit.image.manifest.single import Manifest
    from ocikit.image.transports.base import BlobInfoCache

_CHUNKED_PREFIX = "io.github.containers.zstd-chunked."


class CopyState:
    """What all images of one copy share."""

    __slots__ = ("cache", "cancel", "copied", "dest", "options", "parallel", "report", "source", "tmpdir")

    def __init__(
        self, source: ImageSource, dest: ImageDestination, options: CopyOptions, cache: BlobInfoCache | None
    ) -> None:
        self.source = source
        self.dest = dest
        self.options = options
        self.cache = cache
        self.cancel = Cancel(options.dest_ctx.deadline or options.src_ctx.deadline)
        both = source.parallel and dest.parallel
        self.parallel = (options.parallel or 6) if both else 1
        self.report = options.report
        self.copied = 0
        self.tmpdir = options.dest_ctx.big_tmpdir()


class ImageCopy:
    """One instance. ``instance`` is its digest in the source's list if the destination gets it as part of a list."""

    def __init__(
        self,
        state: CopyState,
        raw: bytes,
        media_type: str,
        *,
        instance: str | None = None,
        source_instance: str | None = None,
        top: bytes | None = None,
        forced: str = "",
    ) -> None:
        self._state = state
        self._raw = raw
        self._type = mt.normalise(media_type)
        self._instance = instance
        self._source_instance = source_instance
        self._top = top
        self._forced = forced
        self._config: bytes | None = None
        self.skipped = False

    # ---- the way through -------------------------------------------------------------------------------------------

    def run(self) -> tuple[bytes, str]:
        """(manifest written, its media type)."""
        state, options = self._state, self._state.options
        if mt.is_list(self._type):
            raise ManifestError("Unexpectedly received a manifest list instead of a manifest for a single image")
        signatures = self._accepted_signatures()
        manifest = parse_manifest(self._raw, self._type)
        destination_digest = self._check_destination_digest()
        kept = self._signatures_to_keep(signatures)
        fixed = fixed_reason(bool(kept), destination_digest, options.preserve_digests)
        layers = self._source_layers(manifest, fixed)
        plan = plan_image(manifest, layers, self._wishes(manifest, layers), fixed)
        if state.dest.wants_platform_match and not manifest.is_image:
            require_image(manifest)
        if options.skip_if_present and self._is_there(manifest, plan, kept):
            state.report.line("Skipping: image already present at destination")
            self.skipped = True
            return self._raw, manifest.media_type
        state.dest.prepare([step.descriptor for step in plan.layers], self._known_config(manifest, plan))
        outcomes = self._copy_layers(manifest, plan)
        written, media_type = self._write(manifest, plan, outcomes)
        self._sign(written, kept)
        return written, media_type

    def _accepted_signatures(self) -> list[bytes]:
        """Policy comes before anything else is read; signatures that nobody needs aren't fetched."""
        options = self._state.options
        found: list[list[bytes]] = []

        def signatures() -> list[bytes]:
            if not found:
                try:
                    found.append(self._state.source.get_signatures(self._source_instance))
                except OcikitError as error:
                    raise wrap("reading signatures", error) from error
            return found[0]

        if options.accept is not None:
            options.accept(self._state.source.reference, self._raw, signatures)
        if options.remove_signatures:
            return []
        self._state.report.line("Getting image source signatures")
        return signatures()

    def _signatures_to_keep(self, signatures: list[bytes]) -> list[bytes]:
        if self._state.options.remove_signatures or not signatures:
            return []
        self._state.report.line("Checking if image destination supports signatures")
        try:
            self._state.dest.supports_signatures()
        except OcikitError as error:
            raise wrap(f"Can not copy signatures to {self._state.dest.reference}", error) from error
        return signatures

    def _check_destination_digest(self) -> bool:
        name = self._state.dest.reference.docker_reference()
        if name is None or not name.digest:
            return False
        if not matches_digest(self._raw, name.digest) and not (
            self._top is not None and matches_digest(self._top, name.digest)
        ):
            raise CopyError("Digest of source image's manifest would not match destination reference")
        return True

    def _source_layers(self, manifest: Manifest, fixed: str) -> Sequence[Descriptor]:
        infos = self._state.source.layer_infos_for_copy(self._source_instance)
        if infos is None:
            return manifest.layers
        if len(infos) != len(manifest.layers):
            raise CopyError(f"the source delivers {len(infos)} layers, its manifest has {len(manifest.layers)}")
        if fixed and any(a.digest != b.digest for a, b in zip(infos, manifest.layers, strict=True)):
            raise CopyError(
                f'Copying this image would require changing layer representation, which we cannot do: "{fixed}"'
            )
        return infos

    def _wishes(self, manifest: Manifest, layers: Sequence[Descriptor]) -> Wishes:
        state, options = self._state, self._state.options
        encrypted: frozenset[int] = frozenset()
        if options.encryption is not None:
            count = len(layers)
            encrypted = frozenset(
                i
                for i, layer in enumerate(layers)
                if options.encryption.wants(i, count) and not layer.media_type.endswith(mt.ENCRYPTED)
            )
        return Wishes(
            state.dest.supported_manifest_types,
            state.dest.layer_compression,
            self._forced or options.format,
            options.dest_ctx.compression_format,
            state.dest.accepts_foreign_layers,
            encrypted,
        )

    def _is_there(self, manifest: Manifest, plan: ImagePlan, kept: Sequence[bytes]) -> bool:
        """Whether nothing would change and the destination's manifest is the same (``skopeo sync``)."""
        if kept or self._instance is not None or any(step.encrypt for step in plan.layers):
            return False
        if plan.types[0] != manifest.media_type:
            return False
        try:
            with self._state.dest.reference.open_source(self._state.options.dest_ctx) as present:
                return present.get_manifest()[0] == self._raw
        except OcikitError:
            return False

    # ---- layers ----------------------------------------------------------------------------------------------------

    def _copy_layers(self, manifest: Manifest, plan: ImagePlan) -> list[Outcome]:
        state, options = self._state, self._state.options
        copier = BlobCopier(
            state.source,
            state.dest,
            state.cancel,
            state.cache,
            options.dest_ctx.compression_level,
            options.encryption,
            options.decryption,
            state.tmpdir if options.dest_ctx.precompute_digests else "",
        )
        want_diff_ids = isinstance(manifest, Schema1Manifest) and plan.types[0] not in mt.SCHEMA1

        def one(step: LayerStep) -> Outcome:
            if step.by_reference:
                return Outcome(step.descriptor)
            if step.empty and want_diff_ids:
                return Outcome(step.descriptor)
            progress = state.report.blob("blob", step.descriptor.digest, step.descriptor.size)
            try:
                reused = None if want_diff_ids else self._reuse(step, plan)
                if reused is not None:
                    progress.done("skipped: already exists")
                    return reused
                outcome = copier.copy_layer(step, progress, want_diff_ids)
            except BaseException:
                progress.failed()
                raise
            progress.done()
            state.copied += outcome.copied
            return outcome

        steps = _first_of_each(plan.layers)
        tasks = [lambda step=step: one(step) for step in steps]
        results = run_parallel(tasks, state.parallel, state.cancel)
        found = {step.descriptor.digest: (step, result) for step, result in zip(steps, results, strict=True)}
        outcomes = []
        for step in plan.layers:
            first, outcome = found[step.descriptor.digest]
            if step is not first:
                # The same blob again, further up: the destination has it now, but must be told of the place.
                outcome = self._again(step, outcome, copier, want_diff_ids)
            outcomes.append(outcome)
        return outcomes

    def _again(self, step: LayerStep, outcome: Outcome, copier: BlobCopier, want_diff_ids: bool) -> Outcome:
        reused = self._state.dest.try_reuse(
            outcome.descriptor, ReuseOptions(self._state.cache, layer_index=step.index, empty_layer=step.empty)
        )
        if reused is not None or step.by_reference or (step.empty and want_diff_ids):
            return outcome
        return copier.copy_layer(step, self._state.report.blob("blob", step.descriptor.digest, -1), want_diff_ids)

    def _reuse(self, step: LayerStep, plan: ImagePlan) -> Outcome | None:
        """The layer without copying, if the destination has it (or another form of it, where that is allowed)."""
        state, options = self._state, self._state.options
        if step.encrypt or (options.decryption is not None and step.descriptor.media_type.endswith(mt.ENCRYPTED)):
            return None
        substitute = not plan.fixed and not options.signers
        wanted: frozenset[str] | None = None
        if options.force_compression and options.dest_ctx.compression_format:
            wanted = frozenset({options.dest_ctx.compression_format})
        elif plan.types[0] != mt.OCI_MANIFEST:
            wanted = frozenset({mt.UNCOMPRESSED, mt.GZIP})
        if state.dest.layer_compression == COMPRESS and step.target != KEEP:
            exact = mt.compression_of(step.descriptor.media_type)
            if exact == mt.UNCOMPRESSED or (wanted is not None and exact is not None and exact not in wanted):
                # The bytes as they are wouldn't do here; only a compressed form would, which the cache may know.
                return self._reuse_substitute(step, wanted) if substitute else None
        reused = state.dest.try_reuse(
            step.descriptor, ReuseOptions(state.cache, substitute, step.index, step.empty, wanted)
        )
        return None if reused is None else self._reused(step, reused)

    def _reuse_substitute(self, step: LayerStep, wanted: frozenset[str] | None) -> Outcome | None:
        """A compressed form of an uncompressed layer that the destination has, by what earlier copies recorded."""
        state = self._state
        if state.cache is None:
            return None
        fitting = wanted - {mt.UNCOMPRESSED} if wanted is not None else frozenset({mt.GZIP, mt.ZSTD})
        transport, scope = _cache_scope(state.dest)
        for candidate in state.cache.candidates(transport, scope, step.descriptor.digest, True)[:5]:
            if candidate.digest == step.descriptor.digest or candidate.compressor not in fitting:
                continue
            item = step.descriptor.replace(digest=candidate.digest, size=-1)
            reused = state.dest.try_reuse(item, ReuseOptions(state.cache, False, step.index, step.empty, fitting))
            if reused is not None and reused.size >= 0:
                return Outcome(reused, candidate.compressor)
        return None

    def _reused(self, step: LayerStep, reused: Descriptor) -> Outcome:
        if reused.digest == step.descriptor.digest:
            return Outcome(reused, mt.compression_of(step.descriptor.media_type) or "")
        compression = self._state.cache.compressor(reused.digest) if self._state.cache is not None else ""
        if not compression:
            # containers-storage and archives substitute the uncompressed form of a layer.
            compression = mt.UNCOMPRESSED
        return Outcome(reused, compression)

    # ---- config and manifest ---------------------------------------------------------------------------------------

    def _read_config(self, manifest: Manifest) -> bytes:
        if self._config is None:
            assert manifest.config is not None
            self._config = read_config(self._state.source, manifest.config)
        return self._config

    def _known_config(self, manifest: Manifest, plan: ImagePlan) -> bytes | None:
        if not self._state.dest.wants_platform_match or manifest.config is None:
            return None
        return self._read_config(manifest)

    def _write(self, manifest: Manifest, plan: ImagePlan, outcomes: Sequence[Outcome]) -> tuple[bytes, str]:
        """Config and manifest in the first type that the destination takes."""
        failures: list[str] = []
        last: Exception | None = None
        for media_type in plan.types:
            try:
                updated, config = self._updated(manifest, plan, outcomes, media_type)
                return self._put(updated, config)
            except ManifestRejected as error:
                last = error
                failures.append(f"{media_type}({error})")
            except ManifestError as error:
                if len(plan.types) == 1:
                    raise wrap("creating an updated image manifest", error) from error
                last = error
                failures.append(f"{media_type}({error})")
        if len(failures) == 1 and last is not None:
            raise CopyError(f"writing manifest: {last}") from last
        raise CopyError(f"Uploading manifest failed, attempted the following formats: {', '.join(failures)}") from last

    def _updated(
        self, manifest: Manifest, plan: ImagePlan, outcomes: Sequence[Outcome], media_type: str
    ) -> tuple[Manifest, bytes | None]:
        """The manifest to write and the config that goes with it (None: none, or that of the source)."""
        if plan.fixed:
            return manifest, None
        name = self._state.dest.reference.docker_reference()
        path, tag = (name.path, name.tag) if name is not None else ("", "")
        if isinstance(manifest, Schema1Manifest) and media_type not in mt.SCHEMA1:
            manifest, config = self._from_schema1(manifest, outcomes)
            return convert(manifest, media_type, config, path, tag)
        layers = [self._described(outcome, media_type) for outcome in outcomes]
        changed = any(_differs(a, b) for a, b in zip(layers, manifest.layers, strict=True))
        if changed:
            manifest = manifest.with_layers(layers)
        if media_type in mt.SCHEMA1 and isinstance(manifest, Schema1Manifest):
            if self._state.dest.ignores_embedded_reference or not tag:
                return manifest, None
            return manifest.with_name(path, tag), None
        if media_type == manifest.media_type:
            return manifest, None
        config = self._read_config(manifest)
        converted, new_config = convert(manifest, media_type, config, path, tag)
        if isinstance(converted, Schema1Manifest) and any(converted.empty):
            self._put_empty_layer()
        return converted, new_config

    def _described(self, outcome: Outcome, media_type: str) -> Descriptor:
        """The layer's descriptor with a media type that says what it is now, in the words of the manifest type."""
        item = outcome.descriptor
        if not item.media_type or media_type in mt.SCHEMA1:
            return item
        if item.media_type.endswith(mt.ENCRYPTED) or not mt.may_recompress(item.media_type):
            return item
        if outcome.compression and mt.compression_of(item.media_type) != outcome.compression:
            annotations = {k: v for k, v in item.annotations.items() if not k.startswith(_CHUNKED_PREFIX)}
            family = item.media_type if media_type == mt.V2S2 else mt.layer_to_oci(item.media_type)
            item = item.replace(media_type=mt.with_compression(family, outcome.compression), annotations=annotations)
        if outcome.encrypted:
            item = item.replace(media_type=mt.layer_to_oci(item.media_type) + mt.ENCRYPTED)
        return item

    def _from_schema1(self, manifest: Schema1Manifest, outcomes: Sequence[Outcome]) -> tuple[Manifest, bytes]:
        real = [outcome for outcome, empty in zip(outcomes, manifest.empty, strict=True) if not empty]
        return schema1_to_schema2(manifest, [o.descriptor for o in real], [o.diff_id for o in real])

    def _put_empty_layer(self) -> None:
        item = Descriptor(GZIP_EMPTY_DIGEST, len(GZIP_EMPTY))
        if self._state.dest.try_reuse(item, ReuseOptions(self._state.cache)) is None:
            self._state.dest.put_blob(HashingStream(BytesIO(GZIP_EMPTY), item.digest, item.size), item)

    def _put(self, manifest: Manifest, config: bytes | None) -> tuple[bytes, str]:
        state = self._state
        if manifest.config is not None:
            self._put_config(manifest, config)
        state.report.line("Writing manifest to image destination")
        digest = sha256(manifest.raw) if self._instance is not None else None
        if self._instance is not None and manifest.raw == self._raw:
            digest = self._instance  # type: ignore[assignment]
        try:
            state.dest.put_manifest(manifest.raw, manifest.media_type, digest)
        except ManifestRejected:
            raise
        except OcikitError as error:
            raise wrap("writing manifest", error) from error
        return manifest.raw, manifest.media_type

    def _put_config(self, manifest: Manifest, config: bytes | None) -> None:
        state = self._state
        assert manifest.config is not None
        progress = state.report.blob("config", manifest.config.digest, manifest.config.size)
        if config is None and self._config is None:
            reused = state.dest.try_reuse(manifest.config, ReuseOptions(state.cache))
            if reused is not None and reused.digest == manifest.config.digest:
                progress.done("skipped: already exists")
                return
        data = config if config is not None else self._read_config(manifest)
        stream = HashingStream(BytesIO(data), manifest.config.digest, manifest.config.size)
        try:
            state.dest.put_blob(stream, manifest.config, is_config=True, cache=state.cache)
        except OcikitError as error:
            progress.failed()
            raise wrap("writing config", error) from error
        progress.advance(len(data))
        progress.done()

    # ---- signatures ------------------------------------------------------------------------------------------------

    def _sign(self, manifest: bytes, kept: Sequence[bytes]) -> None:
        instance = sha256(manifest) if self._instance is not None else None
        store_signatures(self._state, manifest, kept, instance)


def store_signatures(state: CopyState, manifest: bytes, kept: Sequence[bytes], instance: str | None) -> None:
    """Signs what was written and stores new and kept signatures."""
    options = state.options
    signatures = list(kept)
    if options.signers:
        state.dest.supports_signatures()
        identity = options.sign_identity or state.dest.reference.docker_reference()
        if identity is None:
            raise CopyError(f"Cannot determine canonical Docker reference for destination {state.dest.reference}")
        if identity.is_name_only:
            raise CopyError(f"Sign identity must be a fully specified reference {identity}")
        for number, signer in enumerate(options.signers, 1):
            which = f" {number}" if len(options.signers) > 1 else ""
            state.report.line(f"Creating signature{which}: Signing image using {signer.name}")
            signatures.append(signer.sign(manifest, identity))
    if signatures:
        state.report.line("Storing signatures")
        try:
            state.dest.put_signatures(signatures, instance)
        except OcikitError as error:
            raise wrap("writing signatures", error) from error


def _first_of_each(steps: Sequence[LayerStep]) -> list[LayerStep]:
    seen: dict[str, LayerStep] = {}
    for step in steps:
        seen.setdefault(step.descriptor.digest, step)
    return list(seen.values())


def _differs(new: Descriptor, old: Descriptor) -> bool:
    return (new.digest, new.media_type, dict(new.annotations)) != (old.digest, old.media_type, dict(old.annotations))


def _cache_scope(dest: ImageDestination) -> tuple[str, str]:
    name = dest.reference.docker_reference()
    return dest.reference.transport.name, name.domain if name is not None else ""
