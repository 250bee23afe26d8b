"""Ignore files (.containerignore, .dockerignore): which paths of a context stay out.

Source: containerignore(5), Dockerfile reference ".dockerignore file". Later lines win; ``!`` brings back.
"""

from __future__ import annotations

import os
import re

from ocikit.libpod.build.globs import glob_regex


class Ignore:
    """A compiled list of patterns. Paths are relative to the context, with ``/`` and no leading ``./``."""

    def __init__(self, patterns: list[str]) -> None:
        self.patterns = patterns
        self._rules: list[tuple[bool, re.Pattern[str]]] = []
        for pattern in patterns:
            keep = pattern.startswith("!")
            body = pattern[1:].strip() if keep else pattern
            body = os.path.normpath(body).strip("/") if body.strip("/") else ""
            if body and body != ".":
                self._rules.append((keep, re.compile(glob_regex(body, double_star=True) + r"(?:/.*)?\Z", re.DOTALL)))
        self._may_reenter = any(keep for keep, _ in self._rules)

    def __bool__(self) -> bool:
        return bool(self._rules)

    def excluded(self, path: str) -> bool:
        """Whether this path stays out."""
        out = False
        for keep, rule in self._rules:
            if out == keep and rule.match(path):
                out = not keep
        return out

    def may_hold_kept(self, path: str) -> bool:
        """Whether an excluded directory must still be looked into, because a later ``!`` line may match below it."""
        return self._may_reenter


def parse_ignore(text: str) -> Ignore:
    """Reads an ignore file's lines: comments and blank lines are skipped, blanks around a line do not count."""
    lines = (line.strip() for line in text.removeprefix("\ufeff").splitlines())
    return Ignore([line for line in lines if line and not line.startswith("#")])


def find_ignore(context: str, containerfile: str, given: str = "") -> str:
    """The path of the ignore file that counts, or an empty string; a given one must exist."""
    if given:
        return given
    candidates = [f"{containerfile}.dockerignore", f"{containerfile}.containerignore"] if containerfile else []
    candidates += [os.path.join(context, ".containerignore"), os.path.join(context, ".dockerignore")]
    return next((path for path in candidates if os.path.isfile(path)), "")
