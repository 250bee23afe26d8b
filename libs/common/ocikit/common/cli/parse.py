"""Reads words and flags by the rules of pflag, which Podman's users have in their fingers.

``--flag=false``, ``-it``, ``-eA=1``, ``-e=A=1``, ``--`` ends the flags, ``-`` is a word, a flag with a value of its own
(noopt) takes another one only after "=". Error texts are those that the Go tools print.
"""

from __future__ import annotations

from ocikit.common.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ocikit.common.cli.declare import Flag, Values

TRUE = ("true", "1", "t", "T", "TRUE", "True")
FALSE = ("false", "0", "f", "F", "FALSE", "False")


class HelpWanted(Exception):
    """``-h`` where no flag of that letter exists."""


def parse(
    argv: Sequence[str],
    scopes: Sequence[Values],
    interspersed: bool = True,
    aliases: Mapping[str, str] | None = None,
) -> list[str]:
    """Sets what ``argv`` says in the first of ``scopes`` that knows the flag; returns the words.

    interspersed=False: stops at the first word; that word and all after it are returned untouched.
    aliases: other long names of flags, used only where no flag of that name is declared.
    """
    words: list[str] = []
    index, end = 0, len(argv)
    while index < end:
        word = argv[index]
        index += 1
        if word[:1] != "-" or len(word) == 1:
            if not interspersed:
                words += argv[index - 1 :]
                return words
            words.append(word)
            continue
        if word[1] != "-":
            index = _shorts(word[1:], argv, index, scopes)
            continue
        if len(word) == 2:
            words += argv[index:]
            break
        name, equals, value = word[2:].partition("=")
        if not name or name[0] == "-":
            raise UsageError(f"bad flag syntax: {word}")
        flag, scope = _find(name, scopes, aliases)
        if flag is None or scope is None:
            raise UsageError(f"unknown flag: --{name}")
        if equals:
            pass
        elif flag.noopt is not None:
            value = flag.noopt
        elif index < end:
            value = argv[index]
            index += 1
        else:
            raise UsageError(f"flag needs an argument: --{name}")
        store(scope, flag, value)
    return words


def _find(
    name: str, scopes: Sequence[Values], aliases: Mapping[str, str] | None
) -> tuple[Flag, Values] | tuple[None, None]:
    for scope in scopes:
        if name in scope._flags:
            return scope._flags[name], scope
    if aliases and name in aliases:
        return _find(aliases[name], scopes, None)
    return None, None


def _shorts(letters: str, argv: Sequence[str], index: int, scopes: Sequence[Values]) -> int:
    """Reads a group of one-letter flags; returns the index of the next word."""
    while letters:
        letter = letters[0]
        for scope in scopes:
            if letter in scope._shorts:
                flag = scope._shorts[letter]
                break
        else:
            if letter == "h":
                raise HelpWanted
            raise UsageError(f"unknown shorthand flag: '{letter}' in -{letters}")
        rest = letters[1:]
        if len(rest) > 1 and rest[0] == "=":
            value, rest = rest[1:], ""
        elif flag.noopt is not None:
            value = flag.noopt
        elif rest:
            value, rest = rest, ""
        elif index < len(argv):
            value = argv[index]
            index += 1
        else:
            raise UsageError(f"flag needs an argument: '{letter}' in -{letters}")
        store(scope, flag, value)
        letters = rest
    return index


def store(scope: Values, flag: Flag, text: str) -> None:
    """Converts ``text`` and keeps it; lists grow after their default was replaced by the first use."""
    if flag.unsupported and not (flag.kind == "bool" and text in FALSE):
        from ocikit.common.errors import Unsupported

        raise Unsupported(f"--{flag.name} is not supported: {flag.unsupported}")
    kind, name, values = flag.kind, flag.name, scope._values
    if kind == "string":
        if flag.choices and text not in flag.choices:
            wanted = ", ".join(flag.choices)
            raise invalid(flag, text, f'"{text}" is not a valid value.  Choose from: "{wanted}"')
        values[name] = text
    elif kind == "bool":
        if text not in TRUE and text not in FALSE:
            raise invalid(flag, text, f"strconv.ParseBool: parsing {quote(text)}: invalid syntax")
        values[name] = text in TRUE
    elif kind == "stringArray":
        values.setdefault(name, []).append(text)
    elif kind == "strings":
        values.setdefault(name, []).extend(text.split(",") if text and '"' not in text else _csv(flag, text))
    else:
        from ocikit.common.cli.values import convert

        values[name] = convert(flag, text, values.get(name))


def _csv(flag: Flag, text: str) -> list[str]:
    if not text:
        return []
    from ocikit.common.cli.values import csv_fields

    return csv_fields(flag, text)


def invalid(flag: Flag, text: str, why: str) -> UsageError:
    """The sentence for a value that a flag does not take."""
    shown = f"-{flag.short}, --{flag.name}" if flag.short else f"--{flag.name}"
    return UsageError(f'invalid argument {quote(text)} for "{shown}" flag: {why}')


def quote(text: str) -> str:
    """The text in double quotes, escaped as Go's %q does for what can stand on a command line."""
    if text.isprintable() and '"' not in text and "\\" not in text:
        return f'"{text}"'
    from ocikit.common.cli.values import go_quote

    return go_quote(text)
