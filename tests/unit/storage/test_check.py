"""Damage is found and mended, garbage goes, every byte is accounted for. Needs no mounts."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from ocikit.storage import ImageUnknown, Store, StoreOptions
from tests.unit.storage.test_store import ONE, TWO, assert_clean, make_image, options, put


@pytest.fixture(params=["overlay", "vfs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "overlay" and os.geteuid():
        pytest.skip("whiteouts of the overlay driver are devices: needs root")
    return Store.open(options(tmp_path, request.param))


def test_a_sound_store_is_sound(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    store.create_container(names=["c"], image=image)
    assert store.check().lines() == []
    assert store.collect_garbage() == 0


def tree_of(store: Store, layer: str) -> Path:
    return Path(store._driver.diff_dir(layer))


def test_changed_contents_are_found_and_removed(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    top = store.image(image).layer
    base = store.layer(top).parent
    good = store.create_image(names=["localhost/base:1"], layer=base, data=[("manifest", b"{}", "")]).id
    (tree_of(store, top) / "c").write_bytes(b"THIRD")
    report = store.check()
    assert list(report.layers) == [top]
    assert "file integrity checksum failed" in report.layers[top][0]
    assert report.images == {image: [f"layer {top} is damaged"]}
    assert store.check(quick=True).ok
    done = store.repair(report)
    assert (done.images, done.layers) == ([image], [top])
    assert store.check().ok
    assert store.image(good).layer == base
    with pytest.raises(ImageUnknown):
        store.image(image)


def test_damage_below_spreads_up_to_containers(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    container = store.create_container(names=["c"], image=image)
    top = store.image(image).layer
    base = store.layer(top).parent
    Path(store.graphroot, f"{store.driver}-layers", f"{base}.tar-split.gz").unlink()
    report = store.check(quick=True)
    assert report.layers[base] == ["layer content incorrect digest: its tar-split file is missing"]
    assert report.layers[top] == [f"parent layer {base} is damaged"]
    assert list(report.images) == [image] and list(report.containers) == [container.id]
    assert store.repair(report).images == []  # the container is in the way
    done = store.repair(report, force=True)
    assert (done.containers, done.images) == ([container.id], [image])
    assert store.layers() == []
    assert_clean(store)


def test_missing_documents_are_found(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    path = Path(store._images.data.path(image, "manifest"))
    path.write_bytes(b"longer than it was")
    assert store.check().images == {image: ['image data item "manifest" has incorrect size']}
    path.unlink()
    assert store.check().images == {image: ['image data item "manifest" is missing']}


def test_modified_metadata_is_found(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("needs root")
    store = Store.open(options(tmp_path, "overlay"))
    layer = put(store, ONE)
    (tree_of(store, layer) / "a").chmod(0o600)
    (tree_of(store, layer) / "surplus").touch()
    assert store.check().layers[layer] == ["layer content modified: a, surplus"]


def test_old_layers_of_nobody(store: Store) -> None:
    layer = put(store, ONE)
    assert store.check().ok
    report = store.check(max_age_s=-1)
    assert report.layers == {layer: ["layer not referenced by any images or containers"]}
    assert store.repair(report).layers == [layer]
    assert_clean(store)


def test_garbage_goes_and_nothing_else(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    container = store.create_container(names=["c"], image=image)
    Path(store.container_dir("c"), "config.json").write_text("{}")
    before = snapshot(store)
    graph, lost = Path(store.graphroot), "e" * 64
    home = Path(store._driver.own_homes[0])
    (home / lost / "diff").mkdir(parents=True)
    (home / lost / "diff/file").write_bytes(b"x" * 100000)
    if store.driver == "overlay":
        (home / "l/QQQQQQQQQQQQQQQQQQQQQQQQQQ").symlink_to(f"../{lost}/diff")
    for kind in ("layers", "images", "containers"):
        (graph / f"{store.driver}-{kind}" / lost).mkdir()
        (graph / f"{store.driver}-{kind}" / ".tmp-x.json123").write_text("[")
    (graph / f"{store.driver}-layers" / f"{lost}.tar-split.gz").write_bytes(b"y" * 10000)
    (graph / f"{store.driver}-images" / image / ".tmp-manifest1").write_text("[")
    for root in (store._driver.staging_root(), store._layers.temp_root):
        Path(root, "temp-dir-77").mkdir(parents=True)
        Path(root, "temp-dir-77/0-addition").write_bytes(b"z" * 50000)
    report = store.check()
    assert not report.ok and f"layer {lost}: layer in lower level storage driver not accounted for" in report.lines()
    assert store.usage().orphans
    assert store.collect_garbage() >= 160000
    assert snapshot(store) == before
    assert store.check().ok
    assert store.container("c").id == container.id


def snapshot(store: Store) -> list[str]:
    names = [str(p) for p in Path(store.graphroot).rglob("*")]
    return sorted(n for n in names if not n.endswith(("tempdirs", ".lock", "/tmp")))


def test_every_byte_is_accounted_for(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    base = store.layer(store.image(image).layer).parent
    other = store.create_image(names=["localhost/base:1"], layer=base, data=[("manifest", b"{}", "")]).id
    store.create_container(names=["c"], image=image)
    Path(store.container_dir("c"), "config.json").write_text("{}" * 3000)
    (Path(store.graphroot) / "volumes/v/_data").mkdir(parents=True)
    (Path(store.graphroot) / "volumes/v/_data/file").write_bytes(b"v" * 20000)
    Path(store._driver.own_homes[0], "f" * 64).mkdir()
    usage = store.usage()
    counted = subprocess.run(["du", "-s", "-B1", store.graphroot], capture_output=True, text=True, check=True)
    assert usage.total == int(counted.stdout.split()[0])
    assert set(usage.layers) == {layer.id for layer in store.layers()}
    assert usage.other["volumes"] >= 20000
    assert len(usage.orphans) >= 1
    images = store.image_usage(usage)
    assert images[image].shared == images[other].shared == usage.layers[base]
    assert images[image].unique == usage.layers[store.image(image).layer]
    assert images[other].unique == 0 and images[other].documents > 0


def test_wipe(store: Store) -> None:
    make_image(store, "localhost/a:1")
    put(store, TWO, put(store, ONE))
    store.create_container(names=["c"], image="localhost/a:1")
    store.wipe()
    assert store.layers() == [] and store.images() == [] and store.containers() == []
    assert_clean(store)


def test_shared_image_store_is_left_alone(tmp_path: Path) -> None:
    shared = Store.open(options(tmp_path / "shared"))
    make_image(shared, "localhost/a:1")
    mine = Store.open(StoreOptions(graphroot=str(tmp_path / "g"), runroot=str(tmp_path / "r"), driver="vfs",
                                   stores=[shared.graphroot]))  # fmt: skip
    mine.create_container(names=["c"], image="localhost/a:1")
    assert mine.check().ok
    mine.wipe()
    assert len(shared.images()) == 1 and shared.check().ok
