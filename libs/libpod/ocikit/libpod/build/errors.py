"""Errors of a build. The texts are those of buildah-build(1)'s engine where a script could look for them."""

from __future__ import annotations

from ocikit.common.errors import OcikitError


class BuildError(OcikitError):
    """The build cannot go on; exit code 125 unless a RUN step's own status stands in."""


class ParseError(BuildError):
    """A Containerfile that cannot be read; ``path`` and ``line`` (from 1) say where."""

    def __init__(self, message: str, path: str = "", line: int = 0) -> None:
        self.path, self.line = path, line
        where = f"{path}:{line}: " if path and line else ""
        super().__init__(f"{where}{message}")
