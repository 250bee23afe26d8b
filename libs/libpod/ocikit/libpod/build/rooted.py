"""Paths below a root directory whose symlinks must not lead outside: contexts, and containers' file systems.

Nothing else runs in a container's tree while a step copies into it, so resolving by name is enough here.
"""

from __future__ import annotations

import errno
import os

from ocikit.libpod.build.errors import BuildError

MAX_LINKS = 255


def resolve(root: str, path: str, *, follow_last: bool = True) -> str:
    """The path on disk of ``path`` inside ``root``: symlinks count from the root, ``..`` stops at it.

    The last components need not exist. Raises BuildError for a loop of symlinks.
    """
    todo = [part for part in path.split("/") if part not in ("", ".")]
    done: list[str] = []
    links = 0
    while todo:
        part = todo.pop(0)
        if part == "..":
            done = done[:-1]
            continue
        here = "/".join([root.rstrip("/"), *done, part])
        try:
            target = os.readlink(here) if todo or follow_last else None
        except OSError:
            target = None
        if target is None:
            done.append(part)
            continue
        links += 1
        if links > MAX_LINKS:
            raise BuildError(f'"{path}": too many levels of symbolic links')
        if target.startswith("/"):
            done = []
        todo = [p for p in target.split("/") if p not in ("", ".")] + todo
    return "/".join([root.rstrip("/"), *done]) or "/"


def make_directories(root: str, path: str, mode: int = 0o755, owner: tuple[int, int] = (0, 0)) -> str:
    """Makes a directory and its missing parents inside ``root``; its path on disk. Existing ones stay as they are.

    Raises BuildError when something that is not a directory stands in the way.
    """
    where = resolve(root, path)
    missing = []
    at = where
    while at != root and not os.path.isdir(at):
        if os.path.lexists(at):
            raise BuildError(f'"{path}" cannot be made: {os.strerror(errno.ENOTDIR)}')
        missing.append(at)
        at = os.path.dirname(at)
    for directory in reversed(missing):
        os.mkdir(directory, mode)
        os.chmod(directory, mode)
        os.chown(directory, *owner)
    return where
