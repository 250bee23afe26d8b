"""``buildah copy`` and ``buildah add``: the same copying as COPY and ADD, into a working container, from anywhere."""

from __future__ import annotations

import os
import posixpath

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.ignore import Ignore, find_ignore, parse_ignore
from ocikit.libpod.build.imageconfig import BuildConfig
from ocikit.libpod.build.lexer import Instruction

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.build.working import WorkingContainer


class CopyRequest:
    """What to copy: ``flags`` are those of COPY and ADD as words ("--chown=1:2"), ``source`` an image or container instead of
    the host, ``context`` the directory that sources are below (empty: the whole host, relative to where we are)."""

    def __init__(self, sources: Sequence[str], destination: str = "", *, add: bool = False) -> None:
        self.sources, self.destination, self.add = list(sources), destination, add
        self.flags: list[str] = []
        self.source = self.context = self.ignore_file = ""
        self.options: Any = None
        self.mtime_s: int | None = None


def copy_into(container: WorkingContainer, request: CopyRequest) -> str:
    """Copies; the digest of the content as the history names it ("file:HEX"). Raises BuildError."""
    from ocikit.libpod.build.filesteps import CopyStep
    from ocikit.libpod.build.workspace import Mounted

    with Mounted(container.store, container.record.id) as root:
        stage: Any = _Stage(container, request, root)
        keyword = "ADD" if request.add else "COPY"
        sources = request.sources
        if not request.context and not request.source:
            sources = [s if "://" in s else os.path.abspath(s) + ("/" if s.endswith("/") else "") for s in sources]
        words = [_literal(word) for word in (*sources, request.destination or container.config.workdir or "/")]
        flags = [*request.flags, *([f"--from={_literal(request.source)}"] if request.source else [])]
        step = Instruction(keyword, keyword, "", flags=flags, json=words)
        try:
            action = CopyStep(stage, step)
            action.mtime_s = request.mtime_s
            digest = action.key().split()[4]
            action.perform(stage.workspace)
        finally:
            stage.close()
    return digest


def _literal(word: str) -> str:
    """Words of a command line are not expanded."""
    return "".join("\\" + char if char in "\\$'\"" else char for char in word)


class _Workspace:
    def __init__(self, root: str) -> None:
        self.root = root


class _Stage:
    """What CopyStep asks of the stage it is in, for a working container."""

    def __init__(self, container: WorkingContainer, request: CopyRequest, root: str) -> None:
        self.container, self.request = container, request
        self.config = BuildConfig()
        self.workspace = _Workspace(root)
        self.build = self
        self.options = request.options
        self._mounted: list[str] = []
        self._layers: list[str] = []

    def absolute(self, path: str) -> str:
        return posixpath.normpath(posixpath.join("/", self.container.config.workdir, path))

    def root_for_names(self, stage: Any) -> str:
        return self.workspace.root

    def source_root(self, stage: Any, name: str) -> tuple[str, Ignore, str]:
        request, store = self.request, self.container.store
        if not name:
            if not request.context:
                return "/", Ignore([]), "/"
            return os.path.realpath(request.context), self._ignore(), request.context
        for record in store.containers():
            if request.source in record.names or record.id == request.source:
                self._layers.append(record.id)
                return store.mount(record.id), Ignore([]), name
        from ocikit.libpod.build.bases import base_image

        image = base_image(store, request.options, request.source, "")
        self._mounted.append(image.id)
        return store.mount_image(image.id), Ignore([]), name

    def _ignore(self) -> Ignore:
        path = find_ignore(self.request.context, "", self.request.ignore_file)
        if not path:
            return Ignore([])
        try:
            with open(path, errors="surrogateescape") as file:
                return parse_ignore(file.read())
        except OSError as error:
            raise BuildError(f"the ignore file {path} cannot be read: {error.strerror}") from None

    def close(self) -> None:
        for image in self._mounted:
            self.container.store.unmount_image(image)
        for container in self._layers:
            self.container.store.unmount(container)
