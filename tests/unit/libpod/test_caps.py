"""Capability sets."""

from ocikit.libpod.spec.caps import merge

ALL = ("CAP_CHOWN", "CAP_KILL", "CAP_NET_RAW")


def test_names_without_prefix_in_the_configuration() -> None:
    assert merge(["KILL", "chown"], [], [], ALL) == ["CAP_CHOWN", "CAP_KILL"]
    assert merge(["KILL", "CHOWN"], ["net_raw"], ["CAP_KILL"], ALL) == ["CAP_CHOWN", "CAP_NET_RAW"]


def test_all() -> None:
    assert merge(["KILL"], ["ALL"], [], ALL) == sorted(ALL)
    assert merge(["KILL"], ["CHOWN"], ["all"], ALL) == ["CAP_CHOWN"]
