"""skopeo untrusted-signature-dump-without-verification (hidden)"""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command
from ocikit.common.errors import UsageError
from ocikit.common.jsonfast import dumps_go
from ocikit.skopeo.commands.manifest_digest import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="untrusted-signature-dump-without-verification SIGNATURE",
    short="Print what a signature claims, without checking anything",
    long="Nothing of this may be trusted: anyone can make such a file.",
    complete="files",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 1:
        raise UsageError("Usage: skopeo untrusted-signature-dump-without-verification signature")
    from ocikit.image.signature import simple

    statement, key = simple.untrusted_statement(read(args[0], "untrusted signature from "))
    timestamp = None
    if statement.timestamp is not None:
        from datetime import UTC, datetime

        timestamp = datetime.fromtimestamp(statement.timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    out = {
        "UntrustedDockerManifestDigest": statement.digest,
        "UntrustedDockerReference": statement.reference,
        "UntrustedCreatorID": statement.creator or None,
        "UntrustedTimestamp": timestamp,
        "UntrustedShortKeyIdentifier": key[-16:],
    }
    sys.stdout.write(dumps_go(out, indent="    ") + "\n")
    return 0
