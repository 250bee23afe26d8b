"""``podman image tree``: an image's layers, or everything that is built on them, as lines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocikit.common.units import docker_size

from .image import LocalImage
from .listing import Listing

if TYPE_CHECKING:
    from ocikit.storage import ImageRecord, LayerRecord, Store


def describe_tree(store: Store, record: ImageRecord, *, what_requires: bool = False) -> str:
    """The text that podman prints, with its final blank line."""
    listing = Listing(store)
    image = LocalImage(store, record)
    names = " ".join(record.names)
    lines = [
        f"Image ID: {record.id[:12]}",
        f"Tags:     [{names}]",
        f"Size:     {docker_size(listing.size(image))}",
    ]
    layers = listing.layers
    if not record.layer:
        return "\n".join([*lines, "No Image Layers", ""])
    chosen = _descendants(listing, record.layer) if what_requires else list(reversed(image.layers(layers)))
    lines.append("Image Layers")
    tops: dict[str, list[str]] = {}
    for other in listing.images:
        tops.setdefault(other.record.layer, []).extend(other.record.names)
    for number, layer in enumerate(chosen):
        branch = "└── " if number == len(chosen) - 1 else "├── "
        owners = tops.get(layer.id)
        mark = f" Top Layer of: [{' '.join(owners)}]" if owners else ""
        lines.append(f"{branch}ID: {layer.id[:12]} Size: {docker_size(max(layer.diff_size, 0)):>7}{mark}")
    return "\n".join(lines) + "\n\n"


def _descendants(listing: Listing, layer_id: str) -> list[LayerRecord]:
    """The layer and everything above it, parents before children."""
    children: dict[str, list[LayerRecord]] = {}
    used = {image.record.layer for image in listing.images}
    for layer in listing.layers.values():
        children.setdefault(layer.parent, []).append(layer)
    found: list[LayerRecord] = []

    def walk(layer: LayerRecord) -> bool:
        """Whether an image needs it: container layers don't belong into the tree."""
        at = len(found)
        found.append(layer)
        needed = [walk(child) for child in children.get(layer.id, ())]
        if layer.id in used or any(needed):
            return True
        del found[at:]
        return False

    top = listing.layers.get(layer_id)
    if top is not None:
        walk(top)
    return found
