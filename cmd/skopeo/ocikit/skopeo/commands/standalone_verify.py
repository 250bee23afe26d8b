"""skopeo standalone-verify"""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag
from ocikit.common.errors import OcikitError, UsageError
from ocikit.skopeo.commands.manifest_digest import read

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="standalone-verify MANIFEST DOCKER-REFERENCE KEY-FINGERPRINTS SIGNATURE",
    short="Verify a signature with local files",
    long="Checks a signature file against a manifest file, a Docker reference and a comma-separated list of key "
    'fingerprints; "any" accepts every key in --public-key-file.',
    example="skopeo standalone-verify busybox-manifest.json registry.example.com/example/busybox "
    "1D8230F6CDB6A06716E414C1DB72F2188BB46CC8 busybox.signature",
    flags=(Flag("public-key-file", help="File with the public keys to use instead of GnuPG's", complete="files"),),
    complete="files",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 4:
        raise UsageError("Usage: skopeo standalone-verify manifest docker-reference key-fingerprints signature")
    manifest_path, expected, fingerprints, signature_path = args
    any_key = fingerprints == "any"
    if any_key and not opts.public_key_file:
        raise UsageError("Cannot use any fingerprint without a public key file")
    manifest = read(manifest_path, "manifest from ")
    signature = read(signature_path, "signature from ")
    keys = [read(opts.public_key_file)] if opts.public_key_file else []
    from ocikit.image.errors import wrap

    try:
        digest, signer = _verify(manifest, expected, fingerprints, signature, keys)
    except OcikitError as error:
        raise wrap("Error verifying signature", error) from error
    sys.stdout.write(f"Signature verified using fingerprint {signer}, digest {digest}\n")
    return 0


def _verify(manifest: bytes, expected: str, fingerprints: str, signature: bytes, keys: list[bytes]) -> tuple[str, str]:
    from ocikit.image.errors import SignatureRejected
    from ocikit.image.manifest.guess import manifest_digest, matches_digest
    from ocikit.image.reference import parse_normalized
    from ocikit.image.signature import simple

    name = str(parse_normalized(expected))
    trusted = None if fingerprints == "any" else set(fingerprints.split(","))
    if keys:
        with simple.keyring(keys) as (home, known):
            statement, signer = simple.verify_with_keys(signature, home, known if trusted is None else trusted)
    else:
        statement, signer = simple.verify_with_keys(signature, "", trusted)
    if str(parse_normalized(statement.reference)) != name:
        raise SignatureRejected(f'Docker reference "{statement.reference}" does not match "{expected}"')
    if not matches_digest(manifest, statement.digest):
        raise SignatureRejected(f'Signature for docker digest "{statement.digest}" does not match')
    return manifest_digest(manifest), signer
