"""podman image trust set."""

from __future__ import annotations

import os

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="set [options] REGISTRY",
    short="Set default trust policy or a new trust policy for a registry",
    long="Writes into policy.json which images of a registry are accepted.",
    example="podman image trust set --type accept default\n"
    "podman image trust set -f /etc/pki/containers/foo.gpg --type signedBy registry.example.com",
    flags=(
        Flag("policypath", help="Policy file to change", complete="files", hidden=True),
        Flag(
            "pubkeysfile", "stringArray", "f", help="Public key to check signatures with (repeatable)", complete="files"
        ),
        Flag(
            "type", short="t", default="signedBy", help="accept, reject, signedBy or sigstoreSigned", shown="signedBy"
        ),
    ),
    args=exactly(1),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Changes the file."""
    from ocikit.image.context import SystemContext
    from ocikit.image.signature import policy, trust

    context = SystemContext(policy=opts.policypath)
    path = policy.policy_path(context) or policy.default_paths(context)[-1]
    trust.set_trust(path, args[0], opts.type, [os.path.abspath(file) for file in opts.pubkeysfile])
    return 0
