"""TOML files without tomllib's 18 ms.

Configuration files use little of TOML: tables, plain strings, numbers, booleans, lists. That is read here directly.
Whatever else stands in a text (escapes, dates, dotted keys, a mistake) makes this reader give up, and tomllib decides: so
the result and the errors are always tomllib's.
"""

from __future__ import annotations

from ocikit.common.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
# Deeper lists than this are nobody's configuration.
_MAX_DEPTH = 16


class _GiveUp(Exception):
    """Something that is left to tomllib."""


def load(path: str) -> dict[str, Any]:
    """The file as a dict. ConfigError names the file; FileNotFoundError where it does not exist."""
    with open(path, "rb") as file:
        data = file.read()
    return loads(data, path)


def loads(data: bytes | str, path: str = "configuration") -> dict[str, Any]:
    """The text as a dict; ``path`` is named in errors."""
    try:
        text = data if isinstance(data, str) else data.decode()
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: the file is not UTF-8 text (byte {error.start})") from None
    try:
        return _Reader(text).read()
    except _GiveUp:
        import tomllib

        try:
            return tomllib.loads(text)
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            raise ConfigError(f"{path}: {error}", hint="Correct the file; its format is TOML.") from None


class _Reader:
    def __init__(self, text: str) -> None:
        if "\r" in text:
            text = text.replace("\r\n", "\n")
        characters = set(text)
        characters -= {"\n", "\t"}
        if characters and (min(characters) < " " or "\x7f" in characters):
            raise _GiveUp
        self.text = text
        self.root: dict[str, Any] = {}
        self.made: set[tuple[str, ...]] = set()

    def read(self) -> dict[str, Any]:
        text, at, end = self.text, 0, len(self.text)
        table = self.root
        while at < end:
            stop = text.find("\n", at)
            stop = end if stop < 0 else stop
            line = text[at:stop].strip(" \t")
            if not line or line[0] == "#":
                at = stop + 1
                continue
            if line[0] == "[":
                table = self.header(line)
                at = stop + 1
                continue
            if line[0] == '"' and line[-1] == '"' and line.count('"') == 4 and "\\" not in line:
                # "name" = "value", as in the long lists of short names
                _, name, equals, word, _ = line.split('"')
                if name and word and equals.strip(" \t") == "=" and name not in table:
                    table[name] = word
                    at = stop + 1
                    continue
            at = self.skip(at)
            key, at = self.key(at)
            at = self.skip(at)
            if text[at : at + 1] != "=" or key in table:
                raise _GiveUp
            table[key], at = self.value(self.skip(at + 1), 0)
            at = self.line_end(at)
        return self.root

    def skip(self, at: int) -> int:
        """Past blanks."""
        text = self.text
        while text[at : at + 1] in (" ", "\t"):
            at += 1
        return at

    def line_end(self, at: int) -> int:
        """Past blanks, a comment and the newline."""
        at = self.skip(at)
        text = self.text
        if text[at : at + 1] == "#":
            at = text.find("\n", at)
            return len(text) if at < 0 else at + 1
        if at < len(text) and text[at] != "\n":
            raise _GiveUp
        return at + 1

    def key(self, at: int) -> tuple[str, int]:
        text = self.text
        if text[at : at + 1] in ('"', "'"):
            return self.string(at)
        start = at
        while text[at : at + 1] in _BARE:
            at += 1
        if at == start:
            raise _GiveUp
        return text[start:at], at

    def header(self, line: str) -> dict[str, Any]:
        """The table that ``[a.b]`` or ``[[a.b]]`` opens."""
        many = line.startswith("[[")
        close = "]]" if many else "]"
        inner, found, rest = line[2 if many else 1 :].partition(close)
        if not found or (rest.strip(" \t") and rest.lstrip(" \t")[0] != "#"):
            raise _GiveUp
        names = tuple([name.strip(" \t") for name in inner.split(".")])
        for name in names:
            if not name or not _BARE.issuperset(name):
                raise _GiveUp
        table = self.root
        for name in names[:-1]:
            found_table = table.setdefault(name, {})
            if isinstance(found_table, list) and found_table and isinstance(found_table[-1], dict):
                raise _GiveUp  # tables inside of lists of tables are rare
            if not isinstance(found_table, dict):
                raise _GiveUp
            table = found_table
        last = names[-1]
        if many:
            rows = table.setdefault(last, [])
            if not isinstance(rows, list) or (rows and names not in self.made):
                raise _GiveUp
            self.made.add(names)
            rows.append({})
            row: dict[str, Any] = rows[-1]
            return row
        if names in self.made or last in table:
            raise _GiveUp
        self.made.add(names)
        new: dict[str, Any] = {}
        table[last] = new
        return new

    def string(self, at: int) -> tuple[str, int]:
        text, mark = self.text, self.text[at]
        stop = text.find(mark, at + 1)
        if stop < 0 or text.startswith(mark * 3, at):
            raise _GiveUp
        body = text[at + 1 : stop]
        if "\n" in body or (mark == '"' and "\\" in body):
            raise _GiveUp
        return body, stop + 1

    def value(self, at: int, depth: int) -> tuple[Any, int]:
        text = self.text
        char = text[at : at + 1]
        if char in ('"', "'"):
            return self.string(at)
        if char == "[":
            return self.array(at + 1, depth + 1)
        if char == "{":
            return self.inline(at + 1, depth + 1)
        start = at
        while text[at : at + 1] in _BARE:
            at += 1
        word = text[start:at]
        if word in ("true", "false"):
            return word == "true", at
        digits = word[1:] if word[:1] == "-" else word
        # isdecimal accepts other scripts' digits; _BARE does not. A dot, colon or sign after the word is no integer.
        if not digits.isdecimal() or (digits[0] == "0" and digits != "0") or text[at : at + 1] in (".", ":", "+"):
            raise _GiveUp
        return int(word), at

    def blank(self, at: int) -> int:
        """Past blanks, newlines and comments."""
        text = self.text
        while True:
            char = text[at : at + 1]
            if char and char in " \t\n":
                at += 1
            elif char == "#":
                at = text.find("\n", at)
                if at < 0:
                    raise _GiveUp
            else:
                return at

    def array(self, at: int, depth: int) -> tuple[list[Any], int]:
        if depth > _MAX_DEPTH:
            raise _GiveUp
        items: list[Any] = []
        while True:
            at = self.blank(at)
            if self.text[at : at + 1] == "]":
                return items, at + 1
            item, at = self.value(at, depth)
            items.append(item)
            at = self.blank(at)
            if self.text[at : at + 1] == ",":
                at += 1
            elif self.text[at : at + 1] != "]":
                raise _GiveUp

    def inline(self, at: int, depth: int) -> tuple[dict[str, Any], int]:
        if depth > _MAX_DEPTH:
            raise _GiveUp
        table: dict[str, Any] = {}
        at = self.skip(at)
        if self.text[at : at + 1] == "}":
            return table, at + 1
        while True:
            key, at = self.key(self.skip(at))
            at = self.skip(at)
            if self.text[at : at + 1] != "=" or key in table:
                raise _GiveUp
            table[key], at = self.value(self.skip(at + 1), depth)
            at = self.skip(at)
            char = self.text[at : at + 1]
            if char == "}":
                return table, at + 1
            if char != ",":
                raise _GiveUp
            at += 1
