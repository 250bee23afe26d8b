"""skopeo standalone-sign"""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag
from ocikit.common.errors import OcikitError, UsageError
from ocikit.skopeo.commands.manifest_digest import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="standalone-sign [command options] MANIFEST DOCKER-REFERENCE KEY-FINGERPRINT --output|-o SIGNATURE",
    short="Create a signature with local files",
    long="Signs the manifest in a file for a Docker reference with a GPG key, and writes the signature to a file.",
    example="skopeo standalone-sign busybox-manifest.json registry.example.com/example/busybox 1D8230F6CDB6A068 "
    "--output busybox.signature",
    flags=(
        Flag("output", short="o", metavar="SIGNATURE", help="Write the signature here", complete="files"),
        Flag("passphrase-file", help="Read the key's passphrase from here", complete="files"),
    ),
    complete="files",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 3 or not opts.output:
        raise UsageError("Usage: skopeo standalone-sign manifest docker-reference key-fingerprint -o signature")
    manifest = read(args[0])
    from ocikit.image.manifest.guess import manifest_digest
    from ocikit.image.reference import parse_normalized
    from ocikit.image.signature import simple
    from ocikit.image.signature.signers import read_passphrase

    passphrase = read_passphrase(opts.passphrase_file) if opts.passphrase_file else ""
    name = parse_normalized(args[1])
    signature = simple.sign(manifest_digest(manifest), str(name), args[2], passphrase)
    try:
        with open(opts.output, "wb") as file:
            file.write(signature)
    except OSError as error:
        raise OcikitError(f"Error writing signature to {opts.output}: {(error.strerror or '').lower()}") from None
    return 0
