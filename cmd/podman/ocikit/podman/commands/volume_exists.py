"""podman volume exists."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="exists VOLUME",
    short="Check if volume exists",
    long="Ends with 0 if the volume exists, with 1 if not.",
    example="podman volume exists data",
    args=exactly(1),
    complete="volumes",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints nothing."""
    from ocikit.libpod.errors import NoSuchVolume
    from ocikit.podman.engine import open_runtime

    try:
        open_runtime(ctx).volumes.get(args[0])
    except NoSuchVolume:
        return 1
    return 0
