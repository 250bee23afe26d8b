"""podman volume inspect."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="inspect [options] VOLUME [VOLUME...]",
    short="Display detailed information on one or more volumes",
    long="Shows what is known of volumes as JSON, or by a Go template.",
    example='podman volume inspect data\npodman volume inspect --format "{{.Mountpoint}}" data',
    flags=(
        Flag("all", "bool", "a", help="Show every volume"),
        Flag("format", short="f", default="json", help="Print as JSON, or by a Go template", complete="format"),
    ),
    args=any_args(),
    complete="volumes",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints what was found, then fails for what was not."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.errors import NoSuchVolume
    from ocikit.libpod.volumeview import volume_document
    from ocikit.podman.engine import open_runtime
    from ocikit.podman.imageformat import dump_json

    if bool(args) == bool(opts.all):
        raise OcikitError(
            "provide one or more volume names or use --all" if not args else "--all and names exclude each other"
        )
    runtime = open_runtime(ctx)
    found, missing = [], []
    names = [config["name"] for config, _ in runtime.volumes.list()] if opts.all else args
    for name in names:
        try:
            found.append(volume_document(*runtime.volumes.get(name)))
        except NoSuchVolume:
            missing.append(name)
    if opts.format == "json":
        sys.stdout.write((dump_json(found, 5) if found else "[]") + "\n")
    else:
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, found, name="inspect"))
    sys.stdout.flush()
    if missing:
        raise OcikitError("\n".join(f"no such volume {name}" for name in missing))
    return 0
