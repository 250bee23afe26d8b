"""Containers in user namespaces: maps checked or found, and files that have the owners of the map (spec, section 14)."""

from __future__ import annotations

from ocikit.common.errors import UsageError

from .autouserns import AutoUserNs, allocate, available_ids, free_ranges, highest_id, needed_size
from .errors import StorageError
from .lockfile import LockFile
from .mapped import Shifted, find_mapped, make_mapped

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .drivers.base import IDMap
    from .ops_containers import ContainerOps, NewContainer
    from .records import ContainerRecord


def create_mapped(
    store: ContainerOps,
    new: NewContainer,
    uidmap: IDMap,
    gidmap: IDMap,
    wish: AutoUserNs | None,
    progress: Callable[[int], None] | None,
) -> ContainerRecord:
    """See ``Store.create_container``. userns.lock keeps two containers from getting the same ids."""
    image = new.image
    with LockFile(f"{store.graphroot}/userns.lock").writing():
        if wish is not None:
            uidmap, gidmap = find_maps(store, image, wish)
        else:
            uidmap, gidmap = tuple(uidmap or gidmap), tuple(gidmap or uidmap)
        check_map(uidmap)
        check_map(gidmap)
        driver = store._driver
        new.uidmap, new.gidmap = uidmap, gidmap
        new.shifts = driver.shifts(uidmap, gidmap)
        try:
            if image and not new.shifts and driver.name == "overlay":
                record = store._find_image(image)[1]
                if record.layer and record.read_only:
                    # Nothing can be kept with that image: the container itself gets the copy.
                    new.shifted = Shifted(driver, record.layer, uidmap, gidmap, progress, False)  # type: ignore[arg-type]
                elif record.layer:
                    new.mapped = find_mapped(store, record, uidmap, gidmap)
                    if not new.mapped:
                        make_mapped(store, record, uidmap, gidmap, progress)
                        new.mapped = find_mapped(store, store._find_image(image)[1], uidmap, gidmap)
            return store._create_container(new)
        finally:
            if new.shifted is not None:
                new.shifted.close()


def find_maps(store: ContainerOps, image: str, wish: AutoUserNs) -> tuple[IDMap, IDMap]:
    """Maps of ids that no container has. Under userns.lock."""
    settings = store.settings
    size = wish.size
    highest = 0
    if not size and image:
        record = store._find_image(image)[1]
        layer = record.layer
        if layer:
            highest = highest_id(store._driver, layer)
        while layer:
            found = store._find_layer(layer)[1]
            highest = max([highest, *found.uidset, *found.gidset])
            layer = found.parent
    size = needed_size(wish, settings.auto_userns_min, settings.auto_userns_max, highest)
    uids, gids = available_ids(settings.auto_userns_user, settings.rootless)
    store._containers.refresh()
    used_uids = [(h, n) for c in store._containers.records for _, h, n in c.uidmap]
    used_gids = [(h, n) for c in store._containers.records for _, h, n in c.gidmap]
    return (
        allocate(size, free_ranges(uids, used_uids), wish.uidmap),
        allocate(size, free_ranges(gids, used_gids), wish.gidmap),
    )


def check_map(idmap: IDMap) -> None:
    """Ranges must not overlap, on either side."""
    for side in (0, 1):
        spans = sorted((r[side], r[side] + r[2]) for r in idmap)
        for (_, end), (start, _) in zip(spans, spans[1:], strict=False):  # noqa: RUF007
            if start < end:
                text = ", ".join(":".join(map(str, r)) for r in idmap)
                raise StorageError(f"invalid mappings specified: ranges of {text} overlap")
    if any(size <= 0 or inside < 0 or outside < 0 for inside, outside, size in idmap):
        raise UsageError("invalid mappings specified: a range must have at least one id")
