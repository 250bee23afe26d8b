"""Shell globs as regular expressions, as ignore files, COPY sources and ``${V#pattern}`` use them."""

from __future__ import annotations

import re


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
            inner = pattern[at:end].replace("\\", "\\\\")
            out.append("[" + ("^" + inner[1:] if inner[0] in "!^" else inner) + "]")
            at = end + 1
        elif char == "\\" and at < len(pattern):
            out.append(re.escape(pattern[at]))
            at += 1
        else:
            out.append(re.escape(char))
    return "".join(out)


def has_magic(text: str) -> bool:
    """Whether a COPY source is a pattern."""
    return any(char in text for char in "*?[")
