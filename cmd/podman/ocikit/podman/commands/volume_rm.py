"""podman volume rm."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rm [options] VOLUME [VOLUME...]",
    short="Remove one or more volumes",
    long="Removes volumes and what is in them.",
    example="podman volume rm data\npodman volume rm --force data\npodman volume rm --all",
    flags=(
        Flag("all", "bool", "a", help="Remove every volume"),
        Flag("force", "bool", "f", help="Remove the containers that use it as well; a missing one is no error"),
        Flag("time", "int", "t", help="With --force: seconds until the containers are killed", shown="10"),
    ),
    args=any_args(),
    complete="volumes",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the names; 1 for an unknown one, 2 for one in use."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.errors import NoSuchVolume
    from ocikit.podman.engine import open_runtime

    if bool(args) == bool(opts.all):
        raise OcikitError("choose either one or more volumes or all")
    runtime = open_runtime(ctx)
    code = 0
    for name in [config["name"] for config, _ in runtime.volumes.list()] if opts.all else args:
        try:
            runtime.volumes.remove(name, force=opts.force)
        except NoSuchVolume as error:
            if not opts.force:
                sys.stderr.write(f"Error: {error}\n")
                code = max(code, 1)
            continue
        except OcikitError as error:
            sys.stderr.write(f"Error: {error}\n")
            code = max(code, error.exit_code)
            continue
        sys.stdout.write(name + "\n")
    return code
