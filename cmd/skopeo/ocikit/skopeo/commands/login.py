"""skopeo login"""

from __future__ import annotations

from ocikit.common.cli.declare import Command
from ocikit.common.cli.optionsets.registry import LOGIN
from ocikit.common.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="login [command options] REGISTRY",
    short="Log in to a container registry",
    long="Checks a user name and a password at a registry and keeps them for later commands.",
    example="skopeo login quay.io\nskopeo login --username user --password-stdin quay.io < password",
    flags=tuple(flag for flag in LOGIN if flag.name != "secret"),
    complete="none",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if not args:
        raise UsageError("please provide a registry to log in to")
    if len(args) > 1:
        raise UsageError("login accepts only one registry to log in to")
    from ocikit.image.cli import login

    return login.run(context, opts, args)
