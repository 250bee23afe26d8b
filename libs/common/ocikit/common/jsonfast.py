"""JSON on CPython's own C scanner and encoder, without the ``json`` package.

``import json`` costs some 10 ms because it imports ``re``; every command reads records, so they go through here.
Where ``_json`` is absent (another Python implementation) the standard package does the work.

>>> loads(b'{"a": [1, 2]}')
{'a': [1, 2]}
>>> dumps({"a": "<x>"})
'{"a":"<x>"}'
>>> print(dumps_go({"a": "<x>"}))
{"a":"\\u003cx\\u003e"}
"""

from __future__ import annotations

try:
    from _json import encode_basestring as _quote
    from _json import make_encoder as _make_encoder
    from _json import make_scanner as _make_scanner
except ImportError:  # pragma: no cover - not CPython
    _make_scanner = None  # type: ignore[assignment,misc]

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

__all__ = ["JSONError", "dumps", "dumps_go", "loads", "scan"]

_BLANK = " \t\n\r"


class JSONError(ValueError):
    """The text is not JSON; the message has the offset of the fault in characters."""


def _constant(name: str) -> float:
    raise JSONError(f"invalid JSON: {name} is not a number")


def _refuse(obj: object) -> object:
    raise TypeError(f"an object of type {type(obj).__name__} cannot be written as JSON")


class _Context:
    """What the C scanner asks its maker for."""

    strict = False  # control characters in strings occur in the wild (container arguments)
    object_hook = None
    object_pairs_hook = None
    parse_float = float
    parse_int = int
    parse_constant = staticmethod(_constant)
    memo: dict[str, str] = {}


def _loads(data: str | bytes | bytearray) -> Any:
    """The value of a JSON text (bytes: UTF-8, byte order mark skipped). JSONError, a ValueError, if it is none."""
    try:
        text = data if isinstance(data, str) else data.decode("utf-8", "surrogatepass")
        if text[:1] not in _JSON_START:
            text = text.lstrip(_BLANK + "\ufeff")
        value, end = _scan(text, 0)
    except StopIteration as stop:
        raise JSONError(f"invalid JSON: no value at character {stop.value}") from None
    except RecursionError:
        raise JSONError("invalid JSON: nested too deeply") from None
    except SystemError:
        # CPython's scanner raises json.decoder.JSONDecodeError only where that module was imported before.
        raise JSONError("invalid JSON: the text is malformed") from None
    except JSONError:
        raise
    except ValueError as exc:
        raise JSONError(f"invalid JSON: {exc}") from None
    if end != len(text) and text[end:].strip(_BLANK):
        raise JSONError(f"invalid JSON: more text after the value at character {end}")
    return value


def _dumps(obj: object, sort_keys: bool = False, indent: str = "") -> str:
    """Compact JSON text with raw (not escaped) non-ASCII characters; ``indent`` (such as four blanks) spreads it over
    lines as Go's MarshalIndent does. TypeError for what JSON cannot hold."""
    if indent:
        return _pretty(obj, sort_keys, indent, "\n")
    return "".join((_encode_sorted if sort_keys else _encode)(obj, 0))


if _make_scanner is not None:
    _JSON_START = frozenset('{["-0123456789tfn')
    _scan = _make_scanner(_Context())  # type: ignore[arg-type]
    _encode = _make_encoder(None, _refuse, _quote, None, ":", ",", False, False, False)
    _encode_sorted = _make_encoder(None, _refuse, _quote, None, ":", ",", True, False, False)
    loads, dumps = _loads, _dumps
else:  # pragma: no cover - not CPython
    import json as _json

    def _quote(s: str, /) -> str:
        return _json.dumps(s, ensure_ascii=False)

    def loads(data: str | bytes | bytearray) -> Any:
        try:
            return _json.loads(data, strict=False, parse_constant=_constant)
        except JSONError:
            raise
        except ValueError as exc:
            raise JSONError(f"invalid JSON: {exc}") from None

    def dumps(obj: object, sort_keys: bool = False, indent: str = "") -> str:
        if indent:
            return _pretty(obj, sort_keys, indent, "\n")
        return _json.dumps(
            obj, ensure_ascii=False, allow_nan=False, separators=(",", ":"), sort_keys=sort_keys, default=_refuse
        )


def _pretty(obj: object, sort_keys: bool, indent: str, newline: str) -> str:
    # The C encoder cannot indent before Python 3.14; documents that people read are small.
    inner = newline + indent
    if isinstance(obj, dict) and obj:
        keys = sorted(obj) if sort_keys else list(obj)
        return (
            "{"
            + ",".join(
                f"{inner}{_quote(k if isinstance(k, str) else dumps(k))}: {_pretty(obj[k], sort_keys, indent, inner)}"
                for k in keys
            )
            + newline
            + "}"
        )
    if isinstance(obj, (list, tuple)) and obj:
        return "[" + ",".join(inner + _pretty(v, sort_keys, indent, inner) for v in obj) + newline + "]"
    return dumps(obj, sort_keys)


def scan(text: str, start: int) -> tuple[Any, int]:
    """The JSON value that begins at ``text[start]``, and where it ends. JSONError if none does."""
    try:
        if _make_scanner is not None:
            return _scan(text, start)
        from json import JSONDecoder  # pragma: no cover - not CPython

        return JSONDecoder(strict=False).raw_decode(text, start)  # pragma: no cover
    except (StopIteration, ValueError, RecursionError):
        raise JSONError(f"invalid JSON: no value at character {start}") from None


_GO = (("<", "\\u003c"), (">", "\\u003e"), ("&", "\\u0026"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


def dumps_go(obj: object, sort_keys: bool = False, indent: str = "") -> str:
    """As ``dumps``, with the escapes of Go's encoding/json: ``< > &`` U+2028 and U+2029 as ``\\uXXXX``, bytes that are
    not UTF-8 (surrogates in Python) as U+FFFD. The result can always be encoded as UTF-8."""
    text = dumps(obj, sort_keys, indent)
    for raw, escaped in _GO:
        if raw in text:
            text = text.replace(raw, escaped)
    try:
        text.encode()
    except UnicodeEncodeError:
        text = "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in text)
    return text
