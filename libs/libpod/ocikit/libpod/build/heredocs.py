"""Bodies of unquoted here-documents: variables are replaced, quotes stay."""

from __future__ import annotations

from ocikit.libpod.build.expand import expand

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def expand_body(text: str, variables: Mapping[str, str]) -> str:
    """Line by line: ``$NAME`` and ``${...}`` are replaced, ``\\$`` is a dollar, quotes are ordinary characters."""
    out, at = "", 0
    while at < len(text):
        char = text[at]
        if char == "\\" and text[at + 1 : at + 2] in ("$", "\\"):
            out += text[at + 1]
            at += 2
        elif char == "$":
            end = _end(text, at)
            out += expand(text[at:end], variables)
            at = end
        else:
            out += char
            at += 1
    return out


def _end(text: str, at: int) -> int:
    """Where the reference that begins at ``at`` ends."""
    if text[at + 1 : at + 2] == "{":
        depth = 0
        for position in range(at + 1, len(text)):
            depth += {"{": 1, "}": -1}.get(text[position], 0)
            if not depth:
                return position + 1
        return len(text)
    end = at + 1
    while end < len(text) and (text[end].isalnum() or text[end] == "_"):
        end += 1
    return end
