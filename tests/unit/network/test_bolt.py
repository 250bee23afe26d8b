"""bbolt files: what we write we read back, and files made by Go are understood."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.network.bolt import PAGE_SIZE, dump, load
from ocikit.network.errors import NetworkError

BUCKET = st.recursive(
    st.dictionaries(st.binary(min_size=1, max_size=40), st.binary(max_size=300), max_size=12),
    lambda inner: st.dictionaries(st.binary(min_size=1, max_size=40), inner | st.binary(max_size=80), max_size=6),
    max_leaves=20,
)


@given(BUCKET)
def test_round_trip(content: dict) -> None:
    data = dump(content)
    assert len(data) % PAGE_SIZE == 0
    assert load(data) == content


def test_many_entries_span_overflow_pages() -> None:
    content = {b"net": {b"10.88.0.0/16": {i.to_bytes(4, "big"): b"f" * 64 for i in range(3000)}}}
    assert load(dump(content)) == content


def test_empty_file_is_an_empty_database() -> None:
    assert load(b"") == {}


@pytest.mark.parametrize("damage", [b"x" * 9000, b"\0" * 4096, dump({b"a": {b"b": b"c"}})[:12300]])
def test_damage_is_one_sentence(damage: bytes) -> None:
    with pytest.raises(NetworkError, match=r"ipam\.db"):
        load(damage, "/run/x/ipam.db")


def test_the_newer_of_two_valid_metas_counts() -> None:
    old, new = bytearray(dump({b"a": {}})), dump({b"b": {}})
    # a torn second meta page leaves the first one valid
    torn = bytearray(new)
    torn[PAGE_SIZE + 60] ^= 0xFF
    assert load(bytes(torn)) == {b"b": {}}
    assert load(bytes(old)) == {b"a": {}}
