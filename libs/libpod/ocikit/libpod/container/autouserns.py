"""``--userns=auto``: a range of ids that no other container has (storage.md section 14.4)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ocikit.libpod.runtime import Runtime
    from ocikit.libpod.spec.idmaps import Map, UserNamespace
    from ocikit.libpod.spec.template import ImageInfo

USER = "containers"
MIN_SIZE = 1024
MAX_SIZE = 65536


def allocate(runtime: Runtime, image: ImageInfo, userns: UserNamespace) -> tuple[list[Map], list[Map]]:
    """(uid map, gid map) for a new container."""
    from ocikit.libpod.spec.idmaps import parse_map

    wanted = int((userns.auto.get("size") or ["0"])[0]) or _size(runtime, image)
    result = []
    for kind in ("uid", "gid"):
        extra = [parse_map(text) for text in userns.auto.get(f"{kind}mapping", ())]
        free = _subtract(_available(runtime, kind), _used(runtime, kind))
        result.append(build(free, wanted, extra))
    return result[0], result[1]


def _size(runtime: Runtime, image: ImageInfo) -> int:
    """One more than the highest id that the image's layers mention."""
    top = MIN_SIZE
    layer: str | None = runtime.store.image(image.id).layer if image.id else None
    while layer:
        record = runtime.store.layer(layer)
        top = max([top, *(1 + n for n in (*record.uidset, *record.gidset) if n != 65534)])
        layer = record.parent or None
    if top > MAX_SIZE:
        raise OcikitError(
            f"the container needs a user namespace with size {top} that is bigger than the maximum value allowed with "
            f"userns=auto {MAX_SIZE}"
        )
    return top


def _available(runtime: Runtime, kind: str) -> list[tuple[int, int]]:
    """(start, count) ranges that may be handed out."""
    if runtime.rootless:
        with open(f"/proc/self/{kind}_map", encoding="utf-8") as file:
            total = sum(int(line.split()[2]) for line in file)
        return [(1, total - 1)]
    ranges = []
    try:
        with open(f"/etc/sub{kind}", encoding="utf-8") as file:
            for line in file:
                fields = line.strip().split(":")
                if len(fields) == 3 and fields[0] == USER:
                    ranges.append((int(fields[1]), int(fields[2])))
    except FileNotFoundError:
        pass
    if not ranges:
        from ocikit.common.log import error

        error(f'Cannot find mappings for user "{USER}": no subuid ranges found for user "{USER}" in /etc/sub{kind}')
    return sorted(ranges)


def _used(runtime: Runtime, kind: str) -> list[tuple[int, int]]:
    used = []
    for record in runtime.store.containers():
        rows: Iterable[tuple[int, int, int]] = record.uidmap if kind == "uid" else record.gidmap
        used += [(host, count) for _, host, count in rows]
    return sorted(used)


def _subtract(ranges: Sequence[tuple[int, int]], used: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    result = []
    for start, count in ranges:
        end = start + count
        for taken, size in used:
            if taken >= end or taken + size <= start:
                continue
            if taken > start:
                result.append((start, taken - start))
            start = max(start, taken + size)
        if start < end:
            result.append((start, end - start))
    return result


def build(free: Sequence[tuple[int, int]], size: int, extra: Sequence[Map]) -> list[Map]:
    """First fit over the free ranges; ids inside that ``extra`` maps are left out. Pure.

    >>> build([(1000, 5000)], 10, [(7, 100, 1)])
    [(0, 1000, 7), (8, 1007, 2), (7, 100, 1)]
    """
    gaps = _subtract([(0, size)], sorted((inside, count) for inside, _, count in extra))
    result: list[Map] = []
    pool = list(free)
    for inside, count in gaps:
        while count:
            if not pool:
                raise OcikitError("creating container storage: not enough unused IDs in user namespace")
            start, have = pool[0]
            take = min(count, have)
            result.append((inside, start, take))
            inside += take
            count -= take
            pool[0:1] = [(start + take, have - take)] if have > take else []
    return [*result, *extra]
