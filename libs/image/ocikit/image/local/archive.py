"""``podman save`` and ``podman load``: images in archives and directories."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocikit.common.errors import OcikitError, UsageError
from ocikit.image.context import SystemContext
from ocikit.image.copy.engine import copy_image
from ocikit.image.copy.options import CopyOptions
from ocikit.image.copy.report import Reporter
from ocikit.image.names import parse_image_name
from ocikit.image.reference import ImageName, parse_normalized
from ocikit.image.transports.base import ImageDestination, ImageReference
from ocikit.image.transports.docker_tar import DockerTar, DockerTarDestination
from ocikit.image.transports.tarwriter import ArchiveWriter

from .common import storage_reference
from .lookup import find_named, unknown
from .naming import normalize_name
from .sources import copy_all

if TYPE_CHECKING:
    from ocikit.storage import Store

    from .pulling import PullOptions

SAVE_FORMATS = ("docker-archive", "docker-dir", "oci-archive", "oci-dir")
V2S2 = "application/vnd.docker.distribution.manifest.v2+json"


class SaveOptions:
    """``format``: one of SAVE_FORMATS. ``accept_uncompressed``: oci formats may hold plain tars."""

    __slots__ = ("accept_uncompressed", "compress", "ctx", "format", "report")

    def __init__(
        self,
        format: str = "docker-archive",
        *,
        ctx: SystemContext | None = None,
        compress: bool = False,
        accept_uncompressed: bool = False,
        report: Reporter | None = None,
    ) -> None:
        if format not in SAVE_FORMATS:
            raise UsageError(f"format value must be one of {' '.join(reversed(SAVE_FORMATS))}")
        self.format = format
        self.ctx = ctx or SystemContext()
        self.compress = compress
        self.accept_uncompressed = accept_uncompressed
        self.report = report or Reporter()


class _Selection:
    """One image to save and the names that go with it."""

    __slots__ = ("id", "names")

    def __init__(self, id: str) -> None:
        self.id = id
        self.names: list[ImageName] = []


def _select(store: Store, names: Sequence[str]) -> list[_Selection]:
    """The images in order, each once; a name given twice is one, an id gives no name."""
    chosen: dict[str, _Selection] = {}
    for name in names:
        found = find_named(store, name)
        if found is None:
            raise unknown(name)
        record, full = found
        selection = chosen.setdefault(record.id, _Selection(record.id))
        if full:
            parsed = parse_normalized(full)
            if parsed.tag and parsed not in selection.names:
                selection.names.append(parsed)
    return list(chosen.values())


def save(
    store: Store,
    names: Sequence[str],
    path: str,
    options: SaveOptions | None = None,
    *,
    extra_names: Sequence[str] = (),
) -> None:
    """Write images to ``path``: several only into docker-archive. Nothing is left of a file that didn't get complete.

    ``extra_names`` are written as further names of the first image, whatever they mean here.
    """
    options = options or SaveOptions()
    chosen = _select(store, names)
    for extra in extra_names:
        parsed = parse_normalized(normalize_name(extra))
        if parsed not in chosen[0].names:
            chosen[0].names.append(parsed)
    if options.format == "docker-archive":
        return _save_docker_archive(store, chosen, path, options)
    if len(chosen) > 1:
        raise UsageError(f"unspported format {options.format} for saving multiple images (only docker-archive)")
    one = chosen[0]
    name = str(one.names[0]) if one.names else ""
    target = {
        "oci-archive": f"oci-archive:{path}" + (f":{name}" if name else ""),
        "oci-dir": f"oci:{path}" + (f":{name}" if name else ""),
        "docker-dir": f"dir:{path}",
    }[options.format]
    ctx = options.ctx.replace(
        dir_force_compress=options.compress, oci_accept_uncompressed_layers=options.accept_uncompressed
    )
    copy_options = CopyOptions(
        src_ctx=options.ctx,
        dest_ctx=ctx,
        format=V2S2 if options.format == "docker-dir" else "",
        remove_signatures=True,
        report=options.report,
    )
    copy_image(parse_image_name(target), storage_reference(store, f"@{one.id}"), copy_options)
    return None


class _ArchivePart(ImageReference):
    """One image of an archive that several are written into, one after the other."""

    def __init__(self, tar: DockerTar, path: str, names: Sequence[ImageName]) -> None:
        self.transport = parse_image_name(f"docker-archive:{path}").transport
        self._tar = tar
        self._path = path
        self._names = names

    def string_within_transport(self) -> str:
        return f"{self._path}:{self._names[0]}" if self._names else self._path

    def docker_reference(self) -> ImageName | None:
        return self._names[0] if self._names else None

    def open_destination(self, ctx: SystemContext) -> ImageDestination:
        return _PartDestination(self, self._tar, self._names)


class _PartDestination(DockerTarDestination):
    def __init__(self, reference: ImageReference, tar: DockerTar, names: Sequence[ImageName]) -> None:
        super().__init__(tar, names)
        self.reference = reference

    def commit(self, top_manifest: tuple[bytes, str] | None = None) -> None:
        """The archive is finished when all of its images are in."""


def _save_docker_archive(store: Store, chosen: Sequence[_Selection], path: str, options: SaveOptions) -> None:
    if os.path.isfile(path) and os.path.getsize(path):
        raise OcikitError(
            "docker-archive doesn't support modifying existing images",
            hint=f"remove {path} first or choose another file",
        )
    archive = ArchiveWriter(path, options.ctx.big_tmpdir())
    try:
        tar = DockerTar(archive)
        for one in chosen:
            copy_options = CopyOptions(
                src_ctx=options.ctx,
                dest_ctx=options.ctx,
                format=V2S2,
                remove_signatures=True,
                report=options.report,
            )
            copy_image(_ArchivePart(tar, path, one.names), storage_reference(store, f"@{one.id}"), copy_options)
        tar.finish()
        archive.commit()
    finally:
        archive.close()


def load(store: Store, path: str, options: PullOptions) -> list[str]:
    """Copy every image of an archive or directory into the store; the names (or "sha256:ID") that they have now.

    What ``path`` is, is found out by trying: OCI archive, docker archive, OCI layout, docker directory.
    """
    problems: list[str] = []
    kinds = ("oci", "dir") if os.path.isdir(path) else ("oci-archive", "docker-archive")
    for kind in kinds:
        if not _looks_like(kind, path):
            continue
        try:
            return [name for _, name in copy_all(store, parse_image_name(f"{kind}:{path}"), options)]
        except OcikitError as exc:
            problems.append(f"{kind}: {exc}")
    if problems:
        raise OcikitError(f"payload does not match any of the supported image formats: {'; '.join(problems)}")
    raise OcikitError(
        "payload does not match any of the supported image formats: oci-archive, docker-archive, oci, dir",
        hint=f"{path} must come from `podman save` or `docker save`; a plain root file system goes into `podman import`",
    )


def _looks_like(kind: str, path: str) -> bool:
    """A cheap look, so that the error is the one of the right kind."""
    if kind == "oci":
        return os.path.exists(os.path.join(path, "index.json"))
    if kind == "dir":
        return os.path.exists(os.path.join(path, "manifest.json"))
    import tarfile

    wanted = "index.json" if kind == "oci-archive" else "manifest.json"
    other = "oci-layout" if kind == "oci-archive" else ""
    try:
        with tarfile.open(path) as tar:
            names = {member.name.removeprefix("./") for member in tar}
    except (OSError, tarfile.TarError, EOFError):
        return False
    return wanted in names and (not other or other in names)
