"""podman image trust show."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_most
from ocikit.common.cli.optionsets.output import NOHEADING_N

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.signature.trust import TrustRow

COMMAND = Command(
    use="show [options] [REGISTRY]",
    short="Display trust policy for the system",
    long="Shows which images policy.json accepts, and where their signatures are kept.",
    example="podman image trust show\npodman image trust show --json",
    flags=(
        Flag("json", "bool", "j", help="Print as JSON"),
        NOHEADING_N,
        Flag("policypath", help="Policy file to show", complete="files", hidden=True),
        Flag("raw", "bool", help="Print the policy file as it is"),
        Flag("registrypath", help="Directory of signature stores (registries.d)", complete="dirs", hidden=True),
    ),
    args=at_most(1),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the table."""
    from ocikit.common.errors import ConfigError
    from ocikit.image.context import SystemContext
    from ocikit.image.registry import lookaside
    from ocikit.image.signature import policy, trust

    context = SystemContext(policy=opts.policypath)
    path = policy.policy_path(context)
    if not path:
        raise ConfigError(
            "there is no policy.json: everything is accepted", hint=f"it would be {policy.default_paths(context)[-1]}"
        )
    if opts.raw:
        with open(path, encoding="utf-8") as file:
            sys.stdout.write(file.read() + "\n")
        return 0
    rows = trust.rows(trust.read_policy(path), lookaside.load(opts.registrypath))
    if args:
        rows = [row for row in rows if row.name in (args[0], "default") or args[0].startswith(row.name + "/")]
    if opts.json:
        _print_json(rows)
        return 0
    from ocikit.common.tables import print_table

    cells = [(row.transport, row.name, row.kind, row.key_ids, row.store) for row in rows]
    print_table(("TRANSPORT", "NAME", "TYPE", "ID", "STORE"), cells, opts.noheading)
    return 0


def _print_json(rows: list[TrustRow]) -> None:
    from ocikit.podman.imageformat import dump_json

    shown = []
    for row in rows:
        fields = {
            "transport": row.transport,
            "name": "* (default)" if row.transport == "all" else row.name,
            "repo_name": row.name,
            "sigstore": row.store,
            "type": row.kind,
            "gpg_id": row.key_ids,
        }
        shown.append({key: value for key, value in fields.items() if value})
    sys.stdout.write(dump_json(shown, 2) + "\n")
