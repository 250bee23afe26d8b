"""podman volume ls."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.output import FILTER_ARRAY, FORMAT, NOHEADING_N

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="ls [options]",
    short="List volumes",
    long="Prints volumes by name.",
    example="podman volume ls\npodman volume ls --format json --filter dangling=true",
    flags=(FILTER_ARRAY, FORMAT, NOHEADING_N, Flag("quiet", "bool", "q", help="Print names only")),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Driver and name, or names, JSON, or by the template."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.volumefilters import select
    from ocikit.libpod.volumeview import volume_document
    from ocikit.podman.engine import open_runtime

    if opts.quiet and opts.format:
        raise OcikitError("quiet and format flags cannot be used together")
    runtime = open_runtime(ctx)
    found = [volume_document(config, state) for config, state in select(runtime, opts.filter)]
    if opts.quiet:
        sys.stdout.write("".join(document["Name"] + "\n" for document in found))
    elif opts.format == "json":
        from ocikit.podman.imageformat import dump_json

        sys.stdout.write((dump_json(found, 2) if found else "[]") + "\n")
    elif opts.format and opts.format != "table":
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, found, {"Name": "VOLUME NAME"}, "ls", opts.noheading))
    elif found:
        from ocikit.common.tables import print_table

        cells = [(document["Driver"], document["Name"]) for document in found]
        print_table(("DRIVER", "VOLUME NAME"), cells, noheading=opts.noheading)
    return 0
