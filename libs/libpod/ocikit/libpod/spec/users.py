"""Users and groups of a container, looked up in its own /etc/passwd and /etc/group (libpod.md section 4.6)."""

from __future__ import annotations

from ocikit.common.errors import CannotExecute

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class UserInfo:
    """Who the first process is. ``groups`` are the supplementary gids; ``found`` tells whether passwd has the uid."""

    __slots__ = ("found", "gid", "group_found", "groups", "home", "name", "uid")

    def __init__(self) -> None:
        self.uid = 0
        self.gid = 0
        self.groups: list[int] = []
        self.home = "/"
        self.name = ""
        self.found = False
        self.group_found = True


def _rows(text: str, columns: int) -> Iterable[list[str]]:
    for line in text.splitlines():
        fields = line.split(":")
        if len(fields) >= columns and not line.startswith("#"):
            yield fields


def _number(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 11 else None


def lookup(user: str, group_add: Sequence[str], passwd: str, group: str) -> UserInfo:
    """``user`` is ``name|uid[:group|gid]`` or empty for root; ``passwd`` and ``group`` are the files' texts.

    Raises CannotExecute if a name is in neither file, or a number does not fit.
    """
    info = UserInfo()
    name, colon, group_name = user.partition(":")
    name = name or "0"
    number = _number(name)
    for fields in _rows(passwd, 4):
        if fields[0] == name or (number is not None and _number(fields[2]) == number):
            info.uid = _number(fields[2]) or 0
            info.gid = _number(fields[3]) or 0
            info.name = fields[0]
            info.home = (fields[5] if len(fields) > 5 else "") or "/"
            info.found = True
            break
    else:
        if number is None:
            raise CannotExecute(f"unable to find user {name}: no matching entries in passwd file")
        if number > 4294967294:
            raise CannotExecute(f"uids and gids must be in range 0-4294967294, got {number}")
        info.uid = number
        if number == 0:
            info.home = "/root" if not passwd else "/"
    if colon and group_name:
        info.gid, info.group_found = _group(group_name, group)
        info.groups = [info.gid]
    else:
        info.groups = [info.gid] if info.uid or info.gid else []
        if info.found:
            members = [
                int(fields[2])
                for fields in _rows(group, 4)
                if _number(fields[2]) is not None and info.name in fields[3].split(",")
            ]
            info.groups += [gid for gid in members if gid not in info.groups]
    for extra in group_add:
        gid, _ = _group(extra, group)
        if gid not in info.groups:
            info.groups.append(gid)
    return info


def _group(name: str, group: str) -> tuple[int, bool]:
    number = _number(name)
    for fields in _rows(group, 3):
        if fields[0] == name or (number is not None and _number(fields[2]) == number):
            return _number(fields[2]) or 0, True
    if number is None:
        raise CannotExecute(f"unable to find group {name}: no matching entries in group file")
    return number, False


def read_database(root: str, name: str) -> str:
    """The text of ``etc/passwd`` or ``etc/group`` beneath ``root``; "" if there is none. Links are not followed out."""
    import os

    from ocikit.common.files import open_beneath

    try:
        top = os.open(root, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fd = open_beneath(top, f"etc/{name}", os.O_RDONLY | os.O_CLOEXEC, 0)
    except OSError:
        return ""
    finally:
        os.close(top)
    with os.fdopen(fd, "rb") as file:
        return file.read(1 << 20).decode("utf-8", "surrogateescape")
