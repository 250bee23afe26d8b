"""WWW-Authenticate: what a registry's ping says about how to log in. Pure.

Format: RFC 7235, read as leniently as Go's client does (image.md 5.2): one challenge per header line, reading stops at
the first oddity, and what was read until then counts.
"""

from __future__ import annotations

_TOKEN_EXTRA = "!#$%&'*+-.^_`|~"  # noqa: S105 - RFC 7230 token characters, no secret


class Challenge:
    """One ``Bearer realm="…",service="…"`` line: lower-case scheme, lower-case parameter names."""

    __slots__ = ("parameters", "scheme")

    def __init__(self, scheme: str, parameters: dict[str, str]) -> None:
        self.scheme = scheme
        self.parameters = parameters

    def __repr__(self) -> str:
        return f"Challenge({self.scheme!r}, {self.parameters!r})"


def parse_challenges(lines: list[str]) -> list[Challenge]:
    """Every header line that begins with a scheme, in order."""
    return [c for c in map(_parse_one, lines) if c is not None]


def _token(text: str, at: int) -> int:
    """Where the token that begins at ``at`` ends."""
    while at < len(text) and text[at].isascii() and (text[at].isalnum() or text[at] in _TOKEN_EXTRA):
        at += 1
    return at


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


def _parse_one(line: str) -> Challenge | None:
    start = _skip(line, 0)
    at = _token(line, start)
    if at == start:
        return None
    challenge = Challenge(line[start:at].lower(), {})
    at = _skip(line, at)
    while at < len(line):
        end = _token(line, at)
        if end == at:
            break
        key = line[at:end].lower()
        at = _skip(line, end)
        if at >= len(line) or line[at] != "=":
            break
        at = _skip(line, at + 1)
        if at < len(line) and line[at] == '"':
            value, at = _quoted(line, at + 1)
            if at < 0:
                break
        else:
            end = _token(line, at)
            value, at = line[at:end], end
        challenge.parameters[key] = value
        at = _skip(line, at)
        if at >= len(line) or line[at] != ",":
            break
        at = _skip(line, at + 1)
    return challenge


def _quoted(line: str, at: int) -> tuple[str, int]:
    """The text up to the closing quote and the index behind it; -1 when there is none."""
    out: list[str] = []
    while at < len(line):
        char = line[at]
        if char == '"':
            return "".join(out), at + 1
        if char == "\\" and at + 1 < len(line):
            at += 1
            char = line[at]
        out.append(char)
        at += 1
    return "", -1
