"""The store without mounts: as any user, with the vfs and the overlay driver."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import threading
from pathlib import Path

import pytest

from ocikit.storage import (
    ContainerUnknown,
    ImageInUse,
    ImageUnknown,
    LayerInUse,
    LayerUnknown,
    Store,
    StoreOptions,
)
from ocikit.storage.errors import DigestMismatch, IDInUse, NameTaken, StorageError, StoreDamaged


def layer_tar(files: dict[str, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size, info.mode, info.uid, info.gid = len(content), 0o644, os.getuid(), os.getgid()
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


ONE = layer_tar({"a": b"first", "b": b"second"})
TWO = layer_tar({"c": b"third", ".wh.a": b""})


@pytest.fixture(params=["overlay", "vfs"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "overlay" and os.geteuid():
        pytest.skip("whiteouts of the overlay driver are devices: needs root")
    return Store.open(options(tmp_path, request.param))


def options(tmp_path: Path, driver: str = "vfs") -> StoreOptions:
    return StoreOptions(graphroot=str(tmp_path / "g"), runroot=str(tmp_path / "r"), driver=driver)


def put(store: Store, tar: bytes, parent: str | None = None) -> str:
    return store.put_layer(store.stage_layer(io.BytesIO(tar)), parent).id


def make_image(store: Store, *names: str) -> str:
    top = put(store, TWO, put(store, ONE))
    config = json.dumps({"rootfs": {"diff_ids": []}}).encode()
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    return store.create_image(
        id=digest[7:], names=names, layer=top, digest="sha256:m", data=[(digest, config, ""), ("manifest", b"{}", "")]
    ).id


def test_nothing_is_written_by_looking(tmp_path: Path) -> None:
    with Store.open(options(tmp_path)) as store:
        assert store.images() == [] and store.layers() == [] and store.containers() == []
        with pytest.raises(ImageUnknown, match="x: image not known"):
            store.image("x")
        with pytest.raises(ContainerUnknown):
            store.container("x")
        with pytest.raises(LayerUnknown):
            store.layer("x")
    assert os.listdir(tmp_path) == []


def test_layer_life(store: Store) -> None:
    blob = gzip.compress(ONE)
    with store.stage_layer(io.BytesIO(blob)) as staged:
        record = store.put_layer(staged)
    assert record.id == hashlib.sha256(ONE).hexdigest()
    assert record.diff_digest == "sha256:" + record.id
    assert (record.diff_size, record.compressed_size, record.compression) == (len(ONE), len(blob), 2)
    assert record.compressed_diff_digest == "sha256:" + hashlib.sha256(blob).hexdigest()
    assert record.uidset == [os.getuid()]
    child = put(store, TWO, record.id)
    assert child == hashlib.sha256(f"{record.id}+{hashlib.sha256(TWO).hexdigest()}".encode()).hexdigest()
    assert [r.id for r in store.chain(child)] == [child, record.id]
    assert store.layers_by_diff_id(record.diff_digest)[0].id == record.id
    assert store.layers_by_compressed_digest(record.compressed_diff_digest)[0].id == record.id
    assert put(store, ONE) == record.id  # the same again: no error, nothing new
    for key, tar in ((record.id, ONE), (child, TWO)):
        with store.diff(key) as stream:
            assert b"".join(iter(lambda: stream.read(100), b"")) == tar
    with pytest.raises(LayerInUse, match="layer has children"):
        store.delete_layer(record.id)
    store.delete_layer(child)
    store.delete_layer(record.id)
    assert store.layers() == []
    assert_clean(store)


def assert_clean(store: Store) -> None:
    home = Path(store.graphroot, store.driver)
    left = [p for p in home.rglob("*") if len(p.name) == 64 or p.parent.name in ("l", "tempdirs")]
    left += list(Path(store.graphroot, f"{store.driver}-layers").glob("*.gz"))
    left += list(Path(store.graphroot, f"{store.driver}-layers/tmp").glob("*"))
    assert left == []


def test_wrong_and_broken_blobs_leave_nothing(store: Store) -> None:
    with pytest.raises(DigestMismatch, match="expected sha256:0"):
        store.stage_layer(io.BytesIO(ONE), expected_diff_id="sha256:0")
    with pytest.raises(DigestMismatch):
        store.stage_layer(io.BytesIO(ONE), compressed_digest="sha256:0")
    with pytest.raises(Exception, match=r"unexpected EOF|ends too early"):
        store.put_layer(store.stage_layer(io.BytesIO(gzip.compress(ONE)[:-20])))
    store.stage_layer(io.BytesIO(ONE)).discard()
    with pytest.raises(LayerUnknown, match=r"parent of layer not known|has no directory"):
        put(store, TWO, "0" * 64)
    assert store.layers() == []
    assert_clean(store)


def test_image_life(store: Store) -> None:
    image = make_image(store, "localhost/a:1", "localhost/b:1")
    record = store.image("localhost/a:1")
    assert store.image(image[:10]).id == image
    assert record.names == ["localhost/a:1", "localhost/b:1"]
    assert record.digest == "sha256:m" and record.big_data_names == ["sha256:" + image, "manifest"]
    assert store.image_data("localhost/b:1", "manifest") == b"{}"
    with pytest.raises(ImageUnknown, match='locating item named "nothing"'):
        store.image_data(image, "nothing")
    assert store.images_by_digest("sha256:m") == store.images_by_digest(record.big_data_digests["manifest"])
    assert store.image_size(record) == len(ONE) + len(TWO) + sum(record.big_data_sizes.values())
    store.add_image_names(image, ["localhost/c:1"])
    assert store.remove_image_names(image, ["localhost/a:1"]).names == ["localhost/c:1", "localhost/b:1"]
    assert set(store.image(image).names_history) == {"localhost/a:1", "localhost/b:1", "localhost/c:1"}
    # a name that another image takes moves there
    other = store.create_image(names=["localhost/b:1"], data=[("manifest", b"[]", "")]).id
    assert store.image("localhost/b:1").id == other
    assert store.image(image).names == ["localhost/c:1"]
    assert len(store.delete_image(image)) == 2
    assert store.delete_image(other) == []
    assert store.images() == [] and store.layers() == []
    assert_clean(store)


def test_pulling_again_updates_and_another_layer_is_refused(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    again = store.create_image(id=image, names=["localhost/z:1"], layer=store.image(image).layer, metadata="{}",
                               data=[("manifest", b"{ }", "")])  # fmt: skip
    assert again.names == ["localhost/z:1", "localhost/a:1"]
    assert again.big_data_sizes["manifest"] == 3
    with pytest.raises(IDInUse, match="uses a different top layer"):
        store.create_image(id=image, layer=store.chain(again.layer)[1].id)
    with pytest.raises(LayerUnknown):
        store.create_image(layer="0" * 64)


def test_shared_layers_stay(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    base = store.chain(store.image(image).layer)[1].id
    other = store.create_image(names=["localhost/base:1"], layer=base).id
    assert len(store.delete_image(image)) == 1
    assert [r.id for r in store.layers()] == [base]
    assert store.delete_image(other) == [base]


def test_container_life(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    container = store.create_container(names=["web"], image="localhost/a:1", metadata='{"x":1}', mountlabel="")
    assert container.image == image and container.metadata == '{"x":1}'
    assert store.layer(container.layer).parent == store.image(image).layer
    assert store.layer("web-layer").id == container.layer
    assert store.container("web").id == store.container(container.id[:8]).id == store.container(container.layer).id
    with pytest.raises(NameTaken, match='the container name "web" is already in use by'):
        store.create_container(names=["web"], image=image)
    with pytest.raises(IDInUse):
        store.create_container(id=container.id)
    with pytest.raises(StorageError, match="would-be parent layer is a container"):
        put(store, ONE, container.layer)
    with pytest.raises(ImageInUse, match=f"image used by {container.id}"):
        store.delete_image(image)
    with pytest.raises(LayerInUse, match="in use by a container"):
        store.delete_layer(container.layer)
    store.set_container_data("web", "thing", b"data")
    assert store.container_data("web", "thing") == b"data"
    assert store.set_container_names("web", ["site"]).names == ["site"]
    assert store.set_container_metadata("site", "{}").metadata == "{}"
    Path(store.container_dir("site"), "config.json").write_text("{}")
    Path(store.container_run_dir("site"), "pid").write_text("1")
    store.delete_container("site")
    assert not Path(store.graphroot, f"{store.driver}-containers", container.id).exists()
    assert not Path(store.runroot, f"{store.driver}-containers", container.id).exists()
    with pytest.raises(ContainerUnknown):
        store.delete_container("site")
    store.delete_image(image)
    assert_clean(store)


def test_volatile_records_live_apart(store: Store) -> None:
    image = make_image(store, "localhost/a:1")
    store.create_container(names=["gone"], image=image, volatile=True)
    layers = Path(store.graphroot, f"{store.driver}-layers")
    assert len(json.loads((layers / "volatile-layers.json").read_text())) == 1
    assert len(json.loads((layers / "layers.json").read_text())) == 2
    containers = Path(store.graphroot, f"{store.driver}-containers")
    assert json.loads((containers / "volatile-containers.json").read_text())[0]["flags"]["Volatile"] is True
    store.delete_container("gone")
    assert json.loads((layers / "volatile-layers.json").read_text()) == []


def test_two_objects_see_each_other(tmp_path: Path) -> None:
    one, two = Store.open(options(tmp_path)), Store.open(options(tmp_path))
    assert two.images() == []
    image = make_image(one, "localhost/a:1")
    assert two.image("localhost/a:1").id == image
    two.add_image_names(image, ["localhost/b:1"])
    assert one.image("localhost/b:1").id == image
    one.delete_image(image)
    assert two.images() == []


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    make_image(Store.open(options(tmp_path)), "localhost/a:1")
    failed: list[BaseException] = []

    def work(number: int) -> None:
        try:
            store = Store.open(options(tmp_path))
            for i in range(5):
                store.create_container(names=[f"c{number}-{i}"], image="localhost/a:1")
                store.create_image(names=[f"localhost/i{number}:{i}"], data=[("manifest", b"x", "")])
        except BaseException as exc:
            failed.append(exc)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    store = Store.open(options(tmp_path))
    assert len(store.containers()) == 20
    assert len(store.images()) == 21
    for container in store.containers():
        store.delete_container(container.id)
    assert len(store.layers()) == 2


def test_incomplete_layers_of_a_killed_process_go(tmp_path: Path) -> None:
    store = Store.open(options(tmp_path))
    keep = put(store, ONE)
    path = Path(store.graphroot, "vfs-layers/layers.json")
    rows = json.loads(path.read_text())
    dead = "d" * 64
    (Path(store.graphroot, "vfs/dir") / dead).mkdir()
    path.write_text(json.dumps([*rows, {"id": dead, "created": "x", "flags": {"incomplete": True}}]))
    assert [r.id for r in store.layers()] == [keep]  # not there for a reader
    child = put(store, TWO, keep)  # and gone with the next writer
    assert [r["id"] for r in json.loads(path.read_text())] == [keep, child]
    assert not (Path(store.graphroot, "vfs/dir") / dead).exists()


def test_damaged_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "g/vfs-images").mkdir(parents=True)
    for text in ("[{", '{"id":1}', "[1]", '[{"id":5}]'):
        (tmp_path / "g/vfs-images/images.json").write_text(text)
        with pytest.raises(StoreDamaged, match=r"images\.json is damaged"):
            Store.open(options(tmp_path)).images()
    (tmp_path / "g/vfs-images/images.json").write_text("")
    assert Store.open(options(tmp_path)).images() == []


def test_duplicate_names_are_mended(tmp_path: Path) -> None:
    path = tmp_path / "g/vfs-images/images.json"
    path.parent.mkdir(parents=True)
    rows = [{"id": c * 64, "names": ["x:1"], "created": "t", "strange": 1} for c in "ab"]
    path.write_text(json.dumps(rows))
    store = Store.open(options(tmp_path))
    assert store.image("x:1").id == "b" * 64
    store.add_image_names("b" * 64, ["y:1"])
    first, second = json.loads(path.read_text())
    assert "names" not in first and first["strange"] == 1
    assert second["names"] == ["y:1", "x:1"]


def test_additional_store_is_read_and_never_written(tmp_path: Path) -> None:
    shared = Store.open(options(tmp_path / "shared"))
    image = make_image(shared, "localhost/a:1")
    before = sorted((p, p.stat().st_mtime_ns) for p in Path(shared.graphroot).rglob("*"))
    mine = Store.open(StoreOptions(graphroot=str(tmp_path / "g"), runroot=str(tmp_path / "r"), driver="vfs",
                                   stores=[shared.graphroot]))  # fmt: skip
    assert mine.image("localhost/a:1").read_only
    container = mine.create_container(names=["c"], image="localhost/a:1")
    assert mine.layer(container.layer).parent == shared.image(image).layer
    assert Path(mine.graphroot, "vfs/dir", container.layer, "c").read_bytes() == b"third"
    with pytest.raises(StorageError, match="cannot remove read-only image"):
        mine.delete_image(image)
    mine.add_image_names(image, ["localhost/mine:1"])
    assert mine.image("localhost/mine:1").layer == shared.image(image).layer
    mine.delete_container("c")
    mine.delete_image("localhost/mine:1")
    assert sorted((p, p.stat().st_mtime_ns) for p in Path(shared.graphroot).rglob("*")) == before


def test_a_successor_with_the_same_mark_is_noticed(tmp_path: Path) -> None:
    """Inode numbers are used again at once, and clocks tick: two versions of a file may look the same to stat."""
    one, two = Store.open(options(tmp_path)), Store.open(options(tmp_path))
    first = one.create_image(names=["localhost/a:1"], data=[("manifest", b"x", "")]).id
    assert two.image("localhost/a:1").id == first
    seen = two._images.files[0].mark
    one.set_image_names(first, ["localhost/b:1"])
    two._images.files[0].mark = one._images.files[0].mark  # as if it had been the same
    assert seen is not None
    assert two.image("localhost/b:1").id == first
    two.add_image_names(first, ["localhost/c:1"])
    assert one.image("localhost/c:1").names == ["localhost/c:1", "localhost/b:1"]


def test_mount_counts_of_many_writers(tmp_path: Path) -> None:
    store = Store.open(options(tmp_path))
    layers = [store.create_container(names=[f"c{n}"]).layer for n in range(4)]
    failed: list[BaseException] = []

    def work(name: str) -> None:
        try:
            own = Store.open(options(tmp_path))
            for _ in range(40):
                own.mount(name)
                assert own.mounted(name) == 1
                assert own.unmount(name)
        except BaseException as exc:
            failed.append(exc)

    threads = [threading.Thread(target=work, args=(f"c{n}",)) for n in range(len(layers))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
