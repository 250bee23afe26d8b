"""The functions that templates may call: Go's predefined ones and those that Podman adds."""

from __future__ import annotations

import itertools

from ocikit.common.gotemplate import verbs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_HTML = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JS = {"\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026", "=": "\\u003D"}
_UNRESERVED = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.~")


class Failure(Exception):
    """What a function says against its arguments."""


def truth(value: Any) -> bool:
    """Whether a condition holds: not for false, 0, nil and what is empty; structs always do."""
    if value is None:
        return False
    if isinstance(value, dict):
        return bool(value) or getattr(value, "is_struct", False)
    if isinstance(value, (bool, int, float, str, list, tuple, bytes)):
        return bool(value)
    return True


def _text(values: tuple[Any, ...]) -> str:
    return values[0] if len(values) == 1 and isinstance(values[0], str) else verbs.sprint(values)


def html(*values: Any) -> str:
    return "".join([_HTML.get(char, char) for char in _text(values)])


def js(*values: Any) -> str:
    out = []
    for char in _text(values):
        if char in _JS:
            out.append(_JS[char])
        elif char < " " or not char.isprintable():
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char)
    return "".join(out)


def urlquery(*values: Any) -> str:
    raw = _text(values).encode("utf-8", "surrogateescape")
    return "".join([chr(byte) if byte in _UNRESERVED else "+" if byte == 32 else f"%{byte:02X}" for byte in raw])


def length(value: Any) -> int:
    if value is None:
        raise Failure("len of nil pointer")
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogateescape"))
    if isinstance(value, dict) and not verbs.is_struct(value):
        return len(value)
    if isinstance(value, (list, tuple, bytes)):
        return len(value)
    raise Failure(f"len of type {verbs.type_name(value)}")


def _position(value: Any, size: int, inclusive: bool) -> int:
    if value is None:
        raise Failure("cannot index slice/array with nil")
    if isinstance(value, bool) or not isinstance(value, int):
        raise Failure(f"cannot index slice/array with type {verbs.type_name(value)}")
    if value < 0 or value > size or (value == size and not inclusive):
        raise Failure(f"index out of range: {value}")
    return value


def index(item: Any, *keys: Any) -> Any:
    if item is None:
        raise Failure("index of untyped nil")
    for key in keys:
        if item is None:
            raise Failure("index of nil pointer")
        if isinstance(item, str):
            raw = item.encode("utf-8", "surrogateescape")
            item = raw[_position(key, len(raw), False)]
        elif isinstance(item, (list, tuple)):
            item = item[_position(key, len(item), False)]
        elif isinstance(item, dict):
            if key is not None and item and not isinstance(key, type(next(iter(item)))):
                wanted = verbs.type_name(next(iter(item)))
                raise Failure(f"value has type {verbs.type_name(key)}; should be {wanted}")
            item = item.get(key)
        else:
            raise Failure(f"can't index item of type {verbs.type_name(item)}")
    return item


def cut(item: Any, *bounds: Any) -> Any:
    if item is None:
        raise Failure("slice of untyped nil")
    if len(bounds) > 3:
        raise Failure(f"too many slice indexes: {len(bounds)}")
    if isinstance(item, str):
        if len(bounds) == 3:
            raise Failure("cannot 3-index slice a string")
        raw = item.encode("utf-8", "surrogateescape")
        start, stop = _bounds(bounds, len(raw))
        return raw[start:stop].decode("utf-8", "surrogateescape")
    if isinstance(item, (list, tuple)):
        start, stop = _bounds(bounds, len(item))
        return list(item[start:stop])
    raise Failure(f"can't slice item of type {verbs.type_name(item)}")


def _bounds(bounds: tuple[Any, ...], size: int) -> tuple[int, int]:
    places = [_position(bound, size, True) for bound in bounds]
    for one, two in itertools.pairwise(places):
        if one > two:
            raise Failure(f"invalid slice index: {one} > {two}")
    return (places[0] if places else 0), (places[1] if len(places) > 1 else size)


def _kind(value: Any) -> str:
    for kind, name in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, kind):
            return name
    return "nil" if value is None else ""


def eq(first: Any, *others: Any) -> bool:
    if not others:
        raise Failure("missing argument for comparison")
    return any(_equal(first, other) for other in others)


def _equal(one: Any, two: Any) -> bool:
    kind, other = _kind(one), _kind(two)
    if "nil" in (kind, other):
        return one is None and two is None
    if kind != other:
        raise Failure("incompatible types for comparison")
    if not kind and isinstance(one, (list, tuple, dict)) and isinstance(two, (list, tuple, dict)) and one is not two:
        raise Failure(f"non-comparable types {verbs.type_name(one)}, {verbs.type_name(two)}")
    return bool(one == two)


def ne(one: Any, two: Any) -> bool:
    return not _equal(one, two)


def lt(one: Any, two: Any) -> bool:
    kind, other = _kind(one), _kind(two)
    if kind in ("", "nil", "bool"):
        raise Failure("invalid type for comparison")
    if kind != other:
        raise Failure("incompatible types for comparison")
    return bool(one < two)


def le(one: Any, two: Any) -> bool:
    return lt(one, two) or _equal(one, two)


def gt(one: Any, two: Any) -> bool:
    return not le(one, two)


def ge(one: Any, two: Any) -> bool:
    return not lt(one, two)


def call(function: Any, *args: Any) -> Any:
    if function is None:
        raise Failure("call of nil")
    if not callable(function):
        raise Failure(f"non-function of type {verbs.type_name(function)}")
    return function(*args)


def printf(template: str, *values: Any) -> str:
    return verbs.sprintf(template, values)


def json(value: Any) -> str:
    from ocikit.common.jsonfast import dumps

    try:
        return dumps(_plain(value))
    except (TypeError, ValueError) as error:
        raise Failure(str(error)) from None


def _plain(value: Any) -> Any:
    """Only what JSON knows: maps get their keys in order, as Go writes them, structs keep theirs."""
    if isinstance(value, dict):
        keys = list(value) if verbs.is_struct(value) else sorted(value, key=str)
        return {str(key): _plain(value[key]) for key in keys}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    names = getattr(value, "__slots__", None) or vars(value)
    return {name: _plain(getattr(value, name)) for name in names if not name.startswith("_")}


def title(text: str) -> str:
    out, before = [], " "
    for char in text:
        starts = not (before.isalnum() or before in "_'")
        out.append(char.upper() if starts else char)
        before = char
    return "".join(out)


def pad(text: str, before: int, after: int) -> str:
    return f"{' ' * before}{text}{' ' * after}" if text else text


def truncate(text: str, size: int) -> str:
    return text if size < 0 or len(text) <= size else text[:size]


def join(items: list[str], separator: str) -> str:
    return separator.join([verbs.default(item) for item in items])


# name -> (function, least arguments, most or None, types of the arguments: one for each, the last repeats)
ANY = object
LIST = (list, tuple)
FUNCTIONS: dict[str, tuple[Callable[..., Any], int, int | None, tuple[Any, ...]]] = {
    "call": (call, 1, None, (ANY,)),
    "eq": (eq, 1, None, (ANY,)),
    "ge": (ge, 2, 2, (ANY,)),
    "gt": (gt, 2, 2, (ANY,)),
    "html": (html, 0, None, (ANY,)),
    "index": (index, 1, None, (ANY,)),
    "join": (join, 2, 2, (LIST, str)),
    "js": (js, 0, None, (ANY,)),
    "json": (json, 1, 1, (ANY,)),
    "le": (le, 2, 2, (ANY,)),
    "len": (length, 1, 1, (ANY,)),
    "lower": (str.lower, 1, 1, (str,)),
    "lt": (lt, 2, 2, (ANY,)),
    "ne": (ne, 2, 2, (ANY,)),
    "not": (lambda value: not truth(value), 1, 1, (ANY,)),
    "pad": (pad, 3, 3, (str, int)),
    "print": (lambda *values: verbs.sprint(values), 0, None, (ANY,)),
    "printf": (printf, 1, None, (str, ANY)),
    "println": (lambda *values: verbs.sprintln(values), 0, None, (ANY,)),
    "slice": (cut, 1, None, (ANY,)),
    "split": (lambda text, separator: text.split(separator) if separator else list(text), 2, 2, (str,)),
    "title": (title, 1, 1, (str,)),
    "truncate": (truncate, 2, 2, (str, int)),
    "upper": (str.upper, 1, 1, (str,)),
    "urlquery": (urlquery, 0, None, (ANY,)),
}
# These two decide which of their arguments are evaluated; they live in the executor.
LAZY = ("and", "or")
