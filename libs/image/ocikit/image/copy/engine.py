"""``copy_image``: from one reference to another (image spec, section 7.1)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.image.copy.image import CopyState, ImageCopy
from ocikit.image.copy.lists import copy_list
from ocikit.image.copy.options import ALL, INDEX_ONLY, CopyOptions, CopyResult
from ocikit.image.errors import ManifestError, wrap
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import matches_digest, parse_list
from ocikit.image.reading import read_top
from ocikit.image.transports.base import ImageDestination, ImageReference, ImageSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.transports.base import BlobInfoCache


def copy_image(dest_ref: ImageReference, src_ref: ImageReference, options: CopyOptions | None = None) -> CopyResult:
    """Copies what ``src_ref`` names to ``dest_ref``.

    Nothing of it is visible at the destination before all of it is there. Raises an :class:`OcikitError`:
    :class:`ImageNotFound`, :class:`SignatureRejected`, :class:`DigestMismatch`, :class:`CopyError`, ...
    """
    options = options or CopyOptions()
    # The destination first, as the Go tools do: a destination that can't be written to costs no download.
    try:
        dest = dest_ref.open_destination(options.dest_ctx)
    except OcikitError as error:
        raise wrap(f"initializing destination {dest_ref}", error) from error
    with dest:
        try:
            source = src_ref.open_source(options.src_ctx)
        except OcikitError as error:
            raise wrap(f"initializing source {src_ref}", error) from error
        with source:
            cache = options.cache if options.cache is not None else _open_cache(options)
            try:
                return _copy(source, dest, options, cache)
            finally:
                options.report.close()
                if cache is not None and options.cache is None:
                    cache.close()


def _open_cache(options: CopyOptions) -> BlobInfoCache | None:
    from ocikit.image.blobinfo import open_cache

    return open_cache(options.dest_ctx)


def _copy(source: ImageSource, dest: ImageDestination, options: CopyOptions, cache: BlobInfoCache | None) -> CopyResult:
    try:
        raw, media_type = read_top(source)
    except OcikitError as error:
        if isinstance(error, ManifestError):
            raise
        raise wrap(f"determining manifest MIME type for {source.reference}", error) from error
    state = CopyState(source, dest, options, cache)
    if mt.is_list(media_type) and options.multi_arch in (ALL, INDEX_ONLY):
        written, written_type = copy_list(state, raw, media_type)
        dest.commit((raw, media_type))
        return CopyResult(written, written_type, state.copied)
    from_list = mt.is_list(media_type)
    copy = _chosen(state, raw, media_type) if from_list else ImageCopy(state, raw, media_type)
    try:
        written, written_type = copy.run()
    except OcikitError as error:
        if from_list:
            raise wrap("copying system image from manifest list", error) from error
        raise
    if not copy.skipped:
        dest.commit((raw, media_type))
    return CopyResult(written, written_type, state.copied, copy.skipped)


def _chosen(state: CopyState, raw: bytes, media_type: str) -> ImageCopy:
    """The instance of a list that fits the platform of the source's context."""
    source = state.source
    try:
        item = parse_list(raw, media_type).choose(state.options.src_ctx)
    except OcikitError as error:
        raise wrap(f"choosing an image from manifest list {source.reference}", error) from error
    data, said = source.get_manifest(item.digest)
    if not matches_digest(data, item.digest):
        raise ManifestError(f"Manifest does not match provided manifest digest {item.digest}")
    return ImageCopy(state, data, said, source_instance=item.digest, top=raw)
