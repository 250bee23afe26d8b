"""Which ids a container gets: pure decisions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.storage.autouserns import AutoUserNs, _highest, allocate, free_ranges, needed_size
from ocikit.storage.errors import StorageError
from ocikit.storage.ops_mapped import check_map


@pytest.mark.parametrize(
    ("available", "used", "free"),
    [
        ([(100, 50)], [], [(100, 50)]),
        ([(100, 50), (150, 50)], [], [(100, 100)]),
        ([(200, 10), (100, 10)], [(105, 2)], [(100, 5), (107, 3), (200, 10)]),
        ([(100, 50)], [(0, 500)], []),
        ([(100, 50)], [(90, 20), (140, 100)], [(110, 30)]),
        ([(100, 50)], [(100, 10), (105, 10)], [(115, 35)]),
        ([(100, 0)], [], []),
    ],
)
def test_free_ranges(
    available: list[tuple[int, int]], used: list[tuple[int, int]], free: list[tuple[int, int]]
) -> None:
    assert free_ranges(available, used) == free


def test_allocation_is_the_original_tools() -> None:
    """auto:size=5000,uidmapping=7:100:1 as the spec saw it."""
    assert allocate(5000, [(202048, 100000)], ((7, 100, 1),)) == ((0, 202048, 7), (8, 202055, 4992), (7, 100, 1))
    assert allocate(1024, [(1000, 5000)]) == ((0, 1000, 1024),)
    assert allocate(30, [(100, 10), (200, 10), (300, 100)]) == ((0, 100, 10), (10, 200, 10), (20, 300, 10))
    assert allocate(3, [(100, 10)], ((0, 5, 10),)) == ((0, 5, 10),)
    with pytest.raises(StorageError, match="not enough unused IDs in user namespace"):
        allocate(30, [(100, 10), (200, 10)])


@given(
    st.integers(1, 300),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 200)), max_size=6),
    st.lists(st.tuples(st.integers(0, 2000), st.integers(1, 100)), max_size=6),
)
def test_allocated_ids_are_available_and_unused(
    size: int, available: list[tuple[int, int]], used: list[tuple[int, int]]
) -> None:
    expected = {i for s, n in available for i in range(s, s + n)} - {i for s, n in used for i in range(s, s + n)}
    free = free_ranges(available, used)
    assert {i for s, n in free for i in range(s, s + n)} == expected
    if len(expected) < size:
        with pytest.raises(StorageError):
            allocate(size, free)
        return
    got = allocate(size, free)
    assert [i for c, _, n in got for i in range(c, c + n)] == list(range(size))
    host = [i for _, h, n in got for i in range(h, h + n)]
    assert len(set(host)) == size and set(host) <= expected


def test_size() -> None:
    assert needed_size(AutoUserNs(), 1024, 65536, 0) == 1024
    assert needed_size(AutoUserNs(), 1024, 65536, 4000) == 4001
    assert needed_size(AutoUserNs(initial_size=2000), 1024, 65536, 4) == 2000
    assert needed_size(AutoUserNs(size=5), 1024, 65536, 4000) == 5
    with pytest.raises(
        StorageError, match="size 70000 that is bigger than the maximum value allowed with userns=auto 65536"
    ):
        needed_size(AutoUserNs(size=70000), 1024, 65536, 0)


def test_highest_id_of_tables() -> None:
    passwd = b"root:x:0:0:root:/:/bin/sh\nweb:x:101:2500::/:\nnobody:x:9999:9999::/:\nx:x:65534:65534::/:\nbroken\n"
    assert _highest(passwd) == 2500
    assert _highest(b"root:x:0:\nbig:x:777:root,web\nnogroup:x:8888:\n") == 777


def test_overlap_is_refused() -> None:
    check_map(((0, 100, 10), (10, 500, 5)))
    for bad in (((0, 100, 10), (9, 500, 5)), ((0, 100, 10), (10, 109, 5))):
        with pytest.raises(StorageError, match="invalid mappings specified"):
            check_map(bad)
