"""podman artifact ls."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, none
from ocikit.common.cli.optionsets.output import FORMAT, NO_TRUNC, NOHEADING_N

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.local.artifacts import Artifact

COMMAND = Command(
    use="ls [options]",
    short="List OCI artifacts",
    long="Lists the artifacts that are kept on this machine.",
    example="podman artifact ls",
    flags=(FORMAT, NO_TRUNC, NOHEADING_N),
    args=none(),
)
KEYS = ("Repository", "Tag", "Digest", "Created", "Size")


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the list."""
    from ocikit.podman import imaging

    rows = [_row(artifact, opts) for artifact in imaging.artifact_store(ctx).list()]
    if opts.format == "json":
        from ocikit.podman.imageformat import dump_json

        sys.stdout.write(dump_json(rows, 4) + "\n")
    elif opts.format:
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, rows, name="ls", noheading=opts.noheading))
    else:
        from ocikit.common.tables import print_table

        print_table([key.upper() for key in KEYS], [[row[key] for key in KEYS] for row in rows], opts.noheading)
    return 0


def _row(artifact: Artifact, opts: Values) -> dict[str, Any]:
    from ocikit.common.units import human_ago, human_size, parse_rfc3339
    from ocikit.image.local.artifacts import CREATED
    from ocikit.image.local.listing import split_repository_tag

    repository, tag = split_repository_tag(artifact.name) if artifact.name else ("<none>", "<none>")
    hexa = artifact.digest.partition(":")[2]
    created = (artifact.manifest.get("annotations") or {}).get(CREATED, "")
    try:
        shown = human_ago(parse_rfc3339(created))
    except ValueError:
        shown = "N/A"
    return {
        "Repository": repository,
        "Tag": tag,
        "Digest": hexa if opts.no_trunc else hexa[:12],
        "Created": shown,
        "Size": human_size(artifact.size),
        "VirtualSize": str(artifact.size),
    }
