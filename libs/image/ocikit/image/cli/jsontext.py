"""JSON as the Go tools print it, indented."""

from __future__ import annotations


def dump_json(value: object, indent: int) -> str:
    """As Go's MarshalIndent: without ``json``'s pure Python half for the small, flat documents of hot commands."""
    return _dump(value, "\n", " " * indent)


def _dump(value: object, newline: str, step: str) -> str:
    from ocikit.common.jsonfast import dumps_go

    if isinstance(value, dict) and value:
        inner = newline + step
        return (
            "{" + ",".join([f"{inner}{dumps_go(k)}: {_dump(v, inner, step)}" for k, v in value.items()]) + newline + "}"
        )
    if isinstance(value, list) and value:
        inner = newline + step
        return "[" + ",".join([inner + _dump(v, inner, step) for v in value]) + newline + "]"
    return dumps_go(value)
