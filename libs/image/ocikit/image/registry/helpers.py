"""Credential helpers: the programs ``docker-credential-NAME`` and their small protocol (image.md 6.1)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.common.jsonfast import dumps, loads

from .credentials import Credentials

NOT_FOUND = "credentials not found in native keychain"
TIMEOUT_S = 60


class HelperError(OcikitError):
    """A credential helper failed or is not installed."""


def _call(helper: str, verb: str, stdin: str) -> str:
    """stdout of the helper; "" for "not found"."""
    import subprocess

    program = f"docker-credential-{helper}"
    try:
        done = subprocess.run(
            [program, verb], input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except FileNotFoundError:
        raise HelperError(
            f'exec: "{program}": executable file not found in $PATH',
            hint=f"install {program}, or take {helper} out of credHelpers / credential-helpers",
        ) from None
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise HelperError(f"{program} {verb}: {exc}") from exc
    if done.returncode:
        said = (done.stdout.strip() or done.stderr.strip()).splitlines()
        if said and NOT_FOUND in said[0]:
            return ""
        raise HelperError(
            f"error {verb}ing credentials - err: exit status {done.returncode}, out: `{said[0] if said else ''}`"
        )
    return done.stdout


def get(helper: str, host: str) -> Credentials:
    """What the helper keeps for ``host``; empty if nothing. A user name ``<token>`` marks an identity token."""
    text = _call(helper, "get", host)
    if not text.strip():
        return Credentials()
    try:
        doc = loads(text)
        username, secret = str(doc.get("Username") or ""), str(doc.get("Secret") or "")
    except (ValueError, AttributeError) as exc:
        raise HelperError(f"docker-credential-{helper} get: unreadable answer: {exc}") from exc
    if username == "<token>":
        return Credentials(identity_token=secret)
    return Credentials(username, secret)


def store(helper: str, host: str, credentials: Credentials) -> None:
    doc = {"ServerURL": host, "Username": credentials.username, "Secret": credentials.password}
    if credentials.identity_token:
        doc = {"ServerURL": host, "Username": "<token>", "Secret": credentials.identity_token}
    _call(helper, "store", dumps(doc))


def erase(helper: str, host: str) -> bool:
    """Forget ``host``; False if the helper didn't know it."""
    known = bool(get(helper, host))
    if known:
        _call(helper, "erase", host)
    return known


def listed(helper: str) -> dict[str, str]:
    """host -> user of everything that the helper keeps."""
    text = _call(helper, "list", "")
    doc = loads(text) if text.strip() else {}
    return {str(k): str(v) for k, v in doc.items()} if isinstance(doc, dict) else {}
