"""buildah build (also bud and build-using-dockerfile)."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, at_most
from ocikit.common.cli.optionsets import unsupported
from ocikit.common.cli.optionsets.build import BUILD, RUNTIME
from ocikit.libpod.build.unsupported import UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="build [flags] [CONTEXT]",
    short="Build an image using instructions in a Containerfile",
    long="Builds an image by the instructions of a Containerfile, with the files of the context directory.",
    example="buildah build -t localhost/app .\nbuildah build -f Containerfile.simple --layers .",
    flags=unsupported((*BUILD, RUNTIME), UNSUPPORTED),
    args=at_most(1),
    complete="dirs",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """One call of the build engine."""
    from ocikit.buildah.engine import open_store, surroundings
    from ocikit.libpod.build.command import build_command
    from ocikit.libpod.build.flags import options_from

    options = options_from(opts, args, buildah=True)
    with open_store(ctx) as store:
        build_command(store, options, surroundings(store, opts.runtime), opts, print_id_with_iidfile=False)
    return 0
