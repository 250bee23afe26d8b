"""podman secret rm."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rm [options] SECRET [SECRET...]",
    short="Remove one or more secrets",
    long="Removes secrets. Containers that have one as a file keep it; variables are missing at their next start.",
    example="podman secret rm key\npodman secret rm --all",
    flags=(
        Flag("all", "bool", "a", help="Remove every secret"),
        Flag("ignore", "bool", "i", help="A missing one is no error"),
    ),
    args=any_args(),
    complete="secrets",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the ids of those removed."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.secrets import NoSuchSecret, Secrets
    from ocikit.podman.engine import open_runtime

    if bool(args) == bool(opts.all):
        raise OcikitError("`podman secret rm` requires one argument, or the --all flag")
    secrets = Secrets.of(open_runtime(ctx))
    failures = []
    for name in [record["id"] for record in secrets.list()] if opts.all else args:
        try:
            sys.stdout.write(secrets.remove(name) + "\n")
        except NoSuchSecret as error:
            if not opts.ignore:
                failures.append(str(error))
        except OcikitError as error:
            failures.append(str(error))
    sys.stdout.flush()
    if failures:
        raise OcikitError("\n".join(failures))
    return 0
