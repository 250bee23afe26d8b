"""YAML as Go's libraries write it."""

from __future__ import annotations

from ocikit.libpod.yamltext import dump


def test_block_style() -> None:
    value = {"b": [1, "x: y", {"k": "v", "l": True}], "a": {}, "t": "one\ntwo", "m": None, "v": "12", "e": ""}
    assert dump(value) == (
        'a: {}\nb:\n- 1\n- \'x: y\'\n- k: v\n  l: true\ne: ""\nm: null\nt: |-\n  one\n  two\nv: "12"\n'
    )
