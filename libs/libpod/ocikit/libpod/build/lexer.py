"""From a Containerfile's text to a list of instructions.

Source: the Dockerfile reference ("Format", "Parser directives", "Escape", "Here-Documents"), and what buildah 1.43 accepts.
Nothing is expanded here; an instruction keeps its text as written, because that text is the cache key.
"""

from __future__ import annotations

import json
import re

from ocikit.libpod.build.errors import ParseError

MAX_LINE_BYTES = 2 << 20
TAKES_FLAGS = frozenset({"RUN", "COPY", "ADD", "FROM", "HEALTHCHECK", "ONBUILD"})
TAKES_JSON = frozenset({"RUN", "CMD", "ENTRYPOINT", "SHELL", "ADD", "COPY", "VOLUME"})
TAKES_HEREDOC = frozenset({"RUN", "COPY", "ADD"})
_DIRECTIVE = re.compile(r"^#\s*([a-zA-Z][a-zA-Z0-9]*)\s*=\s*(.+?)\s*$")
_HEREDOC = re.compile(r"""^(\d*)<<(-?)(['"]?)([a-zA-Z_.][a-zA-Z0-9_.]*)(['"]?)$""")


class Heredoc:
    """A here-document. ``expand`` is false when the delimiter was quoted; ``content`` ends with a newline unless empty."""

    __slots__ = ("content", "expand", "fd", "name", "strip_tabs")

    def __init__(self, name: str, content: str, *, expand: bool, strip_tabs: bool, fd: int) -> None:
        self.name, self.content, self.expand, self.strip_tabs, self.fd = name, content, expand, strip_tabs, fd


class Instruction:
    """One instruction. ``original`` is the whole text as written (continuations joined), ``rest`` what follows keyword
    and flags, ``json`` the words of the JSON form (None in shell form), ``line`` where it begins (from 1)."""

    __slots__ = ("flags", "heredocs", "json", "keyword", "line", "original", "path", "rest")

    def __init__(
        self,
        keyword: str,
        original: str,
        rest: str,
        *,
        flags: list[str] | None = None,
        json: list[str] | None = None,
        heredocs: list[Heredoc] | None = None,
        path: str = "",
        line: int = 0,
    ) -> None:
        self.keyword, self.original, self.rest = keyword, original, rest
        self.flags, self.json, self.heredocs = flags or [], json, heredocs or []
        self.path, self.line = path, line

    def error(self, message: str) -> ParseError:
        """An error that names this instruction's file and line."""
        return ParseError(message, self.path, self.line)

    def __repr__(self) -> str:
        return f"<Instruction {self.original!r} line {self.line}>"


def parse(text: str, path: str = "Containerfile") -> list[Instruction]:
    """The instructions of one file.

    Raises ParseError for an unterminated heredoc, a wrong escape directive or a line beyond 2 MiB.
    """
    lines = text.removeprefix("\ufeff").split("\n")
    escape, start = _directives(lines, path)
    found: list[Instruction] = []
    number = start
    while number < len(lines):
        first = number
        line = _line(lines, number, path)
        number += 1
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        joined, more = _continued(line.lstrip(), escape)
        while more and number < len(lines):
            piece = _line(lines, number, path)
            number += 1
            if not piece.strip() or piece.lstrip().startswith("#"):
                continue
            part, more = _continued(piece, escape)
            joined += part
        instruction = parse_instruction(joined.strip(), escape, path, first + 1)
        if instruction.keyword in TAKES_HEREDOC or instruction.keyword == "ONBUILD":
            number = _read_heredocs(instruction, lines, number)
        found.append(instruction)
    return found


def _line(lines: list[str], number: int, path: str) -> str:
    line = lines[number].removesuffix("\r")
    if len(line) > MAX_LINE_BYTES:
        raise ParseError("dockerfile line greater than max allowed size of 2097152", path, number + 1)
    return line


def _directives(lines: list[str], path: str) -> tuple[str, int]:
    """The escape character and the first line after the directives (from 0)."""
    escape, seen = "\\", False
    for number, line in enumerate(lines):
        match = _DIRECTIVE.match(line.strip())
        if not match or match[1].lower() != "escape":
            return escape, number
        if seen:
            raise ParseError("only one escape parser directive can be used", path, number + 1)
        if match[2] not in ("\\", "`"):
            raise ParseError(f"invalid ESCAPE '{match[2]}'. Must be ` or \\", path, number + 1)
        escape, seen = match[2], True
    return escape, len(lines)


def _continued(line: str, escape: str) -> tuple[str, bool]:
    """The line without its continuation mark, and whether it had one."""
    bare = line.rstrip(" \t")
    if bare.endswith(escape):
        return bare[:-1], True
    return line, False


def parse_instruction(text: str, escape: str = "\\", path: str = "", line: int = 0) -> Instruction:
    """One instruction from its joined text; also what an ONBUILD trigger is parsed with."""
    keyword, _, rest = text.partition(" ") if " " in text.split("\t")[0] else text.partition("\t")
    upper = keyword.upper()
    rest = rest.strip()
    flags: list[str] = []
    if upper in TAKES_FLAGS:
        flags, rest = _split_flags(rest, escape)
    words = json_words(rest) if upper in TAKES_JSON else None
    return Instruction(upper, text, rest, flags=flags, json=words, path=path, line=line)


def json_words(text: str) -> list[str] | None:
    """The words of a JSON array of strings, or None: whatever else is there is the shell form."""
    if not text.startswith("["):
        return None
    try:
        value = json.loads(text)
    except ValueError:
        return None
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return value
    return None


def _split_flags(text: str, escape: str) -> tuple[list[str], str]:
    """Leading ``--flag[=value]`` words, quotes and escapes as a shell would, and the rest."""
    flags: list[str] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if not text.startswith("--", position):
            return flags, text[position:]
        word, quote = "", ""
        while position < len(text):
            char = text[position]
            if quote:
                if char == quote:
                    quote = ""
                elif char == escape and position + 1 < len(text) and quote == '"':
                    position += 1
                    word += text[position]
                else:
                    word += char
            elif char.isspace():
                break
            elif char in "'\"":
                quote = char
            elif char == escape and position + 1 < len(text):
                position += 1
                word += text[position]
            else:
                word += char
            position += 1
        if word == "--":
            return flags, text[position:].lstrip()
        flags.append(word)


def _read_heredocs(instruction: Instruction, lines: list[str], number: int) -> int:
    """Collects the bodies of the instruction's here-documents; the number of the first line after them."""
    target = instruction
    if instruction.keyword == "ONBUILD":
        target = parse_instruction(instruction.rest)
        if target.keyword not in TAKES_HEREDOC:
            return number
    if target.json is not None:
        return number
    for word in shell_words(target.rest):
        match = _HEREDOC.match(word)
        if not match or match[3] != match[5]:
            continue
        body: list[str] = []
        while True:
            if number >= len(lines) or (number == len(lines) - 1 and not lines[number]):
                raise ParseError("unterminated heredoc", instruction.path, instruction.line)
            line = lines[number].removesuffix("\r")
            number += 1
            if match[2]:
                line = line.lstrip("\t")
            if line == match[4]:
                break
            body.append(line + "\n")
        fd = int(match[1]) if match[1] else 0
        heredoc = Heredoc(match[4], "".join(body), expand=not match[3], strip_tabs=bool(match[2]), fd=fd)
        instruction.heredocs.append(heredoc)
    return number


def shell_words(text: str) -> list[str]:
    """Words split at blanks outside quotes, with quotes and escapes kept: enough to find ``<<EOF``."""
    words, word, quote, position = [], "", "", 0
    while position < len(text):
        char = text[position]
        if char == "\\" and position + 1 < len(text) and quote != "'":
            word += text[position : position + 2]
            position += 2
            continue
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char.isspace():
            if word:
                words.append(word)
            word = ""
            position += 1
            continue
        word += char
        position += 1
    return [*words, word] if word else words
