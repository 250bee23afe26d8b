"""Mount points that a runtime creates in a container's file system, and that no image should keep.

A RUN step that touches nothing must give an empty layer, so files and directories which were made only to mount something
over them go again, and directories that the overlay copied up for that reason are forgotten.
"""

from __future__ import annotations

import os

from ocikit.libpod.build.rooted import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


class MountPoints:
    """``note`` before the run what is missing, ``leftovers`` afterwards: removes what was made.

    Returns the parent directories whose only change is that; the caller drops them from the layer.
    """

    def __init__(self, root: str) -> None:
        self.root = root
        self._made: list[str] = []
        self._parents: dict[str, os.stat_result] = {}

    def note(self, destinations: Iterable[str]) -> None:
        for destination in destinations:
            where = resolve(self.root, destination)
            missing = []
            while where != self.root and not os.path.lexists(where):
                missing.append(where)
                where = os.path.dirname(where)
            if missing:
                self._made += [path for path in missing if path not in self._made]
                self._parents.setdefault(where, os.stat(where))

    def leftovers(self) -> list[str]:
        for path in sorted(self._made, key=len, reverse=True):
            try:
                if os.path.isdir(path) and not os.path.islink(path):
                    os.rmdir(path)
                elif os.path.isfile(path) and not os.path.getsize(path):
                    os.unlink(path)
            except OSError:
                # The step put something there: then it stays.
                continue
        parents = []
        for path, before in self._parents.items():
            if os.path.isdir(path):
                after = os.stat(path)
                os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
                if (before.st_mode, before.st_uid, before.st_gid) == (after.st_mode, after.st_uid, after.st_gid):
                    parents.append(path[len(self.root) :])
        return sorted(filter(None, parents), key=len, reverse=True)
