"""User namespaces: ``--userns``, ``--uidmap``, ``--gidmap``, ``--subuidname`` (libpod.md section 4.5)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions

Map = tuple[int, int, int]  # first id inside, first id outside, count


class UserNamespace:
    """``mode`` is host, private, auto, keep-id, nomap, container or ns; maps are empty for host.

    ``user`` is what keep-id makes the default user ("uid:gid"); ``auto`` holds its options.
    """

    __slots__ = ("auto", "gids", "mode", "uids", "user", "value")

    def __init__(self, mode: str = "host") -> None:
        self.mode = mode
        self.value = ""
        self.uids: list[Map] = []
        self.gids: list[Map] = []
        self.user = ""
        self.auto: dict[str, list[str]] = {}

    @property
    def mapped(self) -> bool:
        return bool(self.uids)


def parse(
    options: CreateOptions,
    default: str,
    *,
    rootless: bool,
    caller: tuple[int, int],
    own_maps: Callable[[], tuple[Sequence[Map], Sequence[Map]]],
    subids: Callable[[str], tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]]],
) -> UserNamespace:
    """What the flags ask for. ``own_maps`` reads this process's maps, ``subids`` a user's sub-id ranges (start, count)."""
    text = options.userns or ("private" if options.uidmap or options.gidmap or options.subuidname else default)
    word, colon, rest = text.partition(":")
    result = UserNamespace(word or "host")
    result.value = rest
    if word in ("", "host", "pod"):
        if options.uidmap or options.gidmap:
            raise OcikitError("--userns and --uidmap/--gidmap/--subuidname/--subgidname are mutually exclusive")
        return result
    if word == "private":
        _private(result, options, rootless, own_maps, subids)
    elif word == "keep-id":
        _keep_id(result, rest, rootless, caller, own_maps)
    elif word == "nomap":
        if not rootless:
            raise OcikitError("nomap is only supported in rootless mode")
        uids, gids = own_maps()
        result.uids = [(0, 1, _total(uids) - 1)]
        result.gids = [(0, 1, _total(gids) - 1)]
    elif word == "auto":
        for part in rest.split(","):
            key, equals, value = part.partition("=")
            if part and (key not in ("size", "uidmapping", "gidmapping") or not equals):
                raise OcikitError(f"unknown option specified: {key!r}")
            if part:
                result.auto.setdefault(key, []).append(value)
    elif word in ("container", "ns"):
        if not colon or not rest:
            raise OcikitError(f"invalid config provided: namespace mode {word} requires a value")
    else:
        raise OcikitError(f"unrecognized namespace mode {text} passed")
    return result


def _total(maps: Sequence[Map]) -> int:
    return sum(count for _, _, count in maps)


def _private(
    result: UserNamespace,
    options: CreateOptions,
    rootless: bool,
    own_maps: Callable[[], tuple[Sequence[Map], Sequence[Map]]],
    subids: Callable[[str], tuple[Sequence[tuple[int, int]], Sequence[tuple[int, int]]]],
) -> None:
    if options.subuidname or options.subgidname:
        name = options.subuidname or options.subgidname
        uids, gids = subids(name)
        if not uids:
            raise OcikitError(f'no subuid ranges found for user "{name}" in /etc/subuid')
        result.uids, result.gids = _stack(uids), _stack(gids or uids)
        return
    result.uids = [parse_map(text) for text in options.uidmap]
    result.gids = [parse_map(text) for text in options.gidmap]
    if not result.uids and not result.gids:
        if rootless:
            uids_own, gids_own = own_maps()
            result.uids, result.gids = [(0, 0, _total(uids_own))], [(0, 0, _total(gids_own))]
            return
        raise OcikitError("--userns=private needs --uidmap, --gidmap or --subuidname")
    result.uids = result.uids or list(result.gids)
    result.gids = result.gids or list(result.uids)


def _stack(ranges: Sequence[tuple[int, int]]) -> list[Map]:
    result, inside = [], 0
    for start, count in ranges:
        result.append((inside, start, count))
        inside += count
    return result


def parse_map(text: str) -> Map:
    """``container:host[:count]``."""
    fields = text.lstrip("+ug").split(":")
    try:
        numbers = [int(field.lstrip("@")) for field in fields]
    except ValueError:
        numbers = []
    if len(numbers) == 2:
        numbers.append(1)
    if len(numbers) != 3 or min(numbers) < 0 or numbers[2] < 1:
        raise OcikitError(f'error parsing id map value "{text}": it must be container:host:size')
    return numbers[0], numbers[1], numbers[2]


def _keep_id(
    result: UserNamespace,
    rest: str,
    rootless: bool,
    caller: tuple[int, int],
    own_maps: Callable[[], tuple[Sequence[Map], Sequence[Map]]],
) -> None:
    wanted: dict[str, int] = {}
    for part in rest.split(","):
        key, equals, value = part.partition("=")
        if not part:
            continue
        if key not in ("uid", "gid", "size") or not equals or not value.isdigit():
            raise OcikitError(f"unknown option specified: {part!r}")
        wanted[key] = int(value)
    if not rootless:
        # Root keeps all ids: a namespace of its own that maps everything onto itself.
        result.uids = result.gids = [(0, 0, 4294967295)]
        result.user = "0:0"
        return
    uids, gids = own_maps()
    uid, gid = wanted.get("uid", caller[0]), wanted.get("gid", caller[1])
    result.uids = keep_map(uid, wanted.get("size", 0) or _total(uids))
    result.gids = keep_map(gid, wanted.get("size", 0) or _total(gids))
    result.user = f"{uid}:{gid}"


def keep_map(own: int, total: int) -> list[Map]:
    """A map in terms of our own namespace where ``own`` inside is id 0 outside (the caller) and the rest follows."""
    result = []
    if own:
        result.append((0, 1, min(own, total - 1)))
    result.append((own, 0, 1))
    rest = total - own - 1
    if rest > 0:
        result.append((own + 1, own + 1, rest))
    return result


def read_maps() -> tuple[list[Map], list[Map]]:
    """(uid map, gid map) of this process."""
    result = []
    for name in ("uid_map", "gid_map"):
        with open(f"/proc/self/{name}", encoding="utf-8") as file:
            rows = [line.split() for line in file]
        result.append([(int(a), int(b), int(c)) for a, b, c in rows])
    return result[0], result[1]


def record(ns: UserNamespace) -> dict[str, Any]:
    """The ``idMappingsOptions`` of ContainerConfig."""

    def maps(rows: Sequence[Map]) -> list[dict[str, int]] | None:
        return [{"container_id": a, "host_id": b, "size": c} for a, b, c in rows] or None

    size = int((ns.auto.get("size") or ["0"])[0])
    return {
        "HostUIDMapping": not ns.mapped and ns.mode != "auto",
        "HostGIDMapping": not ns.mapped and ns.mode != "auto",
        "UIDMap": maps(ns.uids),
        "GIDMap": maps(ns.gids),
        "AutoUserNs": ns.mode == "auto",
        "AutoUserNsOpts": {
            "Size": size,
            "InitialSize": 0,
            "PasswdFile": "",
            "GroupFile": "",
            "AdditionalUIDMappings": maps([parse_map(text) for text in ns.auto.get("uidmapping", ())]),
            "AdditionalGIDMappings": maps([parse_map(text) for text in ns.auto.get("gidmapping", ())]),
        },
    }
