"""podman build (also image build)."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, at_most
from ocikit.common.cli.optionsets import unsupported
from ocikit.common.cli.optionsets.build import BUILD, SQUASH_ALL
from ocikit.libpod.build.unsupported import UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="build [options] [CONTEXT]",
    short="Build an image using instructions from Containerfiles",
    long="Builds an image by the instructions of a Containerfile, with the files of the context directory.",
    example="podman build -t localhost/app .\npodman build --target test --build-arg VERSION=2 .",
    flags=unsupported((*BUILD, SQUASH_ALL), UNSUPPORTED),
    args=at_most(1),
    complete="dirs",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """One call of the build engine."""
    from ocikit.libpod.build.command import build_command
    from ocikit.libpod.build.flags import options_from
    from ocikit.libpod.build.surroundings import Surroundings
    from ocikit.podman.engine import open_runtime

    options = options_from(opts, args, buildah=False)
    with open_runtime(ctx) as runtime:
        around = Surroundings(
            runtime.store.graphroot,
            settings=runtime.settings,
            runtime=ctx.globals.runtime or runtime.conf.engine.get("runtime") or "",
            network_dirs=(ctx.globals.network_config_dir or None, None),
        )
        build_command(runtime.store, options, around, opts, print_id_with_iidfile=True)
    return 0
