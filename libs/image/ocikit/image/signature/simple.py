"""Simple signing: OpenPGP signed messages, made and checked by ``gpg`` (image.md 11.3)."""

from __future__ import annotations

import base64
import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from ocikit.common.errors import OcikitError, Unsupported
from ocikit.image.errors import SignatureRejected

from .payload import SIMPLE, Statement, build, parse


class SigningFailed(OcikitError):
    """No signature could be made."""


def _gpg(words: list[str], stdin: bytes, home: str = "", pass_fds: tuple[int, ...] = ()) -> tuple[int, bytes, str]:
    """(exit code, stdout, stderr) of gpg without questions; status lines go to stderr."""
    command = ["gpg", "--batch", "--no-tty", "--status-fd", "2", *(["--homedir", home] if home else []), *words]
    try:
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            check=False,
            pass_fds=pass_fds,
            env={**os.environ, "LC_ALL": "C"},
        )
    except FileNotFoundError:
        raise Unsupported("simple signatures need the program gpg", hint="install gnupg") from None
    return done.returncode, done.stdout, done.stderr.decode("utf-8", "replace")


def _status(stderr: str) -> list[list[str]]:
    return [line.split()[1:] for line in stderr.splitlines() if line.startswith("[GNUPG:] ")]


@contextmanager
def keyring(keys: list[bytes]) -> Iterator[tuple[str, set[str]]]:
    """A throw-away GnuPG home with these public keys: (directory, fingerprints of the primary keys)."""
    with tempfile.TemporaryDirectory(prefix="ocikit-gpg-") as home:
        fingerprints: set[str] = set()
        for key in keys:
            _, _, stderr = _gpg(["--no-autostart", "--import"], key, home)
            fingerprints |= {words[2] for words in _status(stderr) if words[0] == "IMPORT_OK" and len(words) > 2}
        yield home, fingerprints


def fingerprints_of(keys: list[bytes]) -> set[str]:
    with keyring(keys) as (_, found):
        return found


def verify_with_keys(blob: bytes, home: str, trusted: set[str] | None) -> tuple[Statement, str]:
    """(what it says, the key's fingerprint). ``home`` "" uses the caller's own keys. Raises SignatureRejected."""
    code, data, stderr = _gpg([*(["--no-autostart"] if home else []), "--decrypt"], blob, home)
    valid = [words for words in _status(stderr) if words[0] == "VALIDSIG"]
    if not any(words[0] == "GOODSIG" for words in _status(stderr)) or len(valid) != 1:
        raise SignatureRejected(f"Invalid GPG signature: {_why(stderr, code)}")
    signer, primary = valid[0][1], valid[0][10] if len(valid[0]) > 10 else valid[0][1]
    if trusted is not None and signer not in trusted and primary not in trusted:
        raise SignatureRejected(f"signature by key {signer} is not accepted")
    return parse(data, SIMPLE), signer


def _why(stderr: str, code: int) -> str:
    for words in _status(stderr):
        if words[0] in ("NO_PUBKEY", "ERRSIG"):
            return f"Key not found for key ID {words[1].lower()} in signature"
        if words[0] in ("BADSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG", "NODATA", "DECRYPTION_FAILED", "BADARMOR"):
            names = {
                "BADSIG": "the signature does not fit the content",
                "EXPSIG": "the signature has expired",
                "EXPKEYSIG": "the key has expired",
                "REVKEYSIG": "the key was revoked",
            }
            return names.get(words[0], "this is no OpenPGP signed message")
    return f"gpg exited with {code}"


def sign(manifest_digest: str, reference: str, key: str, passphrase: str = "") -> bytes:
    """A signature by the caller's own key (a fingerprint or anything that names it to gpg)."""
    words = ["--local-user", key, "--output", "-", "--sign"]
    content = build(Statement(manifest_digest, reference), SIMPLE)
    if not passphrase:
        code, data, stderr = _gpg(words, content)
    else:
        read_end, write_end = os.pipe()
        try:
            os.write(write_end, passphrase.encode() + b"\n")
            os.close(write_end)
            fd = str(read_end)
            code, data, stderr = _gpg(
                ["--pinentry-mode", "loopback", "--passphrase-fd", fd, *words], content, pass_fds=(read_end,)
            )
        finally:
            os.close(read_end)
    if code or not data:
        said = [line for line in stderr.splitlines() if line.startswith("gpg: ")]
        raise SigningFailed(
            f"Error creating signature: {said[-1][5:] if said else f'gpg exited with {code}'}",
            hint=f"`gpg --list-secret-keys` must list {key}; with a passphrase use --sign-passphrase-file",
        )
    return data


def untrusted_statement(blob: bytes) -> tuple[Statement, str]:
    """What a signature claims, unchecked: (statement, short key id)."""
    with tempfile.TemporaryDirectory(prefix="ocikit-gpg-") as home:
        _, data, stderr = _gpg(["--no-autostart", "--skip-verify", "--decrypt"], blob, home)
        _, _, listed = _gpg(["--no-autostart", "--verify"], blob, home)
    key = next((w[1] for w in _status(listed) + _status(stderr) if w[0] in ("ERRSIG", "GOODSIG", "BADSIG")), "")
    return parse(data, SIMPLE), key


def key_bytes(requirement: dict[str, object]) -> list[bytes]:
    """The key files or data of a policy requirement. Raises SignatureRejected with the path that can't be read."""
    found: list[bytes] = []
    paths = requirement.get("keyPaths") or ([requirement["keyPath"]] if "keyPath" in requirement else [])
    for path in paths if isinstance(paths, list) else []:
        try:
            with open(str(path), "rb") as file:
                found.append(file.read())
        except OSError as exc:
            raise SignatureRejected(f"open {path}: {(exc.strerror or '').lower()}") from exc
    datas = requirement.get("keyDatas") or ([requirement["keyData"]] if "keyData" in requirement else [])
    found += [base64.b64decode(str(data)) for data in datas] if isinstance(datas, list) else []
    return found
