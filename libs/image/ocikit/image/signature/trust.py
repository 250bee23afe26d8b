"""``podman image trust``: policy.json as a table, and changing one entry of it (podman-image-trust(1))."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from ocikit.common.errors import ConfigError, OcikitError, UsageError
from ocikit.common.files import atomic_write
from ocikit.image.reference import parse_normalized, valid_domain

from .policy import parse_policy
from .strictjson import loads

if TYPE_CHECKING:
    from ocikit.image.registry.lookaside import SignatureStores

TYPES = {
    "accept": "insecureAcceptAnything",
    "reject": "reject",
    "signedBy": "signedBy",
    "sigstoreSigned": "sigstoreSigned",
}
_SHOWN = {"insecureAcceptAnything": "accept", "signedBy": "signed"}


class TrustRow:
    """One requirement. ``key_ids``: the e-mail addresses in its keys ("N/A" where keys have none); ``store``: lookaside."""

    __slots__ = ("key_ids", "kind", "name", "store", "transport")

    def __init__(self, transport: str, name: str, kind: str, key_ids: str, store: str) -> None:
        self.transport = transport
        self.name = name
        self.kind = kind
        self.key_ids = key_ids
        self.store = store


def read_policy(path: str) -> dict[str, Any]:
    """The document, checked. Raises ConfigError with the path."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise ConfigError(f"open {path}: {(exc.strerror or '').lower()}") from exc
    try:
        doc = loads(data)
        parse_policy(doc)
    except OcikitError as exc:
        raise ConfigError(f"could not read trust policies: {path}: {exc}") from exc
    found: dict[str, Any] = doc
    return found


def rows(doc: dict[str, Any], stores: SignatureStores) -> list[TrustRow]:
    """The default first, then registries by name, then other transports."""
    default_store = str(stores.default.get("lookaside") or stores.default.get("sigstore") or "")
    found = [_row("all", "default", requirement, default_store) for requirement in doc["default"]]
    transports: dict[str, dict[str, Any]] = doc.get("transports") or {}
    for name in sorted(transports, key=lambda n: (n != "docker", n)):
        shown = "repository" if name == "docker" else name
        for scope in sorted(transports[name]):
            section = stores.docker.get(scope) or {}
            store = str(section.get("lookaside") or section.get("sigstore") or default_store)
            found += [_row(shown, scope, requirement, store) for requirement in transports[name][scope]]
    return found


def _row(transport: str, name: str, requirement: dict[str, Any], store: str) -> TrustRow:
    kind = str(requirement["type"])
    ids = ""
    if kind == "signedBy":
        paths = requirement.get("keyPaths") or ([requirement["keyPath"]] if "keyPath" in requirement else [])
        ids = ", ".join(address for path in paths for address in key_addresses(str(path)))
    elif kind == "sigstoreSigned":
        ids = "N/A"
    return TrustRow(transport, name, _SHOWN.get(kind, kind), ids, store)


def key_addresses(path: str) -> list[str]:
    """The e-mail addresses of an OpenPGP key file; none if it can't be read."""
    try:
        done = subprocess.run(
            ["gpg", "--batch", "--with-colons", "--show-keys", path], capture_output=True, text=True, check=False
        )
    except OSError:
        return []
    found = []
    for line in done.stdout.splitlines():
        fields = line.split(":")
        if fields[0] == "uid" and len(fields) > 9:
            user = fields[9]
            address = user[user.rfind("<") + 1 :].rstrip(">") if "<" in user else user
            if address not in found:
                found.append(address)
    return found


def set_trust(path: str, scope: str, kind: str, key_files: Sequence[str] = ()) -> None:
    """Replace the requirements of one registry or repository (or "default"). Raises UsageError, ConfigError."""
    if kind not in TYPES:
        choices = ", ".join(f"'{name}'" for name in TYPES)
        raise UsageError(f"invalid choice: {kind} (choose from {choices})")
    needs_keys = kind in ("signedBy", "sigstoreSigned")
    if needs_keys and not key_files:
        raise UsageError(f"at least one public key must be defined for type '{kind}'")
    if key_files and not needs_keys:
        raise UsageError(f"unexpected public keys for trust type '{kind}'")
    if scope != "default":
        _check_scope(scope)
    for file in key_files:
        if not os.path.exists(file):
            raise OcikitError(f"open {file}: no such file or directory")
    doc = read_policy(path) if os.path.exists(path) else {}
    requirements: list[dict[str, str]] = [{"type": TYPES[kind]}]
    if kind == "signedBy":
        requirements = [{"type": "signedBy", "keyType": "GPGKeys", "keyPath": file} for file in key_files]
    elif kind == "sigstoreSigned":
        requirements = [{"type": "sigstoreSigned", "keyPath": file} for file in key_files]
    if scope == "default":
        doc["default"] = requirements
    elif not doc.get("default"):
        raise ConfigError("default trust policy must be set", hint="`podman image trust set --type accept default`")
    else:
        registries = {**((doc.get("transports") or {}).get("docker") or {}), scope: requirements}
        doc["transports"] = {**(doc.get("transports") or {}), "docker": dict(sorted(registries.items()))}
    text = json.dumps(doc, indent=4, ensure_ascii=False)
    parse_policy(loads(text.encode()))
    atomic_write(os.path.realpath(path), text.encode(), mode=0o644)


def _check_scope(scope: str) -> None:
    """A host, or a repository with or without tag."""
    if "/" not in scope:
        if not valid_domain(scope.removeprefix("*.")):
            raise UsageError(f"invalid registry uri {scope}")
        return
    try:
        parse_normalized(scope)
    except OcikitError as exc:
        raise UsageError(f"invalid registry uri {scope}: {exc}") from exc
