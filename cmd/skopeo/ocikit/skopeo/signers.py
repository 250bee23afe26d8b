"""Signers of a copy, from the --sign-by flags."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError, Unsupported
from ocikit.image.manifest.guess import manifest_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.image.reference import ImageName


class GPGSigner:
    """Simple signing with a key of the user's GnuPG."""

    name = "simple signing"

    def __init__(self, key: str, passphrase: str) -> None:
        self._key = key
        self._passphrase = passphrase

    def sign(self, manifest: bytes, identity: ImageName) -> bytes:
        from ocikit.image.signature import simple

        return simple.sign(manifest_digest(manifest), str(identity), self._key, self._passphrase)


class SigstoreSigner:
    """A sigstore signature with a private key file."""

    name = "a sigstore signature"

    def __init__(self, path: str, passphrase: bytes) -> None:
        self._data = read_file(path)
        self._passphrase = passphrase

    def sign(self, manifest: bytes, identity: ImageName) -> bytes:
        from ocikit.image.signature import sigstore

        return sigstore.sign(manifest_digest(manifest), str(identity), self._data, self._passphrase)


def read_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        raise OcikitError(f"open {path}: {(error.strerror or '').lower()}") from None


def first_line(path: str) -> str:
    """A passphrase file's first line."""
    return read_file(path).decode(errors="surrogateescape").partition("\n")[0].rstrip("\r")


def prompt_passphrase(key: str, confirm: bool = False) -> bytes:
    """Asks on the terminal; without one that is an error."""
    import getpass
    import sys

    if not sys.stdin.isatty():
        raise OcikitError(f"Cannot prompt for a passphrase for key {key}, standard input is not a TTY")
    answer = getpass.getpass(f"Passphrase for key {key}: ")
    if confirm and getpass.getpass("Repeat passphrase: ") != answer:
        raise OcikitError("the passphrases differ")
    return os.fsencode(answer)


def make_signers(opts: Values) -> list[Any]:
    """One for each key that the flags name."""
    signers: list[Any] = []
    file = opts.sign_passphrase_file
    passphrase = first_line(file) if file else ""
    if opts.sign_by:
        signers.append(GPGSigner(opts.sign_by, passphrase))
    path = opts.sign_by_sigstore_private_key
    if path:
        signers.append(SigstoreSigner(path, passphrase.encode() if file else prompt_passphrase(path)))
    if opts.sign_by_sigstore:
        signers.append(_from_parameters(opts.sign_by_sigstore))
    return signers


def _from_parameters(path: str) -> SigstoreSigner:
    from ocikit.image.registry.lookaside import read_yaml

    doc = read_yaml(path)
    unknown = set(doc) - {"privateKeyFile", "privateKeyPassphraseFile", "fulcio", "rekorURL"}
    if unknown:
        raise OcikitError(f"{path}: unknown key {sorted(unknown)[0]}")
    for key in ("fulcio", "rekorURL"):
        if key in doc:
            raise Unsupported(
                f"{path}: signing with {key} is not supported in this build", hint="sign with a privateKeyFile alone"
            )
    if "privateKeyFile" not in doc:
        raise OcikitError(f"{path}: privateKeyFile is missing")
    key_file = str(doc["privateKeyFile"])
    phrase = doc.get("privateKeyPassphraseFile")
    return SigstoreSigner(key_file, first_line(str(phrase)).encode() if phrase else prompt_passphrase(key_file))
