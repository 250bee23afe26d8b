"""podman logout."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, at_most
from ocikit.common.cli.optionsets.registry import LOGOUT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="logout [options] [REGISTRY]",
    short="Log out of a container registry",
    long="Forgets the stored credentials of a registry.",
    example="podman logout quay.io\npodman logout --all",
    flags=LOGOUT,
    args=at_most(1),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Logs out."""
    from ocikit.common.errors import UsageError
    from ocikit.image.cli import helpers
    from ocikit.image.registry import access, login

    if opts.all and args:
        raise UsageError("--all takes no arguments", hint="-")
    if opts.authfile:
        helpers.check_authfile(opts.authfile)
    context = helpers.registry_context(opts)
    options = login.LoginOptions(context, compat_authfile=opts.compat_auth_file)
    if opts.all:
        login.logout_all(options, _say)
        return 0
    if not args and not access.load_conf(context).search:
        raise UsageError("please provide a registry to log out from", hint="or --all")
    login.logout(args[0] if args else access.load_conf(context).search[0], options, _say)
    return 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
