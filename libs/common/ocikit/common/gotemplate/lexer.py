"""From the text of a template to tokens."""

from __future__ import annotations

from ocikit.common.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

KEYWORDS = frozenset(
    ("block", "break", "continue", "define", "else", "end", "if", "nil", "range", "template", "with")
)  # fmt: skip
SPACE = " \t\r\n"


class TemplateError(UsageError):
    """A template that cannot be parsed or does not fit the data; the text is what Go prints."""

    def __init__(self, message: str) -> None:
        super().__init__(message, hint="-")


class Token:
    """kind: text, left, right, field, var, ident, keyword, string, number, char, bool, dot, space, char of punctuation,
    eof. text: as written. at: offset in the template."""

    __slots__ = ("at", "kind", "text")

    def __init__(self, kind: str, text: str, at: int) -> None:
        self.kind = kind
        self.text = text
        self.at = at

    def __str__(self) -> str:
        """As Go shows it in "unexpected ..."."""
        from ocikit.common.cli.parse import quote

        if self.kind == "eof":
            return "EOF"
        if self.kind == "keyword" or (self.kind == "dot"):
            return f"<{self.text}>"
        return quote(self.text) if len(self.text) <= 10 else quote(self.text[:10]) + "..."


class Lexer:
    """Cuts a template into tokens; errors name the line."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name

    def fail(self, at: int, message: str) -> TemplateError:
        """A parse error at an offset."""
        line = self.text.count("\n", 0, at) + 1
        return TemplateError(f"template: {self.name}:{line}: {message}")

    def tokens(self) -> Iterator[Token]:
        """All tokens, ended by one "eof"."""
        text, at, end = self.text, 0, len(self.text)
        trim = False
        while at < end:
            left = text.find("{{", at)
            chunk = text[at:] if left < 0 else text[at:left]
            if trim:
                at += len(chunk) - len(chunk.lstrip(SPACE))
                chunk = chunk.lstrip(SPACE)
                trim = False
            if left < 0:
                if chunk:
                    yield Token("text", chunk, at)
                break
            inner = left + 2
            if text[inner : inner + 1] == "-" and text[inner + 1 : inner + 2] in SPACE and inner + 1 < end:
                chunk = chunk.rstrip(SPACE)
                inner += 2
            if chunk:
                yield Token("text", chunk, at)
            if text.startswith("/*", inner):
                close = text.find("*/", inner + 2)
                if close < 0:
                    raise self.fail(inner, "unclosed comment")
                at, trim = self._close(close + 2)
                if not at:
                    raise self.fail(inner, "comment ends before closing delimiter")
                continue
            yield Token("left", "{{", left)
            at = inner
            while True:
                after, trim = self._close(at)
                if after:
                    yield Token("right", "}}", at)
                    at = after
                    break
                token = self._inside(at)
                yield token
                at = token.at + len(token.text)
        yield Token("eof", "", end)

    def _close(self, at: int) -> tuple[int, bool]:
        """(offset after the closing delimiter that stands here, whether it trims); offset 0 if none stands here."""
        text = self.text
        if text.startswith("}}", at):
            return at + 2, False
        if text[at : at + 1] in SPACE and text.startswith("-}}", at + 1) and at < len(text):
            return at + 4, True
        return 0, False

    def _inside(self, at: int) -> Token:
        text = self.text
        char = text[at : at + 1]
        if not char:
            raise self.fail(at, "unclosed action")
        if char in SPACE:
            stop = at
            while text[stop : stop + 1] and text[stop] in SPACE and not self._close(stop)[0]:
                stop += 1
            return Token("space", text[at:stop], at)
        if char == '"':
            return Token("string", self._quoted(at, '"', "unterminated quoted string"), at)
        if char == "'":
            return Token("char", self._quoted(at, "'", "unterminated character constant"), at)
        if char == "`":
            stop = text.find("`", at + 1)
            if stop < 0:
                raise self.fail(at, "unterminated raw quoted string")
            return Token("string", text[at : stop + 1], at)
        if char == "$":
            return Token("var", "$" + self._word(at + 1), at)
        if char == "." and not text[at + 1 : at + 2].isdigit():
            word = self._word(at + 1)
            return Token("field", "." + word, at) if word else Token("dot", ".", at)
        if char.isdigit() or char == "." or (char in "+-" and text[at + 1 : at + 2].isdigit()):
            return self._number(at)
        if char == ":":
            if text[at + 1 : at + 2] != "=":
                raise self.fail(at, "expected :=")
            return Token("declare", ":=", at)
        if char == "=":
            return Token("assign", "=", at)
        word = self._word(at)
        if word:
            if word in KEYWORDS:
                return Token("keyword", word, at)
            return Token("bool" if word in ("true", "false") else "ident", word, at)
        if char.isprintable() and ord(char) < 128:
            return Token(char, char, at)
        raise self.fail(at, f"unrecognized character in action: U+{ord(char):04X}")

    def _word(self, at: int) -> str:
        text, stop = self.text, at
        while stop < len(text) and (text[stop] == "_" or text[stop].isalnum()):
            stop += 1
        return text[at:stop]

    def _quoted(self, at: int, mark: str, message: str) -> str:
        text, stop = self.text, at + 1
        while stop < len(text) and text[stop] != "\n":
            if text[stop] == "\\":
                stop += 2
                continue
            if text[stop] == mark:
                return text[at : stop + 1]
            stop += 1
        raise self.fail(at, message)

    def _number(self, at: int) -> Token:
        text, stop = self.text, at + 1
        while stop < len(text) and (text[stop].isalnum() or text[stop] in "._" or self._exponent_sign(at, stop)):
            stop += 1
        return Token("number", text[at:stop], at)

    def _exponent_sign(self, at: int, here: int) -> bool:
        text = self.text
        return text[here] in "+-" and text[here - 1] in "eE" and "x" not in text[at:here].lower()
