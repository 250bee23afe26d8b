"""Who signs during a copy: what ``--sign-by`` and its like mean (image.md 11.6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ocikit.common.errors import OcikitError, Unsupported, UsageError
from ocikit.image.manifest.guess import manifest_digest

if TYPE_CHECKING:
    from ocikit.image.reference import ImageName


class SimpleSigner:
    """Simple signing with a key of the caller's GnuPG home."""

    name = "simple signing"

    def __init__(self, key: str, passphrase: str = "") -> None:
        self._key = key
        self._passphrase = passphrase

    def sign(self, manifest: bytes, identity: ImageName) -> bytes:
        from . import simple

        return simple.sign(manifest_digest(manifest), str(identity), self._key, self._passphrase)


class SigstoreSigner:
    """A sigstore signature with a private key file."""

    name = "a sigstore signature"

    def __init__(self, private_key: bytes, passphrase: bytes) -> None:
        from . import sigstore

        # A wrong passphrase is found before anything is copied.
        sigstore.load_private(private_key, passphrase)
        self._key = private_key
        self._passphrase = passphrase

    def sign(self, manifest: bytes, identity: ImageName) -> bytes:
        from . import sigstore

        return sigstore.sign(manifest_digest(manifest), str(identity), self._key, self._passphrase)


def read_passphrase(path: str) -> str:
    """The first line of the file."""
    try:
        with open(path, encoding="utf-8") as file:
            return file.readline().rstrip("\n")
    except OSError as exc:
        raise OcikitError(f"open {path}: {(exc.strerror or '').lower()}") from exc


def _ask(key: str) -> str:
    import getpass
    import sys

    if not sys.stdin.isatty():
        raise OcikitError(
            f"Cannot prompt for a passphrase for key {key}, standard input is not a TTY",
            hint="use --sign-passphrase-file",
        )
    return getpass.getpass(f"Passphrase for key {key}: ")


def from_options(
    *,
    sign_by: str = "",
    sigstore_key: str = "",
    sigstore_params: str = "",
    sequoia: str = "",
    passphrase_file: str = "",
) -> list[Any]:
    """The signers that options describe, in the order in which they sign."""
    if passphrase_file and sum(map(bool, (sign_by, sigstore_key, sequoia))) > 1:
        raise UsageError(
            "Only one of --sign-by, --sign-by-sq-fingerprint and --sign-by-sigstore-private-key can be used with "
            "--sign-passphrase-file"
        )
    if sequoia:
        raise Unsupported(
            "signing with Sequoia keys is not supported", hint="export the key to GnuPG and use --sign-by"
        )
    passphrase = read_passphrase(passphrase_file) if passphrase_file else ""
    signers: list[Any] = []
    if sigstore_params:
        signers.append(_from_params(sigstore_params))
    if sign_by:
        signers.append(SimpleSigner(sign_by, passphrase))
    if sigstore_key:
        signers.append(_sigstore(sigstore_key, passphrase if passphrase_file else None))
    return signers


def _sigstore(path: str, passphrase: str | None) -> SigstoreSigner:
    try:
        with open(path, "rb") as file:
            key = file.read()
    except OSError as exc:
        raise OcikitError(f"reading private key from {path}: {(exc.strerror or '').lower()}") from exc
    return SigstoreSigner(key, (_ask(path) if passphrase is None else passphrase).encode())


def _from_params(path: str) -> SigstoreSigner:
    """``--sign-by-sigstore``: a YAML file of parameters. Fulcio and Rekor can't be used here."""
    from ocikit.image.registry.lookaside import read_yaml

    doc = read_yaml(path)
    known = ("privateKeyFile", "privateKeyPassphraseFile", "fulcio", "rekorURL")
    for key in doc:
        if key not in known:
            raise OcikitError(f"parsing parameter file {path}: unknown key {key}")
    for key in ("fulcio", "rekorURL"):
        if doc.get(key):
            raise Unsupported(f"{path}: signing with {key} is not supported", hint="use privateKeyFile")
    if not doc.get("privateKeyFile"):
        raise OcikitError(f"{path}: privateKeyFile is missing")
    file = doc.get("privateKeyPassphraseFile")
    return _sigstore(str(doc["privateKeyFile"]), read_passphrase(str(file)) if file else None)
