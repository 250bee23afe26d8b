"""Which image was built on which: parents and children among the images of a store, from layers and histories."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.storage import LayerRecord

    from .image import LocalImage


class ImageTree:
    """Relations of all images at one moment. Only images whose layers allow it have their configs read."""

    def __init__(self, images: list[LocalImage], layers: dict[str, LayerRecord]) -> None:
        self.images = images
        self.layers = layers
        self.by_layer: dict[str, list[LocalImage]] = {}
        for image in images:
            self.by_layer.setdefault(image.record.layer, []).append(image)
        self._layer_children: dict[str, list[str]] | None = None

    def _below(self, layer_id: str) -> list[str]:
        if self._layer_children is None:
            self._layer_children = {}
            for layer in self.layers.values():
                if layer.parent:
                    self._layer_children.setdefault(layer.parent, []).append(layer.id)
        return self._layer_children.get(layer_id, [])

    def parent(self, image: LocalImage) -> LocalImage | None:
        """The nearest image that this one was built on."""
        if not image.record.layer and not image.history:
            return None
        best: LocalImage | None = None
        layer_id = image.record.layer
        while True:
            for other in self.by_layer.get(layer_id, ()):
                longer = best is None or len(other.history) > len(best.history)
                if other is not image and longer and is_parent(other, image):
                    best = other
            if best is not None or not layer_id:
                return best
            layer = self.layers.get(layer_id)
            layer_id = layer.parent if layer is not None else ""

    def children(self, image: LocalImage, first_only: bool = False) -> list[LocalImage]:
        """Images built directly or indirectly on this one."""
        found: list[LocalImage] = []
        pending = [image.record.layer]
        while pending:
            layer_id = pending.pop()
            for other in self.by_layer.get(layer_id, ()):
                if other is not image and is_parent(image, other):
                    found.append(other)
                    if first_only:
                        return found
            if layer_id:
                pending.extend(self._below(layer_id))
            else:
                break
        return found

    def has_children(self, image: LocalImage) -> bool:
        return bool(self.children(image, first_only=True))

    def is_intermediate(self, image: LocalImage) -> bool:
        """Nameless and built upon: a step of a build."""
        return not image.record.names and self.has_children(image)

    def is_dangling(self, image: LocalImage) -> bool:
        """Nameless and not built upon."""
        return not image.record.names and not self.has_children(image)


def is_parent(parent: LocalImage, child: LocalImage) -> bool:
    """Whether the child's layers and history begin with the parent's, with something added."""
    if parent.is_list or child.is_list:
        return False
    ours, theirs = parent.diff_ids, child.diff_ids
    if theirs[: len(ours)] != ours:
        return False
    past, present = parent.history, child.history
    if len(present) <= len(past):
        return False
    return all(a == b for a, b in zip(past, present, strict=False))


def parent_images(image: LocalImage, tree: ImageTree) -> list[LocalImage]:
    """The chain of parents, the nearest first."""
    chain: list[LocalImage] = []
    current = tree.parent(image)
    while current is not None:
        chain.append(current)
        current = tree.parent(current)
    return chain
