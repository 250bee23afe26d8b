"""Deleting an image from an OCI layout: its index entry, and the blobs that nothing else uses (image spec, section
4.3).
"""

from __future__ import annotations

import os
from collections import Counter

from ocikit.image.errors import ImageError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import MAX_BYTES, parse_list, parse_manifest
from ocikit.image.transports.files import read_file, write_small

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.context import SystemContext
    from ocikit.image.transports.base import Descriptor
    from ocikit.image.transports.oci import OCIReference


def _count(reference: OCIReference, shared: str, item: Descriptor, uses: Counter[str]) -> None:
    """Adds every blob that an entry reaches: itself, config, layers, nested lists."""
    if item.media_type not in (mt.OCI_MANIFEST, mt.OCI_INDEX):
        raise ImageError(f'unsupported mediaType in index: "{item.media_type}"')
    uses[item.digest] += 1
    raw = read_file(reference.blob_path(item.digest, shared), MAX_BYTES)
    if item.media_type == mt.OCI_INDEX:
        for child in parse_list(raw, mt.OCI_INDEX).instances:
            _count(reference, shared, child, uses)
        return
    manifest = parse_manifest(raw, mt.OCI_MANIFEST)
    if manifest.config is not None:
        uses[manifest.config.digest] += 1
    for layer in manifest.layers:
        uses[layer.digest] += 1


def delete_image(reference: OCIReference, ctx: SystemContext) -> None:
    """Removes the entry first, then the blobs: a kill in between leaves unused blobs, never a broken image."""
    index = reference.read_index()
    position, chosen = reference.find(index)
    doomed: Counter[str] = Counter()
    _count(reference, ctx.shared_blob_dir, chosen, doomed)
    kept: Counter[str] = Counter()
    entries = [item for i, item in enumerate(index.instances) if i != position]
    for item in entries:
        _count(reference, ctx.shared_blob_dir, item, kept)
    write_small(os.path.join(reference.path, "index.json"), index.replace(entries).raw + b"\n")
    for digest in doomed:
        if digest not in kept:
            # Shared blobs belong to other layouts as well; only the layout's own are removed.
            try:
                os.unlink(reference.blob_path(digest))
            except FileNotFoundError:
                pass
