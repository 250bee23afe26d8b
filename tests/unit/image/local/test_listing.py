"""Lists and filters on records alone: no store on disk, no root."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ocikit.common.errors import UsageError
from ocikit.image.local.listing import glob_match, list_images, split_repository_tag
from ocikit.image.local.lookup import find, find_named
from ocikit.image.local.tree import ImageTree
from ocikit.storage.records import ContainerRecord, ImageRecord, LayerRecord


class FakeStore:
    """Answers what the list asks of a store."""

    driver = "overlay"
    graphroot = "/graph"

    def __init__(self) -> None:
        self._images: list[ImageRecord] = []
        self._layers: list[LayerRecord] = []
        self._containers: list[ContainerRecord] = []
        self._data: dict[tuple[str, str], bytes] = {}

    def images(self) -> list[ImageRecord]:
        return self._images

    def layers(self) -> list[LayerRecord]:
        return self._layers

    def containers(self) -> list[ContainerRecord]:
        return self._containers

    def image_data(self, image_id: str, key: str) -> bytes:
        return self._data[image_id, key]

    def add(
        self, number: int, names: list[str], layers: list[str], created: str = "2023-01-01T00:00:00Z", **labels: str
    ) -> str:
        image_id = f"{number:064x}"
        parent = ""
        for layer in layers:
            if not any(known.id == layer for known in self._layers):
                self._layers.append(LayerRecord({"id": layer, "parent": parent, "diff-size": 1000}))
            parent = layer
        config: dict[str, Any] = {
            "config": {"Labels": labels},
            "rootfs": {"diff_ids": layers},
            "history": [{"created_by": layer} for layer in layers],
        }
        digest = f"sha256:{number:064x}"
        self._data[image_id, digest] = json.dumps(config).encode()
        self._data[image_id, "manifest"] = json.dumps({"config": {"digest": digest}, "layers": []}).encode()
        self._images.append(
            ImageRecord(
                {
                    "id": image_id,
                    "names": names,
                    "layer": parent,
                    "created": created,
                    "digest": f"sha256:{number + 4096:064x}",
                    "big-data-names": ["manifest", digest],
                    "big-data-sizes": {"manifest": 10, digest: 20},
                    "big-data-digests": {"manifest": f"sha256:{number + 4096:064x}"},
                }
            )
        )
        return image_id


@pytest.fixture
def store() -> Any:
    made = FakeStore()
    made.add(0xA1, ["docker.io/library/base:1", "localhost/base:2"], ["l1"], color="red")
    made.add(0xB2, ["quay.io/x/child:latest"], ["l1", "l2"], "2024-01-01T00:00:00Z", color="blue", only="child")
    made.add(0xC3, [], ["l1", "l2", "l3"], "2024-06-01T00:00:00Z")
    made.add(0xD4, [], ["l1", "l2", "l3", "l4"], "2024-07-01T00:00:00Z")
    made._containers.append(ContainerRecord({"id": "c1", "image": f"{0xB2:064x}"}))
    return made


def shown(store: Any, *filters: str, all_images: bool = False) -> list[int]:
    return [int(s.id, 16) for s in list_images(store, filters, all_images=all_images)]


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ([], [0xA1, 0xB2, 0xD4]),
        (["dangling=true"], [0xD4]),
        (["dangling=false"], [0xA1, 0xB2]),
        (["intermediate=true"], [0xC3]),
        (["label=color"], [0xA1, 0xB2]),
        (["label=color=red"], [0xA1]),
        (["label=color=r*"], [0xA1]),
        (["label=o*"], [0xB2]),
        (["label!=color=red"], [0xB2, 0xD4]),
        (["label=color", "label=only=child"], [0xB2]),
        (["before=child"], [0xA1]),
        (["since=base:1"], [0xB2, 0xD4]),
        (["until=2023-06-01T00:00:00Z"], [0xA1]),
        (["containers=true"], [0xB2]),
        (["containers=false"], [0xA1, 0xD4]),
        (["reference=base"], [0xA1]),
        (["reference=library/base"], [0xA1]),
        (["reference=b*"], [0xA1]),
        (["reference=base:2"], [0xA1]),
        (["reference=base:3"], []),
        (["reference=base", "reference=child"], [0xA1, 0xB2]),
        (["reference!=base"], [0xB2, 0xD4]),
        (["reference=quay.io/*/child"], [0xB2]),
        (["reference=quay.io/child"], []),
        (["id=" + f"{0xB2:064x}"], [0xB2]),
        (["readonly=true"], []),
        (["manifest=true"], []),
    ],
)
def test_filters(store: Any, filters: list[str], expected: list[int]) -> None:
    assert shown(store, *filters) == expected


def test_all_shows_steps_of_builds(store: Any) -> None:
    assert shown(store, all_images=True) == [0xA1, 0xB2, 0xC3, 0xD4]


@pytest.mark.parametrize("text", ["x=y", "nonsense", "dangling=maybe", "digest=xyz", "before=nosuch", "id!=x"])
def test_bad_filters(store: Any, text: str) -> None:
    with pytest.raises(UsageError):
        shown(store, text)


def test_parents(store: Any) -> None:
    summaries = {int(s.id, 16): s for s in list_images(store, all_images=True)}
    assert [int(summaries[n].parent_id or "0", 16) for n in (0xA1, 0xB2, 0xC3, 0xD4)] == [0, 0xA1, 0xB2, 0xC3]
    images = [s.image for s in summaries.values()]
    tree = ImageTree(images, {layer.id: layer for layer in store.layers()})
    assert [int(i.id, 16) for i in tree.children(images[0])] == [0xB2, 0xC3, 0xD4]
    assert summaries[0xB2].size == 2030


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("base:1", (0xA1, "docker.io/library/base:1")),
        ("docker.io/library/base:1", (0xA1, "docker.io/library/base:1")),
        ("library/base:1", (0xA1, "docker.io/library/base:1")),
        ("docker.io/base:1", (0xA1, "docker.io/library/base:1")),
        ("child", (0xB2, "quay.io/x/child:latest")),
        ("x/child", (0xB2, "quay.io/x/child:latest")),
        ("quay.io/x/child", (0xB2, "quay.io/x/child:latest")),
        ("base", None),
        ("x/base:1", None),
        (f"{0xB2:064x}", (0xB2, "")),
        (f"sha256:{0xB2:064x}", (0xB2, "")),
        (f"sha256:{0xB2 + 4096:064x}", (0xB2, "")),
        (f"child@sha256:{0xB2 + 4096:064x}", (0xB2, f"quay.io/x/child@sha256:{0xB2 + 4096:064x}")),
        (f"quay.io/x/child@sha256:{0xB2 + 4096:064x}", (0xB2, f"quay.io/x/child@sha256:{0xB2 + 4096:064x}")),
        (f"quay.io/y/child@sha256:{0xB2 + 4096:064x}", None),
        ("f" * 64, None),
        ("NOT//valid", None),
        ("", None),
    ],
)
def test_find(store: Any, text: str, expected: tuple[int, str] | None) -> None:
    found = find_named(store, text)
    assert (None if found is None else (int(found[0].id, 16), found[1])) == expected


def test_several_hits_are_ordered_by_registries_conf(
    store: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    store.add(0xE5, ["b.example/tool:latest"], ["l1"])
    store.add(0xF6, ["a.example/tool:latest"], ["l1"])
    conf = tmp_path / "registries.conf"
    conf.write_text('unqualified-search-registries = ["a.example", "b.example"]\n')
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(conf))
    found = find(store, "tool")
    assert found is not None
    assert int(found.id, 16) == 0xF6


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("a*", "abc", True), ("a*", "a/b", False), ("*/b", "a/b", True), ("a?c", "abc", True), ("a[b-d]e", "ace", True),
        ("a[^b-d]e", "ace", False), ("a\\*", "a*", True), ("", "", True), ("*", "", True), ("[", "[", False),
        ("a**b", "axxb", True), ("abc", "abcd", False),
    ],
)  # fmt: skip
def test_glob(pattern: str, text: str, expected: bool) -> None:
    assert glob_match(pattern, text) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("h:5000/a/b:1", ("h:5000/a/b", "1")),
        ("h/a@sha256:x", ("h/a", "<none>")),
        ("h:5000/a", ("h:5000/a", "latest")),
    ],
)
def test_split(name: str, expected: tuple[str, str]) -> None:
    assert split_repository_tag(name) == expected
