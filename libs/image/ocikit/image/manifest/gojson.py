"""JSON as Go reads and writes it, so that digests of re-written manifests equal those of the Go tools (section 1)."""

from __future__ import annotations

from ocikit.common.jsonfast import dumps_go, loads
from ocikit.image.errors import ManifestError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

ESSENTIAL = ("config", "fsLayers", "history", "layers", "manifests")


def parse_object(raw: bytes | str, what: str) -> dict[str, Any]:
    """The JSON object in ``raw``; ``what`` names the document in the error."""
    try:
        value = loads(raw)
    except ValueError as error:
        raise ManifestError(f"{what} is not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ManifestError(f"{what} is not a JSON object")
    return value


def dump(value: object) -> bytes:
    """Compact, in the order of the dict's keys, with Go's escapes."""
    return dumps_go(value).encode()


def sorted_map(value: Mapping[str, Any]) -> dict[str, Any]:
    """A Go map: keys in byte order (code point order of Python is the same for UTF-8)."""
    return {key: value[key] for key in sorted(value)}


def field(doc: Mapping[str, Any], name: str) -> Any:
    """The value of ``name``; Go matches keys without regard to case, an exact match wins. None if absent."""
    if name in doc:
        return doc[name]
    folded = name.casefold()
    found = None
    for key, value in doc.items():
        if key.casefold() == folded:
            found = value
    return found


def text(doc: Mapping[str, Any], name: str, what: str) -> str:
    value = field(doc, name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ManifestError(f"{what}: {name} must be a string")
    return value


def integer(doc: Mapping[str, Any], name: str, what: str) -> int:
    value = field(doc, name)
    if value is None:
        return 0
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) >= 1 << 63:
        raise ManifestError(f"{what}: {name} must be an integer")
    return value


def strings(doc: Mapping[str, Any], name: str, what: str) -> list[str] | None:
    value = field(doc, name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ManifestError(f"{what}: {name} must be a list of strings")
    return value


def string_map(doc: Mapping[str, Any], name: str, what: str) -> dict[str, str] | None:
    value = field(doc, name)
    if value is None:
        return None
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise ManifestError(f"{what}: {name} must be an object of strings")
    return value


def objects(doc: Mapping[str, Any], name: str, what: str) -> list[dict[str, Any]] | None:
    value = field(doc, name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ManifestError(f"{what}: {name} must be a list of objects")
    return value


def an_object(doc: Mapping[str, Any], name: str, what: str) -> dict[str, Any] | None:
    value = field(doc, name)
    if value is not None and not isinstance(value, dict):
        raise ManifestError(f"{what}: {name} must be an object")
    return value


def guard(doc: Mapping[str, Any], media_type: str, allowed: tuple[str, ...]) -> None:
    """Refuses a document that also carries the essential field of another kind of manifest.

    Two programs that disagree on what a document is could be shown two different images under one digest.
    """
    folded = {name.casefold(): name for name in ESSENTIAL if name not in allowed}
    found = [folded[key.casefold()] for key, value in doc.items() if value is not None and key.casefold() in folded]
    if found:
        listed = ", ".join(f'"{name}"' for name in sorted(set(found)))
        raise ManifestError(
            f"rejecting ambiguous manifest, unexpected fields []string{{{listed}}} in supposedly {media_type}"
        )


def rfc3339(value: str) -> str:
    """A time re-written as Go does it: no trailing zeros in the fraction, offset zero as Z. Bad times are an error."""
    body, fraction, zone = split_time(value)
    # By hand: strptime imports locale and calendar, 20 ms of every inspect.
    numbers = body[:4] + body[5:7] + body[8:10] + body[11:13] + body[14:16] + body[17:19]
    if len(body) != 19 or not numbers.isdecimal() or body[4::3] != "--T::":
        raise ManifestError(f'invalid time "{value}"')
    month, day, hour, minute, second = (int(numbers[at : at + 2]) for at in (4, 6, 8, 10, 12))
    if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 60):
        raise ManifestError(f'invalid time "{value}"')
    fraction = fraction[:9].rstrip("0")
    return body + ("." + fraction if fraction else "") + ("Z" if zone in ("Z", "+00:00", "-00:00") else zone)


def split_time(value: str) -> tuple[str, str, str]:
    """(date and time, digits of the fraction, zone) of an RFC 3339 text."""
    body, rest = value[:19], value[19:]
    fraction = ""
    if rest[:1] in (".", ","):
        rest = rest[1:]
        digits = len(rest) - len(rest.lstrip("0123456789"))
        fraction, rest = rest[:digits], rest[digits:]
        if not fraction:
            raise ManifestError(f'invalid time "{value}"')
    if rest != "Z" and not (len(rest) == 6 and rest[0] in "+-" and rest[3] == ":" and (rest[1:3] + rest[4:]).isdigit()):
        raise ManifestError(f'invalid time "{value}"')
    return body, fraction, rest


def raw_members(raw: bytes | str, what: str) -> dict[str, str]:
    """The members of a JSON object with their values as text, compacted and escaped as Go does with a RawMessage.

    Where Go only moves values about, it keeps their spelling (``\\u00e9`` stays six characters), and ids depend on it.
    """
    import json

    text = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else raw
    parse_object(raw, what)
    scan = json.JSONDecoder(strict=False).raw_decode
    at = _skip(text, _skip(text, 0) + 1)
    members: dict[str, str] = {}
    while text[at] != "}":
        key, end = scan(text, at)
        start = _skip(text, _skip(text, end) + 1)
        _, end = scan(text, start)
        members[key] = _compact(text[start:end])
        at = _skip(text, end)
        if text[at] == ",":
            at = _skip(text, at + 1)
    return members


def _skip(text: str, at: int) -> int:
    while text[at] in " \t\r\n":
        at += 1
    return at


def _compact(text: str) -> str:
    import re

    out = re.sub(r'("(?:[^"\\]|\\.)*")|\s+', lambda match: match.group(1) or "", text)
    for char in "<>&\u2028\u2029":
        out = out.replace(char, f"\\u{ord(char):04x}")
    return out


def dump_members(members: Mapping[str, str]) -> bytes:
    """An object out of values that are JSON text already, keys sorted."""
    return ("{" + ",".join(f"{dumps_go(key)}:{members[key]}" for key in sorted(members)) + "}").encode()
