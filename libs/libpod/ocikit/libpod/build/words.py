"""Words of an instruction: split at blanks outside quotes, and the ``name=value`` forms of ENV, LABEL and ARG."""

from __future__ import annotations

from ocikit.libpod.build.lexer import Instruction


def split_quoted(text: str, escape: str = "\\") -> list[str]:
    """Splits at blanks; a quoted or escaped blank does not split. Quotes and escapes stay in the words."""
    words: list[str] = []
    word, quote, at = "", "", 0
    while at < len(text):
        char = text[at]
        at += 1
        if char == escape and quote != "'" and at < len(text):
            word += char + text[at]
            at += 1
        elif quote:
            word += char
            quote = "" if char == quote else quote
        elif char in "'\"":
            word += char
            quote = char
        elif char.isspace():
            if word:
                words.append(word)
            word = ""
        else:
            word += char
    return [*words, word] if word else words


def pairs(instruction: Instruction, escape: str = "\\") -> list[tuple[str, str]]:
    """The (name, value) pairs of ENV and LABEL, not yet expanded; the old form ``ENV name rest of the line`` too.

    Raises ParseError when a value is missing.
    """
    words = split_quoted(instruction.rest, escape)
    if not words:
        raise instruction.error(f"{instruction.keyword} must have two arguments")
    if "=" not in words[0]:
        # The old form: everything after the name is the value, inner blanks included.
        value = instruction.rest[len(words[0]) :].strip()
        if not value:
            raise instruction.error(f"{instruction.keyword} must have two arguments")
        return [(words[0], value)]
    found = []
    for word in words:
        if "=" not in word:
            raise instruction.error(f"Syntax error - can't find = in {word!r}. Must be of the form: name=value")
        name, _, value = word.partition("=")
        found.append((name, value))
    return found


def arg_pairs(instruction: Instruction, escape: str = "\\") -> list[tuple[str, str | None]]:
    """The (name, default) pairs of ARG; a bare name has None."""
    words = split_quoted(instruction.rest, escape)
    if not words:
        raise instruction.error("ARG requires at least one argument")
    found: list[tuple[str, str | None]] = []
    for word in words:
        name, equals, value = word.partition("=")
        found.append((name, value if equals else None))
    return found
