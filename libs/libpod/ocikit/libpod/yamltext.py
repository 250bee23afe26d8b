"""Plain data as YAML in the block style that Go's libraries write: keys sorted, two spaces, strings quoted where needed."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_SPECIAL = set("!&*?|>%@`\"'#{}[],:-")
_WORDS = {"true", "false", "yes", "no", "on", "off", "null", "~", "y", "n", ""}


def dump(value: Any, indent: int = 0) -> str:
    """The text of a dict or list, ended by a newline.

    >>> print(dump({"b": [1, "x: y"], "a": {}}), end="")
    a: {}
    b:
    - 1
    - 'x: y'
    """
    return "".join(line + "\n" for line in _lines(value, indent))


def _lines(value: Any, indent: int) -> list[str]:
    pad = " " * indent
    if isinstance(value, dict):
        result = []
        for key in sorted(value):
            item = value[key]
            if isinstance(item, (dict, list)) and item:
                result.append(f"{pad}{_scalar(key)}:")
                result += _lines(item, indent + 2 if isinstance(item, dict) else indent)
            elif isinstance(item, str) and "\n" in item:
                result.append(f"{pad}{_scalar(key)}: |-")
                result += [f"{pad}  {line}" for line in item.rstrip("\n").split("\n")]
            else:
                result.append(f"{pad}{_scalar(key)}: {_flow(item)}")
        return result
    result = []
    for item in value:
        if isinstance(item, dict) and item:
            first, *rest = _lines(item, indent + 2)
            result += [f"{pad}- {first.lstrip()}", *rest]
        else:
            result.append(f"{pad}- {_flow(item)}")
    return result


def _flow(value: Any) -> str:
    if value == {}:
        return "{}"
    if value == []:
        return "[]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if text == "":
        return '""'
    if text.lower() in _WORDS or _number(text):
        return f'"{text}"'
    if (
        (text[0] in _SPECIAL and not (text[0] == "-" and text[1:2] not in ("", " ")))
        or ": " in text
        or " #" in text
        or text.endswith(":")
    ):
        return "'" + text.replace("'", "''") + "'"
    return text


def _number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
