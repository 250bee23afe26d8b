"""podman artifact add."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_least

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="add [options] ARTIFACT PATH [...PATH]",
    short="Add an OCI artifact to the local store",
    long="Keeps files under a name, as an artifact that registries can hold.",
    example="podman artifact add quay.io/myimage/myartifact:latest /tmp/foobar.txt\n"
    "podman artifact add --file-type text/yaml quay.io/myimage/myartifact:latest /tmp/foobar.yaml",
    flags=(
        Flag(
            "annotation",
            "stringArray",
            help="Set an annotation of the files, as key=value (repeatable)",
            metavar="annotation",
        ),
        Flag("append", "bool", "a", help="Add the files to an artifact that is there already"),
        Flag("file-type", help="Media type of the files", complete="none"),
        Flag("replace", "bool", help="Replace an artifact of that name"),
        Flag("type", help="Type of the artifact", complete="none"),
    ),
    args=at_least(2),
    complete=("none", "files"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Adds and prints the digest."""
    from ocikit.image.cli.members import parse_annotations
    from ocikit.podman import imaging

    digest = imaging.artifact_store(ctx).add(
        args[0],
        args[1:],
        artifact_type=opts.type,
        file_type=opts.file_type,
        annotations=parse_annotations(opts.annotation),
        append=opts.append,
        replace=opts.replace,
    )
    sys.stdout.write(digest.partition(":")[2] + "\n")
    return 0
