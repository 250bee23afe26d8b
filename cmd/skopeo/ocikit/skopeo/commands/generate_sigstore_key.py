"""skopeo generate-sigstore-key"""

from __future__ import annotations

import os
import sys

from ocikit.common.cli.declare import Command, Flag
from ocikit.common.errors import OcikitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="generate-sigstore-key [command options] --output-prefix PREFIX",
    short="Make a pair of sigstore keys",
    long="Writes PREFIX.private, encrypted with a passphrase, and PREFIX.pub.",
    example="skopeo generate-sigstore-key --output-prefix mykey",
    flags=(
        Flag("output-prefix", metavar="PREFIX", help="Write PREFIX.pub and PREFIX.private", complete="files"),
        Flag("passphrase-file", metavar="PATH", help="Read the passphrase from here", complete="files"),
    ),
    complete="none",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if args or not opts.output_prefix:
        raise UsageError("Usage: generate-sigstore-key --output-prefix PREFIX")
    from ocikit.image.signature import sigstore
    from ocikit.image.signature.signers import read_passphrase

    public_path, private_path = opts.output_prefix + ".pub", opts.output_prefix + ".private"
    for path in (public_path, private_path):
        if os.path.lexists(path):
            raise OcikitError(f'Refusing to overwrite existing "{path}"')
    file = opts.passphrase_file
    passphrase = read_passphrase(file).encode() if file else _ask_twice(private_path)
    private, public = sigstore.generate(passphrase)
    for path, data, mode in ((private_path, private, 0o600), (public_path, public, 0o644)):
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        except OSError as error:
            raise OcikitError(f'Error writing "{path}": {(error.strerror or "").lower()}') from None
        with os.fdopen(fd, "wb") as file:
            file.write(data)
    sys.stdout.write(f'Key written to "{private_path}" and "{public_path}"\n')
    return 0


def _ask_twice(key: str) -> bytes:
    import getpass

    if not sys.stdin.isatty():
        raise OcikitError(
            f"Cannot prompt for a passphrase for key {key}, standard input is not a TTY",
            hint="use --passphrase-file",
        )
    answer = getpass.getpass(f"Passphrase for key {key}: ")
    if getpass.getpass("Repeat passphrase: ") != answer:
        raise OcikitError("the passphrases differ", hint="run the command again")
    return os.fsencode(answer)
