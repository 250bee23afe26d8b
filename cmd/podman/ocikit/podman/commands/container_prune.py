"""podman container prune."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.output import FILTER_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="prune [options]",
    short="Remove all non running containers",
    long="Removes all containers that do not run.",
    example="podman container prune\npodman container prune --force --filter until=24h",
    flags=(FILTER_ARRAY.but(short=""), Flag("force", "bool", "f", help="Do not ask")),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the ids of what was removed."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.filters import container_filters, parse
    from ocikit.podman.engine import open_runtime
    from ocikit.podman.imaging import confirm

    if not opts.force:
        sys.stdout.write("WARNING! This will remove all non running containers.\n")
        sys.stdout.flush()
        if not confirm("Are you sure you want to continue? [y/N] "):
            return 0
    for key in parse(opts.filter):
        if key not in ("label", "label!", "until"):
            raise OcikitError(f"{key} is an invalid filter")
    runtime = open_runtime(ctx)
    test = container_filters(runtime, opts.filter)
    code = 0
    for container in runtime.containers.list():
        if container.status not in ("created", "exited", "stopped", "initialized") or not test(container):
            continue
        try:
            runtime.containers.by_id(container.id).remove()
        except OcikitError as error:
            sys.stderr.write(f"Error: {error}\n")
            code = error.exit_code
            continue
        sys.stdout.write(container.id + "\n")
    return code
