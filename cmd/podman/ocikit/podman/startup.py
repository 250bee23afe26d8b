"""What rare global flags and variables ask for, before the command runs."""

from __future__ import annotations

import os
import sys

from ocikit.common.errors import OcikitError, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context


def apply(ctx: Context) -> None:
    """Obeys --out, --module, --config and --syslog; refuses to work here when the environment names a service."""
    g = ctx.globals
    for name in ("CONTAINER_HOST", "CONTAINER_CONNECTION"):
        if os.environ.get(name):
            raise Unsupported(
                f"{name} names a remote service, and this podman has no remote client",
                hint=f"Unset {name} to work here.",
            )
    if g.config:
        # Only its credentials count, and their readers look at Docker's variable.
        os.environ["DOCKER_CONFIG"] = g.config
    if g.module:
        from ocikit.common.config import use_modules

        use_modules(g.module)
    if g.syslog:
        from ocikit.common import log

        log.to_syslog = True
    if g.out:
        sys.stdout.flush()
        try:
            file = os.open(g.out, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise OcikitError(f"cannot write to {g.out} (--out): {(error.strerror or 'failed').lower()}") from None
        os.dup2(file, 1)
        os.close(file)
