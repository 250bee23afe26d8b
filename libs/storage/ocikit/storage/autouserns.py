"""Automatic user namespaces: which host ids a container gets that nobody else has (spec, section 14.4). Pure but for reading
the image's passwd and group files."""

from __future__ import annotations

import os
from dataclasses import dataclass

from .errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from .drivers.base import Driver, IDMap

Range = tuple[int, int]
"""first id, how many"""

_NOBODY = 65534
_MAX_FILE = 1 << 22


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoUserNs:
    """What is wished for. size: number of ids, 0 to find out; initial_size: at least so many when finding out;
    uidmap, gidmap: (container id, host id, size) ranges that are given, on top."""

    size: int = 0
    initial_size: int = 0
    uidmap: IDMap = ()
    gidmap: IDMap = ()


def free_ranges(available: Iterable[Range], used: Iterable[Range]) -> list[Range]:
    """What of the available ranges nobody uses, ascending; neighbours are joined."""
    joined: list[list[int]] = []
    for start, count in sorted(available):
        if count <= 0:
            continue
        if joined and start <= joined[-1][1]:
            joined[-1][1] = max(joined[-1][1], start + count)
        else:
            joined.append([start, start + count])
    taken = sorted((start, start + count) for start, count in used if count > 0)
    free: list[Range] = []
    for start, end in joined:
        for low, high in taken:
            if high <= start:
                continue
            if low >= end:
                break
            if low > start:
                free.append((start, low - start))
            start = max(start, high)
            if start >= end:
                break
        if start < end:
            free.append((start, end - start))
    return free


def allocate(size: int, free: Iterable[Range], given: IDMap = ()) -> IDMap:
    """Container ids 0 to size - 1, without those given, on the first free host ids (in pieces if need be); the given last.

    StorageError when there are not enough.
    """
    holes = sorted((inside, count) for inside, _, count in given)
    wanted: list[Range] = []
    inside = 0
    for start, count in [*holes, (size, 0)]:
        if start > inside:
            wanted.append((inside, min(start, size) - inside))
        inside = max(inside, start + count)
        if inside >= size:
            break
    found: list[tuple[int, int, int]] = []
    pieces = list(free)
    for start, count in wanted:
        while count > 0:
            if not pieces:
                raise StorageError(
                    "not enough unused IDs in user namespace",
                    hint="give the user of root-auto-userns-user (default: containers) more ids in /etc/subuid and /etc/subgid",
                )
            host, room = pieces[0]
            took = min(count, room)
            found.append((start, host, took))
            start, count = start + took, count - took
            if took == room:
                pieces.pop(0)
            else:
                pieces[0] = (host + took, room - took)
    return (*found, *given)


def available_ids(user: str, rootless: bool) -> tuple[list[Range], list[Range]]:
    """(uids, gids) that may be given to containers."""
    if rootless:
        return _namespace_ids("/proc/self/uid_map"), _namespace_ids("/proc/self/gid_map")
    from .reentry import ranges

    uids, gids = ranges("/etc/subuid", user), ranges("/etc/subgid", user)
    if not uids or not gids:
        missing = "/etc/subuid" if not uids else "/etc/subgid"
        raise StorageError(
            f'cannot find mappings for user "{user}": no range in {missing}',
            hint=f'add the line "{user}:2147483647:2147483648" to /etc/subuid and /etc/subgid',
        )
    return uids, gids


def _namespace_ids(path: str) -> list[Range]:
    found = []
    with open(path) as table:
        for line in table:
            inside, _, count = (int(word) for word in line.split())
            first = max(inside, 1)  # 0 is the user, who keeps it
            if inside + count > first:
                found.append((first, inside + count - first))
    return found


def needed_size(wish: AutoUserNs, minimum: int, maximum: int, highest: int) -> int:
    """How many ids; ``highest`` is the highest id that the image has. StorageError when over the maximum."""
    size = wish.size or max(minimum, wish.initial_size, highest + 1)
    if size > maximum:
        raise StorageError(
            f"the container needs a user namespace with size {size} that is bigger than the maximum value allowed "
            f"with userns=auto {maximum}"
        )
    return size


def highest_id(driver: Driver, layer: str) -> int:
    """The highest id in the image's /etc/passwd and /etc/group, as its layers have them; nobody's does not count."""
    from ocikit.common.files import open_beneath

    directories = [os.open(path, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC) for path in driver.read_dirs(layer)]
    highest = 0
    try:
        for name in ("etc/passwd", "etc/group"):
            for directory in directories:
                try:
                    fd = open_beneath(directory, name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW)
                except FileNotFoundError:
                    continue
                except OSError:  # a whiteout, or something else that is no such file
                    break
                with open(fd, "rb") as file:
                    highest = max(highest, _highest(file.read(_MAX_FILE)))
                break
    finally:
        for directory in directories:
            os.close(directory)
    return highest


def _highest(table: bytes) -> int:
    highest = 0
    for line in table.split(b"\n"):
        fields = line.split(b":")
        if len(fields) < 3 or fields[0] in (b"nobody", b"nogroup"):
            continue
        for text in fields[2:4] if len(fields) > 4 else fields[2:3]:
            if text.isdigit() and int(text) != _NOBODY:
                highest = max(highest, int(text))
    return highest
