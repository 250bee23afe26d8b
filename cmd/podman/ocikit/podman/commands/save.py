"""podman save, image save."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.registry import QUIET, SIGNATURE_POLICY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="save [options] IMAGE [IMAGE...]",
    short="Save image(s) to an archive",
    long="Writes images of local storage to an archive file, to standard output or to a directory.",
    example="podman save --quiet -o myimage.tar imageID\npodman save --format docker-dir -o ubuntu-dir ubuntu\n"
    "podman save > alpine-all.tar alpine:latest",
    flags=(
        Flag("compress", "bool", help="Compress layers (with --format docker-dir)"),
        Flag("format", default="docker-archive", help="docker-archive, docker-dir, oci-archive or oci-dir"),
        Flag("multi-image-archive", "bool", "m", help="Write several images into one docker-archive"),
        Flag("output", short="o", help="File or directory to write", complete="files"),
        QUIET,
        Flag("uncompressed", "bool", help="Leave layers of oci formats uncompressed"),
        SIGNATURE_POLICY,
    ),
    args=any_args(),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Saves."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.archive import SAVE_FORMATS, SaveOptions, save
    from ocikit.podman import imaging

    if not args:
        raise OcikitError("need at least 1 argument")
    if opts.format not in SAVE_FORMATS:
        raise OcikitError(f"format value must be one of {' '.join(reversed(SAVE_FORMATS))}")
    if opts.compress and opts.format != "docker-dir":
        raise OcikitError("--compress can only be set when --format is 'docker-dir'")
    path = opts.output
    if ":" in path:
        raise OcikitError(f'invalid filename (should not contain ":") "{path}"')
    if not path:
        if opts.format.endswith("-dir"):
            raise OcikitError(f"--output is needed with --format {opts.format}")
        if sys.stdout.isatty():
            raise OcikitError("refusing to save to terminal. Use -o flag or redirect")
        path = "/dev/stdout"
    names, tags = list(args), []
    if not opts.multi_image_archive and len(args) > 1:
        # One image under several names: the rest are tags of it, as `docker save` has it.
        names, tags = args[:1], args[1:]
    store = imaging.open_store(ctx)
    options = SaveOptions(
        opts.format,
        ctx=imaging.system_context(opts),
        compress=opts.compress,
        accept_uncompressed=opts.uncompressed,
        report=imaging.reporter(opts.quiet),
    )
    save(store, names, path, options, extra_names=tags)
    return 0
