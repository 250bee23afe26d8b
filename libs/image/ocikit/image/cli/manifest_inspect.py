"""podman manifest inspect."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, exactly
from ocikit.common.cli.optionsets.registry import AUTHFILE, TLS_VERIFY
from ocikit.image.cli.members import INSECURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="inspect [options] IMAGE",
    short="Display the contents of a manifest list or image index",
    long="Shows a list of local storage, or one at a registry.",
    example="podman manifest inspect localhost/list",
    flags=(
        AUTHFILE,
        INSECURE,
        TLS_VERIFY,
        Flag("verbose", "bool", "v", help="Accepted for scripts written for Docker; does nothing", hidden=True),
    ),
    args=exactly(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the list as JSON."""
    from ocikit.image.cli import helpers, members
    from ocikit.image.cli.jsontext import dump_json
    from ocikit.image.local.listedit import inspect_list

    members.insecure(opts)
    shown = inspect_list(helpers.open_store(ctx), args[0], helpers.system_context(opts))
    sys.stdout.write(dump_json(shown, 4) + "\n")
    return 0
