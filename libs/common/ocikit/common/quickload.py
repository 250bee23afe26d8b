"""Imports of our own modules with a third of the system calls and half of the work.

The ordinary machinery lists each folder, looks for five kinds of files, opens the compiled one through a buffered file
and computes several names, for each of the hundred small modules that ``podman run`` loads: 1,000 system calls and 5 ms.
What lies here is known: ``name.py`` or ``name/__init__.py`` with its compiled form in ``__pycache__``. So one stat and one
read do. The compiled file is checked against the source (modification time and size, PEP 552) just as it always is, and
whatever is not as expected (no compiled file, a hash-based one, another interpreter's, a zip, ``-O``) is left to the
ordinary machinery, which also writes the compiled files.

``install()`` is for programs that own their process: the scripts in ``cmd/*/bin`` call it before anything else.
"""

from __future__ import annotations

import _frozen_importlib_external as external
import marshal
import posix
import sys
from _frozen_importlib import ModuleSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import CodeType, ModuleType
    from typing import Any

PREFIX = "ocikit."
_SUFFIX = f".{sys.implementation.cache_tag}.pyc"
# Magic number and flags of a compiled file that is checked by modification time.
_HEAD = external.MAGIC_NUMBER + bytes(4)
# Above 128 KiB the C library would map and unmap memory for each file; modules of ours have 30.
_LARGEST = 1 << 16


class Loader(external.SourceFileLoader):
    """A source loader that has had its compiled file looked at already."""

    code: CodeType | None = None

    def get_code(self, fullname: str) -> Any:
        """The compiled code; the ordinary way where ours was not sure."""
        code, self.code = self.code, None
        return super().get_code(fullname) if code is None else code


class Finder:
    """On ``sys.meta_path``; None means "ask the next one"."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        if not name.startswith(PREFIX) or path is None:
            return None
        tail = name.rpartition(".")[2]
        for folder in path:
            base = f"{folder}/{tail}"
            source, compiled = f"{base}.py", f"{folder}/__pycache__/{tail}{_SUFFIX}"
            try:
                status = posix.stat(source)
            except OSError:
                source, compiled = f"{base}/__init__.py", f"{base}/__pycache__/__init__{_SUFFIX}"
                try:
                    status = posix.stat(source)
                except OSError:
                    continue
            code = _read(compiled, status)
            if code is None:
                return None
            loader = Loader(name, source)
            loader.code = code
            spec = ModuleSpec(name, loader, origin=source, is_package=source[-12:] == "/__init__.py")
            if spec.submodule_search_locations is not None:
                spec.submodule_search_locations.append(base)
            spec.cached = compiled
            spec.has_location = True
            return spec
        return None


def _read(path: str, source: posix.stat_result) -> CodeType | None:
    try:
        fd = posix.open(path, posix.O_RDONLY | posix.O_CLOEXEC)
    except OSError:
        return None
    try:
        data = posix.read(fd, _LARGEST)
    finally:
        posix.close(fd)
    expected = _HEAD + (int(source.st_mtime) & 0xFFFFFFFF).to_bytes(4, "little")
    expected += (source.st_size & 0xFFFFFFFF).to_bytes(4, "little")
    if data[:16] != expected or len(data) == _LARGEST:
        return None
    try:
        code: CodeType = marshal.loads(memoryview(data)[16:])  # noqa: S302 - what importlib does, too
    except (ValueError, EOFError, TypeError):
        return None
    return code


def install() -> None:
    """Puts the finder first. Does nothing where compiled files have other names or places."""
    if sys.flags.optimize or sys.pycache_prefix or Finder in sys.meta_path:
        return
    sys.meta_path.insert(0, Finder)
