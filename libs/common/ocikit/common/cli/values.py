"""Values of the rarer kinds of flags: numbers, durations, lists in CSV, maps; errors as Go's strconv prints them."""

from __future__ import annotations

from ocikit.common.cli.parse import invalid, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Flag

_ESCAPES = {
    '"': '\\"',
    "\\": "\\\\",
    "\a": "\\a",
    "\b": "\\b",
    "\f": "\\f",
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\v": "\\v",
}


def go_quote(text: str) -> str:
    """Go's %q: a double-quoted literal. Bytes that are no UTF-8 (surrogate escapes here) come out as \\xNN."""
    out = ['"']
    for char in text:
        code = ord(char)
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif char.isprintable():
            out.append(char)
        elif 0xDC80 <= code <= 0xDCFF:
            out.append(f"\\x{code - 0xDC00:02x}")
        elif code < 0x80:
            out.append(f"\\x{code:02x}")
        elif code < 0x10000:
            out.append(f"\\u{code:04x}")
        else:
            out.append(f"\\U{code:08x}")
    out.append('"')
    return "".join(out)


def parse_int(text: str, bits: int = 64, signed: bool = True, base: int = 0) -> int:
    """Go's ParseInt/ParseUint: base 0 knows 0x, 0o, 0b, leading 0 as octal and underscores between digits.

    ValueError carries "invalid syntax" or "value out of range".
    """
    body, negative = text, False
    if signed and text[:1] in ("+", "-"):
        negative, body = text[0] == "-", text[1:]
    lower = body.lower()
    radix, digits = base or 10, lower
    if base == 0 and lower[:1] == "0" and len(lower) > 1:
        prefix = {"0x": 16, "0o": 8, "0b": 2}.get(lower[:2])
        radix, digits = (prefix, lower[2:]) if prefix else (8, lower[1:])
        if digits[:1] == "_":  # an underscore may follow a prefix
            digits = digits[1:]
    if base == 0 and "_" in digits:
        if "__" in digits or digits[-1:] == "_" or digits[:1] == "_":
            raise ValueError("invalid syntax")
        digits = digits.replace("_", "")
    allowed = "0123456789abcdef"[:radix]
    if not digits or digits.strip(allowed):
        raise ValueError("invalid syntax")
    number = int(digits, radix)
    limit = 1 << (bits - 1 if signed else bits)
    if number > limit - (0 if negative else 1):
        raise ValueError("value out of range")
    return -number if negative else number


def parse_float(text: str) -> float:
    """Go's ParseFloat for the forms that people type."""
    if not text or text != text.strip() or "_" in text:
        raise ValueError("invalid syntax")
    try:
        return float(text)
    except ValueError:
        raise ValueError("invalid syntax") from None


def csv_fields(flag: Flag, text: str) -> list[str]:
    """One line of CSV, by the rules of Go's encoding/csv."""
    fields: list[str] = []
    position, size = 0, len(text)
    while True:
        if text[position : position + 1] != '"':
            end = text.find(",", position)
            field = text[position:] if end < 0 else text[position:end]
            bare = field.find('"')
            if bare >= 0:
                where = len(text[: position + bare].encode()) + 1
                raise invalid(flag, text, f'parse error on line 1, column {where}: bare " in non-quoted-field')
            fields.append(field)
            if end < 0:
                return fields
            position = end + 1
            continue
        position += 1
        parts: list[str] = []
        while True:
            end = text.find('"', position)
            if end < 0:
                where = len(text.encode()) + 1
                raise invalid(
                    flag, text, f'parse error on line 1, column {where}: extraneous or missing " in quoted-field'
                )
            parts.append(text[position:end])
            position = end + 1
            if text[position : position + 1] != '"':
                break
            parts.append('"')
            position += 1
        fields.append("".join(parts))
        if position >= size:
            return fields
        if text[position] != ",":
            where = len(text[:position].encode()) + 1
            raise invalid(flag, text, f'parse error on line 1, column {where}: extraneous or missing " in quoted-field')
        position += 1


def convert(flag: Flag, text: str, before: Any) -> Any:
    """The value of ``text`` for this flag; ``before`` is what the flag held from an earlier use, or None."""
    kind = flag.kind
    try:
        if kind == "int":
            return parse_int(text)
        if kind == "uint":
            return parse_int(text, signed=False)
        if kind == "float":
            return parse_float(text)
        if kind == "count":
            return (before or 0) + 1 if text == "+1" else parse_int(text)
        if kind in ("ints", "uints"):
            numbers = list(before or [])
            for item in text.split(","):
                text_of_item = item
                numbers.append(parse_int(text_of_item, signed=kind == "ints", base=10))
            return numbers
    except ValueError as error:
        parser = {"uint": "ParseUint", "float": "ParseFloat", "ints": "Atoi", "uints": "ParseUint"}.get(
            kind, "ParseInt"
        )
        culprit = text if kind not in ("ints", "uints") else text_of_item
        raise invalid(flag, text, f"strconv.{parser}: parsing {quote(culprit)}: {error}") from None
    if kind == "duration":
        from ocikit.common.units import parse_duration

        try:
            return parse_duration(text)
        except ValueError as error:
            raise invalid(flag, text, str(error)) from None
    if kind == "map":
        pairs = dict(before or {})
        for item in csv_fields(flag, text) if text else []:
            key, equals, value = item.partition("=")
            if not equals:
                raise invalid(flag, text, f"{item} must be formatted as key=value")
            pairs[key] = value
        return pairs
    raise TypeError(f"flag --{flag.name} has the unknown kind {kind}")
