"""skopeo logout"""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag
from ocikit.common.cli.optionsets.registry import LOGOUT
from ocikit.common.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="logout [command options] REGISTRY",
    short="Log out of a container registry",
    long="Forgets the stored credentials of a registry, or of all.",
    example="skopeo logout quay.io\nskopeo logout --all",
    flags=(
        *LOGOUT,
        Flag("tls-verify", "bool", default=True, help="Accepted for symmetry: nothing is asked of the registry"),
    ),
    complete="none",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if not args and not opts.all:
        raise UsageError("please provide a registry to log out from")
    if len(args) > 1:
        raise UsageError("logout accepts only one registry to log out from")
    from ocikit.image.cli import logout

    return logout.run(context, opts, args)
