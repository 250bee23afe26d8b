"""``podman import``: a root file system in a tar becomes an image of one layer."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ocikit.common.errors import OcikitError
from ocikit.image.context import SystemContext
from ocikit.image.copy.engine import copy_image
from ocikit.image.copy.options import CopyOptions
from ocikit.image.copy.report import Reporter
from ocikit.image.transports.base import Platform
from ocikit.image.transports.tarball import TarballReference

from .changes import apply_changes
from .common import storage_reference
from .naming import normalize_name

if TYPE_CHECKING:
    from ocikit.storage import Store


class ImportOptions:
    """``changes``: instructions like "CMD=ls" or "ENV a=b"; ``stdin``: a file to read where the path is "-"."""

    __slots__ = ("arch", "changes", "ctx", "message", "os", "reference", "report", "stdin", "variant")

    def __init__(
        self,
        *,
        reference: str = "",
        changes: Sequence[str] = (),
        message: str = "",
        os: str = "",
        arch: str = "",
        variant: str = "",
        ctx: SystemContext | None = None,
        report: Reporter | None = None,
        stdin: Any = None,
    ) -> None:
        self.reference = reference
        self.changes = changes
        self.message = message
        self.os = os
        self.arch = arch
        self.variant = variant
        self.ctx = ctx or SystemContext()
        self.report = report or Reporter()
        self.stdin = stdin


def import_(store: Store, path: str, options: ImportOptions | None = None) -> str:
    """The id of the new image. ``path`` is a file, "-" or an http(s) URL."""
    options = options or ImportOptions()
    config: dict[str, Any] = {}
    apply_changes(config, options.changes)
    name = normalize_name(options.reference) if options.reference else ""
    temporary = ""
    try:
        if path == "-" or path.startswith(("http://", "https://")):
            path = temporary = spool(path, options.ctx, options.stdin)
        elif not os.path.exists(path):
            raise OcikitError(
                f'error opening "{path}": open {path}: no such file or directory', hint="give a tar file, a URL or -"
            )
        return _import_file(store, path, name, config, options)
    finally:
        if temporary:
            os.unlink(temporary)


def spool(path: str, ctx: SystemContext, stdin: Any) -> str:
    """Standard input ("-") or what a URL delivers, as a temporary file; its path."""
    fd, temporary = tempfile.mkstemp(prefix="container_images_import", dir=ctx.big_tmpdir())
    try:
        with os.fdopen(fd, "wb") as file:
            if path == "-":
                shutil.copyfileobj(stdin, file, 1 << 20)
            else:
                _download(path, file)
    except BaseException:
        os.unlink(temporary)
        raise
    return temporary


def _download(url: str, file: Any) -> None:
    from ocikit.image.registry.http import TlsOptions, send, session_for

    response = send(session_for(url.split("/")[2], TlsOptions()), "GET", url, headers={})
    try:
        if response.status_code != 200:
            raise OcikitError(f"downloading {url}: {response.status_code} {response.reason}")
        while piece := response.raw.read(1 << 20, decode_content=False):
            file.write(piece)
    finally:
        response.close()


def _import_file(store: Store, path: str, name: str, config: dict[str, Any], options: ImportOptions) -> str:
    source = TarballReference(
        [path],
        config=config,
        comment=options.message or "imported from tarball",
        platform=Platform(options.os, options.arch, options.variant),
    )
    from .pulling import PullOptions
    from .sources import image_id_of

    image_id = image_id_of(source, PullOptions(ctx=options.ctx))
    copy_image(
        storage_reference(store, name or f"@{image_id}"),
        source,
        CopyOptions(dest_ctx=options.ctx, report=options.report),
    )
    return image_id
