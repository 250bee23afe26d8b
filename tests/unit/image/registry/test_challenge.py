from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.image.registry.challenge import parse_challenges


@pytest.mark.parametrize(
    ("line", "scheme", "parameters"),
    [
        ('Basic realm="x y"', "basic", {"realm": "x y"}),
        ("Negotiate", "negotiate", {}),
        ('Bearer realm="https://a/t",service="s",scope="repository:x:pull"', "bearer",
         {"realm": "https://a/t", "service": "s", "scope": "repository:x:pull"}),
        ('BEARER Realm = "r" , Error=invalid_token', "bearer", {"realm": "r", "error": "invalid_token"}),
        ('Bearer realm="a\\"b"', "bearer", {"realm": 'a"b'}),
        ('Bearer realm="r",service="never closed', "bearer", {"realm": "r"}),
        ('Bearer realm="r" junk="x"', "bearer", {"realm": "r"}),
    ],
)  # fmt: skip
def test_parse(line: str, scheme: str, parameters: dict[str, str]) -> None:
    (found,) = parse_challenges([line])
    assert (found.scheme, found.parameters) == (scheme, parameters)


@given(st.text(max_size=60))
def test_anything_is_survived(line: str) -> None:
    parse_challenges([line])
