"""skopeo sync"""

from __future__ import annotations

import os

from ocikit.common import log
from ocikit.common.cli.declare import Command, Flag
from ocikit.common.errors import OcikitError, UsageError
from ocikit.skopeo import shared
from ocikit.skopeo.flags import AUTHFILE, DEPRECATED_TLS, RETRY, SIGNING, registry_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.context import SystemContext
    from ocikit.image.copy import CopyOptions
    from ocikit.image.transports.base import ImageReference
    from ocikit.skopeo.syncsources import Batch

COMMAND = Command(
    use="sync [command options] --src TRANSPORT --dest TRANSPORT SOURCE DESTINATION",
    short="Copy many images from one place to another",
    long="Copies all tags of a repository, all images in a directory, or what a YAML file lists, "
    "to a registry or to a directory. What is there already isn't copied again.",
    example="skopeo sync --src docker --dest dir registry.example.com/busybox /media/usb\n"
    "skopeo sync --src yaml --dest docker sync.yml my-registry.local.lan/repo/",
    flags=(
        Flag("all", "bool", "a", help="Copy every image of a list, not only this platform's"),
        Flag("append-suffix", help="Append this to the tags at the destination", complete="none"),
        AUTHFILE,
        Flag("dest", short="d", help="What the destination is: docker or dir", complete="none"),
        Flag("digestfile", help="Write digest and name of each written image here", complete="files"),
        Flag("dry-run", "bool", help="Say what would be copied, copy nothing"),
        Flag("format", short="f", help="Write manifests as oci, v2s1 or v2s2", complete="none"),
        Flag("keep-going", "bool", help="Go on with the other images after a failure"),
        Flag("preserve-digests", "bool", help="Fail rather than change a digest"),
        Flag("remove-signatures", "bool", help="Don't copy signatures"),
        Flag("scoped", "bool", help="Keep the whole source name below the destination"),
        Flag("src", short="s", help="What the source is: docker, dir or yaml", complete="none"),
        DEPRECATED_TLS,
        *RETRY,
        *SIGNING,
        *registry_flags("src"),
        *registry_flags("dest"),
    ),
    complete="files",
)  # fmt: skip


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 2:
        raise shared.usage_with_help(context, "Exactly two arguments expected")
    shared.warn_deprecated_tls(context, opts)
    log.set_level("debug" if context.globals.debug else "info")
    base = shared.base_context(context)
    accept = shared.policy_check(context, base)
    _check_transports(opts)
    source, destination = args
    src_ctx = shared.image_context(context, opts, "src", base)
    dest_ctx = shared.image_context(context, opts, "dest", base)
    options = _copy_options(opts, src_ctx, dest_ctx).replace(accept=accept)
    from ocikit.skopeo.syncsources import batches

    return _Sync(opts, options, destination).run(batches(opts.src, source, src_ctx, opts))


def _check_transports(opts: Values) -> None:
    if not opts.src:
        raise UsageError("A source transport must be specified")
    if opts.src not in ("docker", "dir", "yaml"):
        raise UsageError(f'"{opts.src}" is not a valid source transport')
    if not opts.dest:
        raise UsageError("A destination transport must be specified")
    if opts.dest not in ("docker", "dir"):
        raise UsageError(f'"{opts.dest}" is not a valid destination transport')
    if opts.src == opts.dest == "dir":
        raise UsageError("sync from 'dir' to 'dir' not implemented, consider using rsync instead")


def _copy_options(opts: Values, src_ctx: SystemContext, dest_ctx: SystemContext) -> CopyOptions:
    from ocikit.image.copy import CopyOptions

    return CopyOptions(
        src_ctx=src_ctx,
        dest_ctx=dest_ctx,
        multi_arch="all" if opts.all else "system",
        skip_if_present=True,
        report=shared.reporter("auto"),
        **shared.signing(opts),
        **shared.manifest_options(opts),
    )


class _Sync:
    def __init__(self, opts: Values, options: CopyOptions, destination: str) -> None:
        self._opts = opts
        self._options = options
        self._destination = destination
        self._failed = False
        self._digests: list[str] = []

    def run(self, found: list[Batch]) -> int:
        opts = self._opts
        if opts.dry_run:
            log.warning("Running in dry-run mode")
        copied = 0
        try:
            for batch in found:
                for number, reference in enumerate(batch.references, 1):
                    copied += self._one(batch, reference, number)
        finally:
            if opts.digestfile and not opts.dry_run:
                self._write_digests()
        verb = "Would have synced" if opts.dry_run else "Synced"
        log.info(f"{verb} {copied} images from {len(found)} sources")
        if self._failed:
            raise OcikitError("Sync failed due to previous reported error(s) for one or more images")
        return 0

    def _one(self, batch: Batch, reference: ImageReference, number: int) -> int:
        opts = self._opts
        try:
            target = self._target(reference, batch)
            verb = "Would have copied" if opts.dry_run else "Copying"
            count = f"{number}/{len(batch.references)}"
            log.info_about(f"{verb} image ref {count}", **{"from": str(reference), "to": str(target)})
            if opts.dry_run:
                return 1
            self._copy(batch, reference, target)
            return 1
        except OcikitError as error:
            message = f'Error copying ref "{reference}": {error}'
            if not opts.keep_going:
                error.args = (message,)
                raise
            log.error(message)
            self._failed = True
            return 0

    def _copy(self, batch: Batch, reference: ImageReference, target: ImageReference) -> None:
        from ocikit.image.copy import copy_image

        options = self._options.replace(src_ctx=batch.ctx)
        if target.transport.name == "dir":
            os.makedirs(target.string_within_transport(), 0o755, exist_ok=True)
        result = shared.retried(self._opts, lambda: copy_image(target, reference, options))
        self._digests.append(f"{result.digest} {target}")

    def _target(self, reference: ImageReference, batch: Batch) -> ImageReference:
        """The destination: the base name of the source, or with --scoped all of it, below the given place."""
        from ocikit.image.names import parse_image_name

        name = reference.docker_reference()
        path = str(name) if name is not None else reference.string_within_transport()
        if name is None and batch.folder:
            path = path.removeprefix(batch.folder).lstrip("/")
            if self._opts.scoped:
                path = os.path.join(batch.folder.lstrip("/"), path)
        if not self._opts.scoped:
            path = path.rpartition("/")[2]
        full = f"{self._destination.rstrip('/')}/{path}{self._opts.append_suffix}"
        if self._opts.dest == "docker":
            return parse_image_name(f"docker://{full}")
        if os.path.exists(full):
            raise OcikitError(
                f'Refusing to overwrite destination directory "{full}"', hint="remove it, or sync to another directory"
            )
        return parse_image_name(f"dir:{full}")

    def _write_digests(self) -> None:
        path = self._opts.digestfile
        try:
            with open(path, "w", encoding="utf-8") as file:
                file.write("".join(line + "\n" for line in self._digests))
        except OSError as error:
            raise OcikitError(f"Failed to write digest to file {path}: {(error.strerror or '').lower()}") from None
