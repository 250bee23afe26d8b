"""Records, their order on disk, big-data names and times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocikit.common.jsonfast import dumps_go
from ocikit.storage.fulldisk import blank_dropped
from ocikit.storage.recordfile import big_data_name
from ocikit.storage.records import ContainerRecord, ImageRecord, LayerRecord, timestamp
from ocikit.storage.store import chain_id


def test_absent_fields_read_as_empty() -> None:
    record = LayerRecord({"id": "a", "created": "x"})
    assert (record.parent, record.names, record.diff_size, record.uidmap, record.flags) == ("", [], 0, (), {})


def test_with_keeps_the_old_and_orders_the_new() -> None:
    record = LayerRecord({"id": "a", "created": "c", "future": [1], "flags": {"mine": True}})
    changed = record.with_(parent="p", diff_size=5, names=["n"])
    assert record.parent == ""
    assert list(changed.raw) == ["id", "names", "parent", "created", "diff-size", "flags", "future"]
    assert list(changed.with_(names=[], diff_size=0).raw) == ["id", "parent", "created", "flags", "future"]


def test_image_digests() -> None:
    record = ImageRecord({"id": "i", "digest": "d1", "big-data-digests": {"manifest": "d2", "sha256:x": "d3"}})
    assert record.digests == ["d1", "d2"]


def test_container_keeps_required_fields() -> None:
    raw = ContainerRecord.ordered({"id": "c", "image": "", "layer": "", "created": "t", "names": [], "flags": {}})
    assert dumps_go(raw) == '{"id":"c","image":"","layer":"","created":"t"}'
    record = ContainerRecord({"id": "c", "uidmap": [{"container_id": 0, "host_id": 7, "size": 9}]})
    assert record.uidmap == ((0, 7, 9),)


@pytest.mark.parametrize(
    ("key", "name"),
    [
        ("manifest", "manifest"),
        ("instances.json", "instances.json"),
        ("a-b", "=YS1i"),
        ("manifest-sha256:" + "0" * 3, "=bWFuaWZlc3Qtc2hhMjU2OjAwMA=="),
        ("Cap", "=Q2Fw"),
    ],
)
def test_big_data_name(key: str, name: str) -> None:
    assert big_data_name(key) == name


def test_times_as_go_writes_them() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00Z"
    assert timestamp(1795453896_730748642) == "2026-11-23T17:11:36.730748642Z"
    assert timestamp(1795453896_100000000) == "2026-11-23T17:11:36.1Z"


def test_chain_id() -> None:
    one, two = "sha256:" + "1" * 64, "sha256:" + "2" * 64
    assert chain_id("", one) == "1" * 64
    assert chain_id("1" * 64, two) == "bc3f520ac697f7fabf60ea74c96b8a1f9c2e2bbe9b3446d340b3798416c5842e"


@pytest.mark.parametrize("kept", ["", "a", "b", "c", "d", "ab", "bc", "cd", "ad", "bd", "abd", "acd", "abcd"])
@pytest.mark.parametrize("blank", ["", "\n  "])
def test_records_are_blanked_in_place(tmp_path: Path, kept: str, blank: str) -> None:
    rows = [{"id": c, "names": [f"é{c},]}}"], "flags": {"x": [1, {}]}} for c in "abcd"]
    path = tmp_path / "layers.json"
    path.write_text("[" + f",{blank}".join(dumps_go(r) for r in rows) + f"{blank}]")
    size = path.stat().st_size
    wanted = [r for r in rows if str(r["id"]) in kept]
    assert blank_dropped(str(path), wanted)
    assert json.loads(path.read_text()) == wanted
    assert path.stat().st_size == size
    assert blank_dropped(str(path), [])
    assert json.loads(path.read_text()) == []


def test_only_dropping_can_be_done_in_place(tmp_path: Path) -> None:
    path = tmp_path / "layers.json"
    path.write_text('[{"id":"a"}]')
    assert not blank_dropped(str(path), [{"id": "a", "names": ["x"]}])
    assert not blank_dropped(str(path), [{"id": "a"}, {"id": "b"}])
    assert not blank_dropped(str(tmp_path / "none"), [])
    assert path.read_text() == '[{"id":"a"}]'
