"""Copying a list of images with all or some of its instances, or alone (image spec, section 7.3)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.image.copy.image import CopyState, ImageCopy, store_signatures
from ocikit.image.copy.options import INDEX_ONLY
from ocikit.image.copy.plan import fixed_reason, list_type
from ocikit.image.digest import sha256
from ocikit.image.errors import CopyError, ManifestError, wrap
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import matches_digest, parse_list
from ocikit.image.manifest.lists import ZSTD_ANNOTATION, ManifestList
from ocikit.image.transports.base import Descriptor


def copy_list(state: CopyState, raw: bytes, media_type: str) -> tuple[bytes, str]:
    """(list written, its media type)."""
    options, dest, source = state.options, state.dest, state.source
    if not dest.supports_lists:
        raise CopyError(
            f'copying multiple images: destination transport "{dest.reference.transport.name}" '
            "does not support copying multiple images as a group"
        )
    original = parse_list(raw, media_type)
    kept = _kept_signatures(state)
    fixed = fixed_reason(bool(kept), _destination_digest(state, raw), options.preserve_digests)
    target = media_type if fixed else list_type(media_type, dest.supported_manifest_types, options.format)
    if fixed and dest.supported_manifest_types and target not in dest.supported_manifest_types:
        raise CopyError(
            f'Manifest list must be converted to type "{target}" to be written to destination, '
            f'but we cannot modify it: "{fixed}"'
        )
    chosen = [item for item in original.instances if options.instances is None or item.digest in options.instances]
    if options.multi_arch == INDEX_ONLY:
        chosen = []
    state.report.line(f"Copying {len(chosen)} images generated from {len(original.instances)} images in list")
    # The instances of a converted list have to be of its kind.
    forced = options.format
    if not forced and target != media_type:
        forced = mt.V2S2 if target == mt.DOCKER_LIST else mt.OCI_MANIFEST
    entries: dict[str, Descriptor] = {}
    for number, item in enumerate(chosen, 1):
        state.report.line(f"Copying image {item.digest} ({number}/{len(chosen)})")
        try:
            data, said = source.get_manifest(item.digest)
            if not matches_digest(data, item.digest):
                raise ManifestError(f"Manifest does not match provided manifest digest {item.digest}")
            copy = ImageCopy(
                state, data, said, instance=item.digest, source_instance=item.digest, top=raw, forced=forced
            )
            written, written_type = copy.run()
        except OcikitError as error:
            raise wrap(f"copying image {number}/{len(chosen)} from manifest list", error) from error
        entries[item.digest] = _entry(item, written, written_type)
    result = _edited(original, entries, options.instances).convert(target)
    state.report.line("Writing manifest list to image destination")
    out = raw if target == media_type and result.raw == original.serialise() else result.raw
    if fixed and out != raw:
        raise CopyError(f'Manifest list was edited, but we cannot modify it: "{fixed}"')
    dest.put_manifest(out, target, None)
    if not options.remove_signatures:
        state.report.line("Storing list signatures")
    store_signatures(state, out, kept, None)
    return out, target


def _kept_signatures(state: CopyState) -> list[bytes]:
    if state.options.remove_signatures:
        return []
    state.report.line("Getting image list signatures")
    signatures = state.source.get_signatures(None)
    if signatures:
        state.report.line("Checking if image list destination supports signatures")
        try:
            state.dest.supports_signatures()
        except OcikitError as error:
            raise wrap(f"Can not copy signatures to {state.dest.reference}", error) from error
    return signatures


def _destination_digest(state: CopyState, raw: bytes) -> bool:
    name = state.dest.reference.docker_reference()
    if name is None or not name.digest:
        return False
    if not matches_digest(raw, name.digest):
        raise CopyError("Digest of source image's manifest would not match destination reference")
    return True


def _entry(item: Descriptor, written: bytes, media_type: str) -> Descriptor:
    """The list's entry for an instance as it was written."""
    digest = sha256(written)
    if digest == item.digest:
        return item
    annotations = dict(item.annotations)
    if b"tar+zstd" in written and media_type == mt.OCI_MANIFEST:
        annotations[ZSTD_ANNOTATION] = "true"
    return item.replace(digest=digest, size=len(written), media_type=media_type, annotations=annotations)


def _edited(original: ManifestList, entries: dict[str, Descriptor], only: object) -> ManifestList:
    """Changed entries keep their place; if any is new to zstd, zstd entries go last (older readers take the first)."""
    new = [entries.get(item.digest, item) for item in original.instances]
    if new == list(original.instances):
        return original
    if any(a.annotations != b.annotations for a, b in zip(new, original.instances, strict=True)):
        new.sort(key=lambda item: item.annotations.get(ZSTD_ANNOTATION) == "true")
    return original.replace(new)
