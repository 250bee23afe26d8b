"""Values as Go's fmt prints them: print, println, printf with its verbs and flags."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def is_struct(value: dict[Any, Any]) -> bool:
    """A dict that stands for a Go struct: every key is a name that begins with a capital letter."""
    if getattr(value, "is_struct", False):
        return True
    return bool(value) and all(isinstance(key, str) and key[:1].isupper() and key.isidentifier() for key in value)


def type_name(value: Any) -> str:
    """The Go type that a value would have."""
    named = getattr(value, "go_type", None)
    if isinstance(named, str):
        return named
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float64"), (str, "string")):
        if isinstance(value, kind):
            return name
    if value is None:
        return "<nil>"
    if isinstance(value, (list, tuple)):
        kinds = {type_name(item) for item in value}
        return f"[]{kinds.pop()}" if len(kinds) == 1 else "[]interface {}"
    if isinstance(value, dict):
        return "map[string]interface {}"
    return type(value).__name__


def format_float(value: float, verb: str = "g", precision: int | None = None) -> str:
    """%g with the fewest digits that read back the same, exponents of two digits; other verbs as in C."""
    if value != value:
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    if precision is not None or verb not in "gG":
        return f"{value:.{6 if precision is None else precision}{verb}}"
    text = repr(value)
    mantissa, _, exponent = text.partition("e")
    digits = mantissa.replace(".", "").replace("-", "").lstrip("0") or "0"
    if value == 0:
        return "-0" if text[0] == "-" else "0"
    whole = mantissa.lstrip("-").partition(".")
    power = len(whole[0]) - 1 if whole[0] != "0" else -(len(whole[2]) - len(whole[2].lstrip("0"))) - 1
    power += int(exponent or 0)
    digits = digits.rstrip("0") or "0"
    sign = "-" if value < 0 else ""
    if -4 <= power < 6:
        if power < 0:
            return f"{sign}0.{'0' * (-power - 1)}{digits}"
        body = digits.ljust(power + 1, "0")
        return sign + body[: power + 1] + (f".{body[power + 1 :]}" if body[power + 1 :] else "")
    body = digits[0] + (f".{digits[1:]}" if digits[1:] else "")
    return f"{sign}{body}{'E' if verb == 'G' else 'e'}{power:+03d}"


def default(value: Any, verb: str = "v", plus: bool = False) -> str:
    """%v of anything; lists are [a b], maps map[k:v] in the order of their keys, structs {a b}."""
    if isinstance(value, str):
        return value
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return format_float(value)
    if isinstance(value, bytes):
        return f"[{' '.join(map(str, value))}]"
    if isinstance(value, (list, tuple)):
        return f"[{' '.join([default(item, verb, plus) for item in value])}]"
    if isinstance(value, dict):
        if is_struct(value):
            fields = [(f"{key}:" if plus else "") + default(item, verb, plus) for key, item in value.items()]
            return f"{{{' '.join(fields)}}}"
        items = [f"{default(key)}:{default(value[key], verb, plus)}" for key in sorted(value, key=str)]
        return f"map[{' '.join(items)}]"
    return str(value)


def sprint(values: Sequence[Any]) -> str:
    """print: a space between neighbours of which neither is a string."""
    out = []
    for i, value in enumerate(values):
        if i and not isinstance(value, str) and not isinstance(values[i - 1], str):
            out.append(" ")
        out.append(default(value))
    return "".join(out)


def sprintln(values: Sequence[Any]) -> str:
    """println: a space between all, a newline at the end."""
    return " ".join([default(value) for value in values]) + "\n"


class _Spec:
    __slots__ = ("minus", "plus", "precision", "sharp", "space", "width", "zero")

    def __init__(self) -> None:
        self.minus = self.plus = self.sharp = self.space = self.zero = False
        self.width: int | None = None
        self.precision: int | None = None


# A width beyond this is taken for nonsense, as Go does.
MAX_WIDTH = 1_000_000


def sprintf(template: str, values: Sequence[Any]) -> str:
    """printf with Go's verbs, flags, ``*`` and ``[n]``; mistakes show in the text, as in Go."""
    out: list[str] = []
    at, arg, end = 0, 0, len(template)
    reordered = False
    while at < end:
        percent = template.find("%", at)
        if percent < 0:
            out.append(template[at:])
            break
        out.append(template[at:percent])
        at = percent + 1
        spec = _Spec()
        while at < end and template[at] in "-+# 0":
            flag = template[at]
            spec.minus |= flag == "-"
            spec.plus |= flag == "+"
            spec.sharp |= flag == "#"
            spec.space |= flag == " "
            spec.zero |= flag == "0"
            at += 1
        bad_index = False

        def index() -> None:
            nonlocal at, arg, reordered, bad_index
            close = template.find("]", at)
            if at >= end or template[at] != "[" or close < 0:
                return
            number = template[at + 1 : close]
            at = close + 1
            reordered = True
            if number.isdigit() and 1 <= int(number[:9]) <= len(values):
                arg = int(number[:9]) - 1
            else:
                bad_index = True

        def size() -> int | None:
            nonlocal at, arg
            index()
            if at < end and template[at] == "*":
                at += 1
                value = values[arg] if arg < len(values) else None
                arg += 1
                if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= MAX_WIDTH:
                    return value
                out.append("%!(BADWIDTH)")
                return None
            start = at
            while at < end and template[at] in "0123456789":
                at += 1
            digits = template[start:at]
            return int(digits) if digits and len(digits) <= 7 and int(digits) <= MAX_WIDTH else None

        spec.width = size()
        if spec.width is not None and spec.width < 0:
            spec.minus, spec.width = True, -spec.width
        if at < end and template[at] == ".":
            at += 1
            spec.precision = size() or 0
        index()
        if at >= end:
            out.append("%!(NOVERB)")
            break
        verb = template[at]
        at += 1
        if verb == "%":
            out.append("%")
        elif bad_index:
            out.append(f"%!{verb}(BADINDEX)")
        elif arg >= len(values):
            out.append(f"%!{verb}(MISSING)")
        else:
            out.append(_one(values[arg], verb, spec))
            arg += 1
    if not reordered and arg < len(values):
        extra = [f"{type_name(value)}={default(value)}" if value is not None else "<nil>" for value in values[arg:]]
        out.append(f"%!(EXTRA {', '.join(extra)})")
    return "".join(out)


def _one(value: Any, verb: str, spec: _Spec) -> str:
    if verb == "T":
        return _pad(type_name(value), spec)
    if value is None:
        return _pad("<nil>", spec) if verb == "v" else f"%!{verb}(<nil>)"
    if isinstance(value, (list, tuple)) and verb != "p":
        return f"[{' '.join([_one(item, verb, spec) for item in value])}]"
    if isinstance(value, dict):
        if is_struct(value):
            return f"{{{' '.join([_one(item, verb, spec) for item in value.values()])}}}"
        pairs = [f"{_one(key, verb, spec)}:{_one(value[key], verb, spec)}" for key in sorted(value, key=str)]
        return f"map[{' '.join(pairs)}]"
    if isinstance(value, bool):
        return _pad(default(value), spec) if verb in "tv" else _bad(value, verb)
    if isinstance(value, int):
        return _integer(value, verb, spec)
    if isinstance(value, float):
        return _float(value, verb, spec)
    return _string(default(value), verb, spec, value)


def _bad(value: Any, verb: str) -> str:
    return f"%!{verb}({type_name(value)}={default(value)})"


def _pad(text: str, spec: _Spec, zero: bool = False) -> str:
    if spec.width is None or len(text) >= spec.width:
        return text
    if spec.minus:
        return text.ljust(spec.width)
    if zero and spec.zero:
        sign = text[:1] if text[:1] in "+- " else ""
        return sign + text[len(sign) :].rjust(spec.width - len(sign), "0")
    return text.rjust(spec.width)


def _integer(value: int, verb: str, spec: _Spec) -> str:
    if verb in "eEfFgG":
        return _bad(value, verb)
    if verb in "cqU":
        point = chr(value) if 0 <= value <= 0x10FFFF and not 0xD800 <= value < 0xE000 else "\ufffd"
        if verb == "c":
            return _pad(point, spec)
        if verb == "q":
            quoted = _rune(point)
            return _pad(quoted, spec)
        return _pad(f"U+{value:04X}" + (f" '{point}'" if spec.sharp and point.isprintable() else ""), spec)
    kind = {"v": "d", "d": "d", "b": "b", "o": "o", "O": "o", "x": "x", "X": "X"}.get(verb)
    if kind is None:
        return _bad(value, verb)
    digits = format(abs(value), kind)
    if spec.precision is not None:
        digits = digits.rjust(spec.precision, "0") if spec.precision or value else ""
    if verb == "O":
        digits = "0o" + digits
    elif spec.sharp and kind != "d":
        digits = {"b": "0b", "o": "0", "x": "0x", "X": "0X"}[kind] + digits
    sign = "-" if value < 0 else "+" if spec.plus else " " if spec.space else ""
    return _pad(sign + digits, spec, zero=spec.precision is None)


def _rune(char: str) -> str:
    if char == "'":
        return "'\\''"
    from ocikit.common.cli.values import go_quote

    return f"'{go_quote(char)[1:-1]}'" if char != '"' else "'\"'"


def _float(value: float, verb: str, spec: _Spec) -> str:
    if verb not in "vgGeEfF":
        return _bad(value, verb)
    text = format_float(value, "g" if verb == "v" else verb, spec.precision)
    if value >= 0 and text[0] != "+" and verb != "v":  # %+v asks for field names, not for signs
        text = ("+" if spec.plus else " " if spec.space else "") + text
    return _pad(text, spec, zero=True)


def _string(text: str, verb: str, spec: _Spec, value: Any) -> str:
    if verb in "sv":
        return _pad(text if spec.precision is None else text[: spec.precision], spec, zero=True)
    if verb == "q":
        from ocikit.common.cli.values import go_quote

        text = text if spec.precision is None else text[: spec.precision]
        if spec.sharp and "`" not in text and text.isprintable():
            return _pad(f"`{text}`", spec)
        quoted = go_quote(text)
        if spec.plus:
            quoted = "".join([char if ord(char) < 128 else _escaped(char) for char in quoted])
        return _pad(quoted, spec)
    if verb in "xX":
        raw = text.encode("utf-8", "surrogateescape")
        parts = [f"{byte:02{verb}}" for byte in (raw if spec.precision is None else raw[: spec.precision])]
        lead = f"0{verb}" if spec.sharp else ""
        if spec.space:
            return _pad(" ".join([lead + part for part in parts]), spec)
        return _pad((lead if parts else "") + "".join(parts), spec)
    return _bad(value, verb)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
