"""What a COPY or ADD names: patterns to files, with ignore rules, ``--exclude`` and ``--parents``.

Source: Dockerfile reference "COPY", "ADD"; the texts of errors are buildah's.
"""

from __future__ import annotations

import os
import posixpath
import re
import stat

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.globs import glob_regex, has_magic
from ocikit.libpod.build.ignore import Ignore
from ocikit.libpod.build.rooted import resolve

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class Entry:
    """One file, directory, symlink or special file to copy. ``name`` is its path below the destination ("" = the
    destination directory itself), ``path`` where it is now, ``status`` its lstat."""

    __slots__ = ("name", "path", "status")

    def __init__(self, name: str, path: str, status: os.stat_result) -> None:
        self.name, self.path, self.status = name, path, status


class Source:
    """One match of a source pattern: a file or the contents of a directory, found when ``entries`` is walked."""

    def __init__(self, root: str, relative: str, path: str, ignore: Ignore, exclude: Ignore) -> None:
        self.root, self.relative, self.path, self.ignore, self.exclude = root, relative, path, ignore, exclude
        # A link that is named is followed, one that is met inside a tree is copied.
        self.status = os.stat(path)
        self.is_directory = stat.S_ISDIR(self.status.st_mode)
        self.filtered = 0

    @property
    def base_name(self) -> str:
        return posixpath.basename(self.relative) or "."

    def _left_out(self, relative: str) -> bool:
        return self.ignore.excluded(relative) or self.exclude.excluded(relative)

    def entries(self, prefix: str = "") -> Iterator[Entry]:
        """The entries in walk order (names sorted in each directory); a directory's own entry comes first, named ``prefix``."""
        if not self.is_directory:
            if self._left_out(self.relative):
                self.filtered += 1
                return
            yield Entry(prefix, self.path, self.status)
            return
        yield Entry(prefix, self.path, self.status)
        yield from self._walk(self.path, self.relative, prefix)

    def _walk(self, folder: str, relative: str, prefix: str) -> Iterator[Entry]:
        with os.scandir(folder) as found:
            children = sorted(found, key=lambda item: os.fsencode(item.name))
        for child in children:
            inside = posixpath.join(relative, child.name)
            name = posixpath.join(prefix, child.name)
            out = self._left_out(inside)
            status = child.stat(follow_symlinks=False)
            directory = stat.S_ISDIR(status.st_mode)
            if out:
                self.filtered += 1
                if directory and (self.ignore.may_hold_kept(inside) or self.exclude.may_hold_kept(inside)):
                    # Kept files below an excluded directory bring the directory with them.
                    below = list(self._walk(child.path, inside, name))
                    if below:
                        yield Entry(name, child.path, status)
                        yield from below
                continue
            yield Entry(name, child.path, status)
            if directory:
                yield from self._walk(child.path, inside, name)


def find_sources(root: str, patterns: list[str], ignore: Ignore, exclude: Ignore, shown_root: str = "") -> list[Source]:
    """All matches of all patterns below a context (or another stage's file system), in order.

    Raises BuildError when a pattern matches nothing or reaches out of the root.
    """
    found: list[Source] = []
    shown = shown_root or root
    for pattern in patterns:
        clean = posixpath.normpath(pattern.lstrip("/") or ".")
        if clean == ".." or clean.startswith("../"):
            raise BuildError(f'possible escaping context directory error: "{pattern}" is outside of "{shown}"')
        matches = _glob(root, clean) if has_magic(clean) else [clean]
        sources = []
        for relative in matches:
            path = resolve(root, "" if relative == "." else relative)
            if not os.path.exists(path):
                continue
            sources.append(Source(root, "" if relative == "." else relative, path, ignore, exclude))
        kept = [s for s in sources if not s.relative or not _gone(s, ignore)]
        if not sources:
            text = f'["/{clean}"]' if has_magic(clean) else f'"/{clean}"'
            raise BuildError(f'checking on sources under "{shown}": copier: stat: {text}: no such file or directory')
        if not kept:
            note = f"({len(sources)} filtered out by the ignore file)"
            raise BuildError(f'no items matching glob "{shown}/{clean}" copied {note}: no such file or directory')
        found += kept
    return found


def _gone(source: Source, ignore: Ignore) -> bool:
    if not ignore.excluded(source.relative):
        return False
    return not (source.is_directory and ignore.may_hold_kept(source.relative))


def _glob(root: str, pattern: str) -> list[str]:
    """Paths relative to root that match, sorted; each component is matched on its own."""
    level = [""]
    for part in pattern.split("/"):
        following: list[str] = []
        if not has_magic(part):
            following = [posixpath.join(base, part) for base in level]
        else:
            matcher = re.compile(glob_regex(part), re.DOTALL)
            for base in level:
                folder = resolve(root, base)
                try:
                    names = os.listdir(folder)
                except OSError:
                    continue
                following += [posixpath.join(base, n) for n in sorted(names, key=os.fsencode) if matcher.fullmatch(n)]
        level = following
    return [path for path in level if os.path.lexists(resolve(root, path, follow_last=False))]


def parents_prefix(pattern: str, relative: str) -> str:
    """With ``--parents``: the directory path that a match keeps below the destination (``/./`` marks where it begins)."""
    folder = posixpath.dirname(relative)
    if "/./" in pattern:
        before = posixpath.normpath(pattern.split("/./", 1)[0].lstrip("/"))
        depth = 0 if before in ("", ".") else len(before.split("/"))
        folder = "/".join(folder.split("/")[depth:]) if folder else ""
    return folder
