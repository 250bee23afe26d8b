"""podman artifact extract."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="extract [options] ARTIFACT PATH",
    short="Extract an OCI artifact to a local path",
    long="Writes the files of an artifact into a directory, or one of them to a file.",
    example="podman artifact extract quay.io/myimage/myartifact:latest /tmp/foobar.txt\n"
    "podman artifact extract --title foo.txt quay.io/myimage/myartifact:latest /home/paul/mydir",
    flags=(
        Flag("digest", help="Only the file with this digest", complete="none"),
        Flag("title", help="Only the file with this title", complete="none"),
    ),
    args=exactly(2),
    complete=("none", "files"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Extracts."""
    from ocikit.podman import imaging

    imaging.artifact_store(ctx).extract(args[0], args[1], digest=opts.digest, title=opts.title)
    return 0
