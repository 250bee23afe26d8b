"""Shell globs as regular expressions, as ignore files, COPY sources and ``${V#pattern}`` use them."""

from __future__ import annotations

import re

from ocikit.libpod.build.errors import BuildError


def glob_regex(pattern: str, *, double_star: bool = False) -> str:
    """An expression for the whole pattern; ``*`` and ``?`` do not cross ``/``, ``**`` does where it is allowed."""
    out, at = [], 0
    while at < len(pattern):
        if double_star and pattern.startswith("**", at):
            at += 2
            if pattern.startswith("/", at):
                # "**/x" also matches "x" itself
                at += 1
                out.append("(?:.*/)?")
            else:
                out.append(".*")
            continue
        char = pattern[at]
        at += 1
        if char == "*":
            out.append("[^/]*")
        elif char == "?":
            out.append("[^/]")
        elif char == "[" and (end := pattern.find("]", at + 1)) > 0:
            out.append(_class(pattern, pattern[at:end]))
            at = end + 1
        elif char == "\\" and at < len(pattern):
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(char))
    return "".join(out)


def _class(pattern: str, inner: str) -> str:
    """A character class. Raises BuildError for a range that runs backwards."""
    negated = inner[0] in "!^"
    members, at = [], int(negated)
    while at < len(inner):
        char = inner[at]
        if char == "\\" and at + 1 < len(inner):
            at += 1
            char = inner[at]
        if inner[at + 1 : at + 2] == "-" and at + 2 < len(inner):
            last = inner[at + 2]
            if last < char:
                raise BuildError(f'syntax error in pattern "{pattern}": the range {char}-{last} runs backwards')
            members.append(f"{re.escape(char)}-{re.escape(last)}")
            at += 3
            continue
        members.append(re.escape(char))
        at += 1
    if not members:
        raise BuildError(f'syntax error in pattern "{pattern}"')
    return f"[{'^' if negated else ''}{''.join(members)}]"


def has_magic(text: str) -> bool:
    """Whether a COPY source is a pattern."""
    return any(char in text for char in "*?[")
