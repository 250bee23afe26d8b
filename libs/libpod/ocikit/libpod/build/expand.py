"""Variable expansion as instructions do it: ``$VAR``, ``${VAR}``, ``${VAR:-word}``, ``${VAR#pattern}``, ``${VAR/a/b}``.

Source: Dockerfile reference, "Environment replacement"; the corners are what buildah 1.43 gives (unset and empty are the same).
"""

from __future__ import annotations

import re

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.globs import glob_regex
from ocikit.libpod.build.words import split_quoted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def expand(text: str, variables: Mapping[str, str], escape: str = "\\") -> str:
    """One word with variables replaced, quotes and escapes removed. Raises BuildError for a broken ``${...}``."""
    return _Expander(text, variables, escape).whole()


def expand_words(text: str, variables: Mapping[str, str], escape: str = "\\") -> list[str]:
    """Like expand, then split at blanks that stood outside quotes or came from a variable (EXPOSE)."""
    words = []
    for word in split_quoted(text, escape):
        words += expand(word, variables, escape).split()
    return words


class _Expander:
    """A recursive descent over one word."""

    def __init__(self, text: str, variables: Mapping[str, str], escape: str) -> None:
        self.text, self.variables, self.escape, self.at = text, variables, escape, 0

    def fail(self, message: str) -> BuildError:
        return BuildError(f'Failed to process "{self.text}": {message}')

    def peek(self) -> str:
        return self.text[self.at] if self.at < len(self.text) else ""

    def take(self) -> str:
        char = self.peek()
        self.at += 1
        return char

    def whole(self) -> str:
        return self.until("")

    def until(self, stop: str) -> str:
        """Expands up to (and over) an unquoted stop character, or the end of the text."""
        out: list[str] = []
        while char := self.peek():
            if char == stop:
                self.at += 1
                return "".join(out)
            if char == "'":
                out.append(self.single_quoted())
            elif char == '"':
                out.append(self.double_quoted())
            elif char == "$":
                out.append(self.dollar())
            else:
                self.at += 1
                if char == self.escape:
                    # An escape at the very end of the text vanishes.
                    char = self.take()
                out.append(char)
        if stop:
            raise self.fail(f"unexpected end of statement while looking for matching {stop}")
        return "".join(out)

    def single_quoted(self) -> str:
        end = self.text.find("'", self.at + 1)
        if end < 0:
            raise self.fail("unexpected end of statement while looking for matching single-quote")
        inner, self.at = self.text[self.at + 1 : end], end + 1
        return inner

    def double_quoted(self) -> str:
        self.at += 1
        out: list[str] = []
        while char := self.peek():
            if char == '"':
                self.at += 1
                return "".join(out)
            if char == "$":
                out.append(self.dollar())
                continue
            self.at += 1
            if char == self.escape:
                following = self.take()
                # Within double quotes an escape means something only before these.
                if following not in ('"', "$", self.escape):
                    out.append(char)
                char = following
            out.append(char)
        raise self.fail("unexpected end of statement while looking for matching double-quote")

    def dollar(self) -> str:
        self.at += 1
        if self.peek() == "{":
            self.at += 1
            return self.braced()
        name = self.name()
        return self.variables.get(name, "") if name else "$"

    def name(self) -> str:
        match = re.compile(r"[A-Za-z_][A-Za-z0-9_]*|[0-9@*#?!]|-").match(self.text, self.at)
        if not match or match[0] == "-":
            return ""
        self.at = match.end()
        return match[0]

    def braced(self) -> str:
        if self.peek() in ("", "{", ":"):
            raise self.fail(f"bad substitution: ${{{self.peek()}")
        name = self.name()
        value = self.variables.get(name, "")
        modifier = self.take()
        if modifier == "}":
            return value
        if modifier == "":
            raise self.fail("syntax error: missing '}'")
        if modifier == ":":
            return self.colon(name, value)
        if modifier in "#%":
            longest = self.peek() == modifier
            self.at += longest
            return self.trimmed(value, self.until("}"), modifier == "#", longest)
        if modifier == "/":
            return self.replaced(value)
        raise self.fail("Missing ':' or '#' or '%' or '/' in substitution")

    def colon(self, name: str, value: str) -> str:
        kind = self.take()
        if kind not in ("-", "+", "?"):
            raise self.fail(f"Unsupported modifier ({kind}) in substitution: {self.text}")
        word = self.until("}")
        if kind == "+":
            return word if value else ""
        if value:
            return value
        if kind == "?" and not word:
            raise BuildError(f'Failed to process "{self.text}": {name} is not allowed to be unset')
        return word

    def replaced(self, value: str) -> str:
        everywhere = self.peek() == "/"
        self.at += everywhere
        anchor = self.peek() if self.peek() in ("#", "%") else ""
        self.at += bool(anchor)
        pattern = self.raw_until("/}")
        closed = self.text[self.at - 1] == "}"
        word = "" if closed else self.until("}")
        expression = glob_regex(_Expander(pattern, self.variables, self.escape).whole())
        expression = {"#": rf"\A(?:{expression})", "%": rf"(?:{expression})\Z"}.get(anchor, expression)
        return re.sub(expression, lambda _: word, value, count=0 if everywhere else 1, flags=re.DOTALL)

    def raw_until(self, stops: str) -> str:
        """Text up to (and over) one of the stop characters, with an escaped one taken as itself."""
        out = ""
        while char := self.take():
            if char == self.escape and self.peek() and self.peek() in stops:
                out += self.take()
            elif char in stops:
                return out
            else:
                out += char
        raise self.fail("syntax error: missing '}'")

    def trimmed(self, value: str, pattern: str, front: bool, longest: bool) -> str:
        """``#``/``##``: without the shortest/longest matching front; ``%``/``%%``: without the end."""
        expression = re.compile(glob_regex(pattern), re.DOTALL)
        lengths = range(len(value) + 1)
        for length in reversed(lengths) if longest else lengths:
            part = value[:length] if front else value[len(value) - length :]
            if expression.fullmatch(part):
                return value[length:] if front else value[: len(value) - length]
        return value
