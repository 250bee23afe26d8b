"""Version constraints of ``images-by-semver``, in the grammar of Masterminds/semver: ``>= 1.2, < 2 || ~3.1``."""

from __future__ import annotations

import re

from ocikit.common.errors import OcikitError

_VERSION = re.compile(r"^v?(0|[0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(?:-([0-9A-Za-z.-]+))?(?:\+([0-9A-Za-z.-]+))?$")
_TERM = re.compile(
    r"^(=|==|!=|>=|=>|<=|=<|>|<|~>|~|\^)?\s*(v?(?:[0-9]+|[xX*])(?:\.(?:[0-9]+|[xX*])){0,2}(?:-[0-9A-Za-z.-]+)?)$"
)

Key = tuple[int, int, int, tuple[tuple[int, int, str], ...]]


def parse(text: str) -> Key | None:
    """A sortable key, None if the text is no version. A release sorts after its pre-releases."""
    match = _VERSION.match(text)
    if match is None:
        return None
    major, minor, patch = (int(part or 0) for part in match.groups()[:3])
    return major, minor, patch, _pre(match.group(4) or "")


def _pre(text: str) -> tuple[tuple[int, int, str], ...]:
    if not text:
        return ((2, 0, ""),)
    return tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in text.split("."))


class Constraint:
    """Alternatives joined by ``||``, terms joined by commas or spaces; ranges ``1.2 - 1.4``."""

    def __init__(self, text: str) -> None:
        self._alternatives = [self._terms(part, text) for part in text.split("||")]

    def _terms(self, part: str, whole: str) -> list[tuple[str, str]]:
        part = re.sub(r"(\S+)\s+-\s+(\S+)", r">=\1 <=\2", part.strip())
        part = re.sub(r"([=!<>~^])\s+", r"\1", part)
        terms = []
        for word in re.split(r"[,\s]+", part):
            if not word:
                continue
            match = _TERM.match(word)
            if match is None:
                raise OcikitError(f"improper constraint: {whole}")
            terms.append((match.group(1) or "", match.group(2)))
        return terms

    def allows(self, tag: str) -> bool:
        """Whether the tag is a version that fits. Pre-releases fit only where the constraint names one."""
        version = parse(tag)
        if version is None:
            return False
        return any(all(_fits(version, op, want) for op, want in terms) for terms in self._alternatives)


def _fits(version: Key, op: str, want: str) -> bool:
    parts = want.lstrip("v").partition("-")
    numbers: list[int] = []
    for part in parts[0].split("."):
        if part in ("x", "X", "*"):
            break
        numbers.append(int(part))
    known = len(numbers)
    low = (*[*numbers, 0, 0, 0][:3], _pre(parts[2]))
    if version[3] != _pre("") and not parts[2]:
        return False
    if known == 0:
        return op not in ("!=", "<", ">")
    bare = version[:3]
    at = tuple(numbers)
    if op in ("", "=", "=="):
        return version == low if known == 3 else bare[:known] == at
    if op == "!=":
        return version != low if known == 3 else bare[:known] != at
    if op == ">":
        return version > low if known == 3 else bare[:known] > at
    if op == "<":
        return version < low
    if op in (">=", "=>"):
        return version >= low
    if op in ("<=", "=<"):
        return version <= low if known == 3 else bare[:known] <= at
    if op in ("~", "~>"):
        return version >= low and bare[: 1 if known == 1 else 2] == at[: 1 if known == 1 else 2]
    # ^: up to the next change of the first number that isn't zero
    fixed = next((i for i, n in enumerate(numbers) if n), known - 1) + 1
    return version >= low and bare[:fixed] == at[:fixed]
