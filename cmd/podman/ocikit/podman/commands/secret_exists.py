"""podman secret exists."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="exists SECRET",
    short="Check if a secret exists in local storage",
    long="Ends with 0 if the secret exists, with 1 if not.",
    example="podman secret exists key",
    args=exactly(1),
    complete="secrets",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints nothing."""
    from ocikit.libpod.secrets import NoSuchSecret, Secrets
    from ocikit.podman.engine import open_runtime

    try:
        Secrets.of(open_runtime(ctx)).get(args[0])
    except NoSuchSecret:
        return 1
    return 0
