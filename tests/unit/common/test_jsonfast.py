"""ocikit.common.jsonfast against the standard package and against Go's habits."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.common.jsonfast import JSONError, dumps, dumps_go, loads

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES)
def test_round_trip_and_agreement_with_json(value: object) -> None:
    for write in (dumps, dumps_go):
        text = write(value)
        assert loads(text) == json.loads(text) == value
        assert json.loads(write(value, indent="    ")) == value
    assert loads(json.dumps(value, indent=2).encode()) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "  ",
        "{",
        '{"a"}',
        "[1,]",
        "nul",
        "1 2",
        '"open',
        "NaN",
        "[Infinity]",
        "\x00",
        b"\xff",
        '{"a":1}}',
        "[" * 100000,
    ],
)
def test_broken_text_is_one_kind_of_error(text: str | bytes) -> None:
    with pytest.raises(JSONError):
        loads(text)


def test_blanks_mark_and_bytes() -> None:
    assert loads("\n [1] \n") == [1]
    assert loads("\ufeff{}".encode()) == {}
    assert loads(bytearray(b"7")) == 7
    assert loads('"tab\there"') == "tab\there"


def test_go_escapes() -> None:
    assert dumps_go({"a<": "&>\u2028\u2029é"}) == '{"a\\u003c":"\\u0026\\u003e\\u2028\\u2029é"}'
    assert dumps_go("bad \udcff") == '"bad \ufffd"'


def test_indent_is_as_marshal_indent() -> None:
    assert dumps({"a": [1, {"b": []}], "c": {}}, indent="  ") == (
        '{\n  "a": [\n    1,\n    {\n      "b": []\n    }\n  ],\n  "c": {}\n}'
    )
    assert dumps({"b": 1, "a": 2}, sort_keys=True) == '{"a":2,"b":1}'


def test_not_json() -> None:
    with pytest.raises(TypeError):
        dumps({"a": b"bytes"})
    with pytest.raises(ValueError):
        dumps(float("nan"))


def test_no_heavy_import() -> None:
    code = (
        f"import sys; sys.path[:0] = {sys.path!r}; from ocikit.common import jsonfast; jsonfast.loads('[1]'); "
        "print(*({'re', 'json', 'enum', 'typing'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-S", "-E", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
