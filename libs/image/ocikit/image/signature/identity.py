"""signedIdentity: does the name in a signature stand for the image that is wanted? Pure (image.md 11.1)."""

from __future__ import annotations

from typing import Any

from ocikit.common.errors import InvalidReference
from ocikit.image.reference import ImageName, parse_normalized

from .strictjson import StrictError, check_keys, string

DEFAULT_IDENTITY = {"type": "matchRepoDigestOrExact"}
_FIELDS = {
    "matchExact": (),
    "matchRepoDigestOrExact": (),
    "matchRepository": (),
    "exactReference": ("dockerReference",),
    "exactRepository": ("dockerRepository",),
    "remapIdentity": ("prefix", "signedPrefix"),
}


def check_identity(doc: Any) -> dict[str, str]:
    """A signedIdentity object, checked; None stands for the default."""
    if doc is None:
        return dict(DEFAULT_IDENTITY)
    if not isinstance(doc, dict) or "type" not in doc:
        raise StrictError("Exactly one signedIdentity object with a type is expected")
    kind = string(doc, "type")
    if kind not in _FIELDS:
        raise StrictError(f'Unknown policy reference match type "{kind}"')
    check_keys(doc, ("type", *_FIELDS[kind]))
    for field in _FIELDS[kind]:
        value = string(doc, field)
        if field in ("dockerReference", "dockerRepository"):
            try:
                parsed = parse_normalized(value)
            except InvalidReference as exc:
                raise StrictError(f'Invalid format of {field} "{value}": {exc}') from exc
            if field == "dockerReference" and parsed.is_name_only:
                raise StrictError(f'dockerReference "{value}" contains neither a tag nor digest')
        elif not _valid_prefix(value):
            raise StrictError(f'{field} "{value}" is not valid')
    return {k: str(v) for k, v in doc.items()}


def _valid_prefix(prefix: str) -> bool:
    """``host[:port]`` or ``host/path`` without tag or digest; a bare ``docker.io``-like host counts."""
    host, slash, _ = prefix.partition("/")
    if not slash:
        return bool(host) and not host.startswith("*") and "@" not in host
    try:
        return str(parse_normalized(prefix)) == prefix
    except InvalidReference:
        return False


def _parse(text: str) -> ImageName | None:
    try:
        return parse_normalized(text)
    except InvalidReference:
        return None


def _same_repository(a: ImageName, b: ImageName) -> bool:
    return a.name == b.name


def _repo_digest_or_exact(intended: ImageName, signed: ImageName) -> bool:
    if signed.is_name_only:
        return False
    if intended.tag:
        return str(intended) == str(signed)
    return bool(intended.digest) and _same_repository(intended, signed)


def matches(identity: dict[str, str], intended: ImageName | None, signed_text: str) -> bool:
    """Whether a signature for ``signed_text`` is good for the image named ``intended`` (None: it has no name)."""
    signed = _parse(signed_text)
    if signed is None:
        return False
    kind = identity["type"]
    if kind == "exactReference":
        wanted = _parse(identity["dockerReference"])
        return wanted is not None and not signed.is_name_only and str(wanted) == str(signed)
    if kind == "exactRepository":
        wanted = _parse(identity["dockerRepository"])
        return wanted is not None and _same_repository(wanted, signed)
    if intended is None:
        return False
    if kind == "matchExact":
        return not intended.is_name_only and not signed.is_name_only and str(intended) == str(signed)
    if kind == "matchRepository":
        return _same_repository(intended, signed)
    if kind == "remapIdentity":
        remapped = _remap(intended, identity["prefix"], identity["signedPrefix"])
        return remapped is not None and _repo_digest_or_exact(remapped, signed)
    return _repo_digest_or_exact(intended, signed)


def _remap(intended: ImageName, prefix: str, replacement: str) -> ImageName | None:
    text = str(intended)
    if intended.name == prefix or text.startswith(prefix + "/"):
        return _parse(replacement + text[len(prefix) :])
    return intended
