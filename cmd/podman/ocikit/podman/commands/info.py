"""podman info."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="info [options]",
    short="Display podman system information",
    long="Prints what podman knows of this machine, its store and its configuration.",
    example="podman info\npodman info --format json\npodman info --format '{{.Store.GraphRoot}}'",
    flags=(Flag("format", short="f", help="Print as JSON, or by a Go template", complete="format"),),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """YAML, JSON, or by the template."""
    from ocikit.libpod.info import document, go_names
    from ocikit.podman.engine import open_runtime

    found = document(open_runtime(ctx), ctx.program.version)
    if opts.format == "json":
        from ocikit.common.jsonfast import dumps

        sys.stdout.write(dumps(found, indent="  ").replace("<", "\\u003c").replace(">", "\\u003e") + "\n")
    elif opts.format:
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, [go_names(found)], name="info"))
    else:
        from ocikit.libpod.yamltext import dump

        sys.stdout.write(dump(found))
    return 0
