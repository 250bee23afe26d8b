"""``podman image inspect`` and ``podman history``: everything that is known of one image."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.common.units import parse_rfc3339

from .image import V2S2, LocalImage, layers_by_id
from .listing import Listing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.storage import ImageRecord, LayerRecord, Store

_CONFIG_KEYS = (
    "User",
    "ExposedPorts",
    "Env",
    "Entrypoint",
    "Cmd",
    "Volumes",
    "WorkingDir",
    "Labels",
    "StopSignal",
    "ArgsEscaped",
)
_HISTORY_KEYS = ("created", "created_by", "author", "comment", "empty_layer")


def _sorted_maps(value: Any) -> Any:
    """As Go prints maps: keys in order."""
    return {k: value[k] for k in sorted(value)} if isinstance(value, dict) else value


def inspect_image(store: Store, record: ImageRecord) -> dict[str, Any]:
    """The object that ``podman image inspect`` prints, keys in its order."""
    listing = Listing(store)
    image = next((i for i in listing.images if i.id == record.id), LocalImage(store, record))
    config = image.config
    run_config = image.run_config
    history = image.history
    parent = listing.tree.parent(image)
    size = listing.size(image)
    shown: dict[str, Any] = {
        "Id": image.id,
        "Digest": record.digest,
        "RepoTags": [name for name in record.names if "@" not in name],
        "RepoDigests": image.repo_digests(),
        "Parent": parent.id if parent else "",
        "Comment": _comment(image),
        "Created": config.get("created") or record.created,
        "Config": {k: _sorted_maps(run_config[k]) for k in _CONFIG_KEYS if run_config.get(k)},
        "Version": config.get("docker_version") or "",
        "Author": config.get("author") or "",
        "Architecture": config.get("architecture") or "",
        "Os": config.get("os") or "",
        "Size": size,
        "VirtualSize": size,
        "GraphDriver": {"Name": store.driver, "Data": graph_data(store, record.layer)},
        "RootFS": {"Type": (config.get("rootfs") or {}).get("type", ""), "Layers": image.diff_ids},
        "Labels": _sorted_maps(run_config.get("Labels") or None),
        "Annotations": _sorted_maps(image.manifest.get("annotations") or {}),
        "ManifestType": image.manifest_type,
        "User": run_config.get("User") or "",
        "History": [{k: entry[k] for k in _HISTORY_KEYS if entry.get(k)} for entry in history],
        "NamesHistory": record.names_history,
    }
    health = run_config.get("Healthcheck")
    if health and image.manifest_type == V2S2:
        shown["Healthcheck"] = health
    return shown


def _comment(image: LocalImage) -> str:
    history = image.history
    if history and history[-1].get("comment"):
        return str(history[-1]["comment"])
    return str(image.config.get("comment") or "")


def graph_data(store: Store, layer_id: str) -> dict[str, str]:
    """Where the driver keeps the layer: directories for overlay, nothing for others."""
    if not layer_id or store.driver != "overlay":
        return {}
    layers = layers_by_id(store)
    base = f"{store.graphroot}/overlay"
    lowers = []
    layer = layers.get(layer_id)
    while layer is not None and layer.parent:
        lowers.append(f"{base}/{layer.parent}/diff")
        layer = layers.get(layer.parent)
    data = {"LowerDir": ":".join(lowers)} if lowers else {}
    point = store.mount_point(layer_id)
    if point:
        data["MergedDir"] = point
    return {**data, "UpperDir": f"{base}/{layer_id}/diff", "WorkDir": f"{base}/{layer_id}/work"}


class HistoryEntry:
    """One step of an image's making. ``id`` is the image that ended with it, or ``<missing>``; ``created`` in ns."""

    __slots__ = ("comment", "created", "created_by", "id", "size", "tags")

    def __init__(self, id: str, created: int, created_by: str, size: int, comment: str, tags: list[str]) -> None:
        self.id = id
        self.created = created
        self.created_by = created_by
        self.size = size
        self.comment = comment
        self.tags = tags


def history(store: Store, record: ImageRecord) -> list[HistoryEntry]:
    """The steps of the image, the newest first. Raises OcikitError for manifest lists."""
    listing = Listing(store)
    image = next((i for i in listing.images if i.id == record.id), LocalImage(store, record))
    if image.is_list:
        raise OcikitError(f"{record.id[:12]} is a manifest list: choose one of its images")
    layers = image.layers(listing.layers)
    steps = list(enumerate(image.history))
    ids = _ids_by_step(listing, image)
    entries: list[HistoryEntry] = []
    at = 0
    for number, step in reversed(steps):
        size = 0
        if not step.get("empty_layer") and at < len(layers):
            size = max(layers[at].diff_size, 0)
            at += 1
        owner = ids.get(number)
        entries.append(
            HistoryEntry(
                owner.id if owner else "<missing>",
                _moment(step.get("created")),
                str(step.get("created_by") or ""),
                size,
                str(step.get("comment") or ""),
                list(owner.record.names) if owner else [],
            )
        )
    if not steps:
        entries = [_bare(layer, image, number == 0) for number, layer in enumerate(layers)]
    return entries


def _bare(layer: LayerRecord, image: LocalImage, top: bool) -> HistoryEntry:
    """A step of which only the layer is known."""
    names = list(image.record.names) if top else []
    return HistoryEntry(
        image.id if top else "<missing>", _moment(layer.created), "", max(layer.diff_size, 0), "", names
    )


def _ids_by_step(listing: Listing, image: LocalImage) -> dict[int, LocalImage]:
    """Which step ended which image: this one and its parents."""
    from .tree import parent_images

    ids = {len(image.history) - 1: image}
    for parent in parent_images(image, listing.tree):
        ids.setdefault(len(parent.history) - 1, parent)
    return ids


def _moment(text: Any) -> int:
    try:
        return parse_rfc3339(str(text)) if text else 0
    except (ValueError, OcikitError):
        return 0
