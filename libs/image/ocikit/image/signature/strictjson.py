"""JSON as Go's paranoid reader takes it: unknown keys, repeated keys and trailing data are errors (image.md 11)."""

from __future__ import annotations

import json
from typing import Any

from ocikit.common.errors import OcikitError


class StrictError(OcikitError):
    """A document that isn't exactly what it should be."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for key, value in pairs:
        if key in out:
            raise StrictError(f'Duplicate key "{key}"')
        out[key] = value
    return out


def _constant(name: str) -> Any:
    raise StrictError(f"invalid character '{name[0]}' looking for beginning of value")


def loads(data: bytes) -> Any:
    """One JSON value, strictly. Raises StrictError."""
    try:
        return json.loads(data.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant)
    except json.JSONDecodeError as exc:
        if exc.msg == "Extra data":
            raise StrictError("Unexpected trailing data after JSON object") from exc
        at = exc.doc[exc.pos : exc.pos + 1]
        if not at:
            raise StrictError("unexpected end of JSON input") from exc
        raise StrictError(f"invalid character '{at}' looking for beginning of value") from exc
    except (UnicodeDecodeError, RecursionError) as exc:
        raise StrictError(f"invalid JSON: {exc}") from exc


def check_keys(doc: Any, required: tuple[str, ...], optional: tuple[str, ...] = ()) -> dict[str, Any]:
    """``doc`` as an object with exactly these keys."""
    if not isinstance(doc, dict):
        raise StrictError("JSON object expected")
    for key in doc:
        if key not in required and key not in optional:
            raise StrictError(f'Unknown key "{key}"')
    for key in required:
        if key not in doc:
            raise StrictError(f'Key "{key}" missing in a JSON object')
    return doc


def string(doc: dict[str, Any], key: str) -> str:
    value = doc[key]
    if not isinstance(value, str):
        raise StrictError(f'Value of "{key}" is not a string')
    return value
