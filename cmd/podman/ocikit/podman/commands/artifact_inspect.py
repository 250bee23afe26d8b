"""podman artifact inspect."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, exactly
from ocikit.common.cli.optionsets.output import FORMAT_F

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="inspect [options] ARTIFACT",
    short="Inspect an OCI artifact",
    long="Shows the manifest of an artifact.",
    example="podman artifact inspect quay.io/myimage/myartifact:latest",
    flags=(FORMAT_F.but(default="json"),),
    args=exactly(1),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints it."""
    from ocikit.podman import imaging

    artifact = imaging.artifact_store(ctx).find(args[0])
    shown = {"Manifest": artifact.manifest, "Name": artifact.name, "Digest": artifact.digest}
    if opts.format == "json":
        from ocikit.podman.imageformat import dump_json

        sys.stdout.write(dump_json(shown, 5) + "\n")
    else:
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, [shown], name="inspect"))
    return 0
