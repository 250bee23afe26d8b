"""What pulling an image into the local store would cost: which layers are there already, how many bytes are to come."""

from __future__ import annotations

from ocikit.image.manifest.schema1 import GZIP_EMPTY_DIGEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.image.context import SystemContext
    from ocikit.image.inspection import InspectedImage
    from ocikit.storage import Store


def pull_cost(image: InspectedImage, ctx: SystemContext, store: Store | None = None) -> dict[str, Any]:
    """Keys: Digest, Store, LayersTotal, LayersPresent, BytesTotal, BytesToDownload (compressed, -1 if a size is unknown),
    Layers [{Digest, Size, Present}]. ``store`` is the default one if None."""
    if store is None:
        from ocikit.image.transports.containers_storage import open_store

        store = ctx.store or open_store("")
    known: set[str] = set()
    for record in store.layers():
        known.update((record.diff_digest, record.compressed_diff_digest))
    rows = [
        {
            "Digest": layer.digest,
            "Size": layer.size,
            "Present": layer.digest in known or layer.digest == GZIP_EMPTY_DIGEST,
        }
        for layer in image.manifest.layers
    ]
    missing = [row for row in rows if not row["Present"]]
    return {
        "Digest": image.digest,
        "Store": f"{store.driver}@{store.graphroot}",
        "LayersTotal": len(rows),
        "LayersPresent": len(rows) - len(missing),
        "BytesTotal": _sum(rows),
        "BytesToDownload": _sum(missing),
        "Layers": rows,
    }


def _sum(rows: list[dict[str, Any]]) -> int:
    return -1 if any(row["Size"] < 0 for row in rows) else sum(row["Size"] for row in rows)
