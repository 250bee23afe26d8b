"""Decisions of a copy as pure functions: what may change, which manifest types to try, what becomes of each layer.

Nothing here reads or writes; :mod:`ocikit.image.copy.image` carries the plan out (image spec, section 7).
"""

from __future__ import annotations

from ocikit.common.errors import Unsupported
from ocikit.image.compression import ZSTD_CHUNKED
from ocikit.image.errors import CopyError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.transports.base import COMPRESS, DECOMPRESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.image.manifest.single import Manifest
    from ocikit.image.transports.base import Descriptor

KEEP = "keep"
ALL_SINGLE = (mt.OCI_MANIFEST, mt.V2S2, mt.V2S1_SIGNED, mt.V2S1)


def fixed_reason(has_signatures: bool, destination_digest: bool, preserve: bool) -> str:
    """Why the manifest must stay byte for byte, or ""; of several reasons the last one counts."""
    reason = ""
    if has_signatures:
        reason = "Would invalidate signatures"
    if destination_digest:
        reason = "Destination specifies a digest"
    if preserve:
        reason = "Instructed to preserve digests"
    return reason


def manifest_types(
    source: str,
    accepted: Sequence[str],
    forced: str = "",
    compression: str = "",
    encrypt: bool = False,
) -> list[str]:
    """Manifest types to try, the best first. ``compression`` is an explicitly wanted one, ``accepted`` empty for any.

    Raises :class:`CopyError` if nothing fits.
    """
    if compression == ZSTD_CHUNKED:
        raise Unsupported("layers cannot be written as zstd:chunked by this build", hint="use zstd")
    if forced:
        pool: list[str] = [forced]
    else:
        pool = [one for one in (accepted or ALL_SINGLE) if one not in mt.LISTS]
    if encrypt and mt.OCI_MANIFEST not in pool:
        if forced:
            raise CopyError(f"encryption required together with format {forced}, which does not support encryption")
        raise CopyError(
            f"encryption required but the destination only supports MIME types [{', '.join(pool)}], "
            "none of which support encryption"
        )
    usable = [one for one in pool if _holds(one, compression)]
    if not usable:
        if forced:
            raise CopyError(
                f"compression using {compression} required together with format {forced}, which does not support it"
            )
        raise CopyError(
            f"compression using {compression} required but the destination only supports MIME types "
            f"[{', '.join(pool)}], none of which support it"
        )
    if encrypt:
        usable = [mt.OCI_MANIFEST]
    order: list[str] = []
    for one in (source, mt.V2S2, mt.V2S1_SIGNED, *usable):
        if one in usable and one not in order:
            order.append(one)
    return order


def _holds(media_type: str, compression: str) -> bool:
    if compression in ("", mt.GZIP, mt.UNCOMPRESSED):
        return True
    return compression == mt.ZSTD and media_type == mt.OCI_MANIFEST


def list_type(source: str, accepted: Sequence[str], forced: str = "") -> str:
    """The type in which a list is written. Raises :class:`CopyError` if the destination takes none."""
    if forced:
        return mt.OCI_INDEX if forced == mt.OCI_MANIFEST else mt.DOCKER_LIST
    for one in (source, mt.DOCKER_LIST, mt.OCI_INDEX):
        if not accepted or one in accepted:
            return one
    raise CopyError(f"the destination takes no lists of images, only [{', '.join(accepted)}]")


class LayerStep:
    """What becomes of one layer. ``target``: "keep", "uncompressed" or the compression that the result must have.

    ``explicit``: the user named the format, so that other compressed data is written anew.
    """

    __slots__ = ("by_reference", "descriptor", "empty", "encrypt", "explicit", "index", "target")

    def __init__(self, index: int, descriptor: Descriptor) -> None:
        self.index = index
        self.descriptor = descriptor
        self.target = KEEP
        self.explicit = False
        self.by_reference = False
        self.empty = False
        self.encrypt = False

    def describe(self) -> str:
        """One line for the log."""
        if self.by_reference:
            how = "kept by reference to its URL"
        elif self.target == KEEP:
            how = "as it is"
        else:
            how = f"as {self.target}" + (
                "" if self.explicit or self.target == mt.UNCOMPRESSED else " unless compressed"
            )
        return f"layer {self.index}: {self.descriptor.digest} ({self.descriptor.size} bytes) {how}" + (
            ", encrypted" if self.encrypt else ""
        )

    def action(self, found: str) -> str:
        """What to do with data of the compression ``found``: "keep", "uncompressed", or the compression to write."""
        if self.target == KEEP or found == self.target:
            return KEEP
        if self.target == mt.UNCOMPRESSED:
            return mt.UNCOMPRESSED
        if found == mt.UNCOMPRESSED or self.explicit:
            if self.target == mt.ZSTD and found == ZSTD_CHUNKED:
                return KEEP
            return self.target
        return KEEP


class ImagePlan:
    """How one image is copied: why its manifest must stay, the types to try, the steps of its layers."""

    __slots__ = ("fixed", "layers", "types")

    def __init__(self, fixed: str, types: Sequence[str], layers: Sequence[LayerStep]) -> None:
        self.fixed = fixed
        self.types = tuple(types)
        self.layers = tuple(layers)

    def describe(self) -> list[str]:
        first = (
            f"the manifest stays as it is: {self.fixed}" if self.fixed else "manifest as " + ", else ".join(self.types)
        )
        return [first, *(step.describe() for step in self.layers)]


class Wishes:
    """What destination and user ask for, as far as planning needs it."""

    __slots__ = (
        "accepted",
        "by_reference",
        "compression",
        "encrypted",
        "forced",
        "layer_compression",
    )

    def __init__(
        self,
        accepted: Sequence[str] = (),
        layer_compression: str = COMPRESS,
        forced: str = "",
        compression: str = "",
        by_reference: bool = False,
        encrypted: frozenset[int] = frozenset(),
    ) -> None:
        self.accepted = tuple(accepted)
        self.layer_compression = layer_compression
        self.forced = forced
        self.compression = compression
        self.by_reference = by_reference
        self.encrypted = encrypted


def plan_image(manifest: Manifest, layers: Sequence[Descriptor], wishes: Wishes, fixed: str) -> ImagePlan:
    """The plan for one image. ``layers`` are as the source delivers them; ``fixed`` from :func:`fixed_reason`."""
    if fixed:
        types: Sequence[str] = (manifest.media_type,)
    else:
        types = manifest_types(
            manifest.media_type,
            wishes.accepted,
            wishes.forced,
            wishes.compression if wishes.layer_compression == COMPRESS else "",
            bool(wishes.encrypted),
        )
    steps = []
    empties = getattr(manifest, "empty", ())
    for index, layer in enumerate(layers):
        step = LayerStep(index, layer)
        step.empty = bool(empties) and empties[index]
        step.by_reference = bool(layer.urls) and wishes.by_reference
        step.encrypt = index in wishes.encrypted
        recompressible = mt.may_recompress(layer.media_type) and manifest.is_image
        if not fixed and recompressible and not step.by_reference:
            _choose_target(step, wishes)
        steps.append(step)
    return ImagePlan(fixed, types, steps)


def _choose_target(step: LayerStep, wishes: Wishes) -> None:
    if wishes.layer_compression == DECOMPRESS:
        step.target = mt.UNCOMPRESSED
    elif wishes.layer_compression == COMPRESS:
        step.target = wishes.compression or mt.GZIP
        step.explicit = bool(wishes.compression)
