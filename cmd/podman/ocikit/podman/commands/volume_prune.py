"""podman volume prune."""

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
    short="Remove all unused volumes",
    long="Removes the volumes that no container uses, named ones too.",
    example="podman volume prune\npodman volume prune --force --filter label=scratch",
    flags=(FILTER_ARRAY.but(short=""), Flag("force", "bool", "f", help="Do not ask")),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the names of what was removed."""
    from ocikit.libpod.volumefilters import select
    from ocikit.podman.engine import open_runtime
    from ocikit.podman.imaging import confirm

    runtime = open_runtime(ctx)
    names = [config["name"] for config, _ in select(runtime, [*opts.filter, "dangling=true"])]
    if not opts.force:
        sys.stdout.write(
            "WARNING! This will remove all volumes not used by at least one container. "
            "The following volumes will be removed:\n" + "".join(name + "\n" for name in names)
        )
        sys.stdout.flush()
        if not names or not confirm("Are you sure you want to continue? [y/N] "):
            return 0
    for name in names:
        runtime.volumes.remove(name)
        sys.stdout.write(name + "\n")
    return 0
