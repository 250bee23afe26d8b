"""The overlay driver with real mounts, as root."""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocikit.common import linux
from ocikit.storage import Store, StoreOptions
from ocikit.storage.drivers import mounts
from ocikit.storage.errors import StorageError
from tests.support import images, leaks, machine

pytestmark = pytest.mark.root


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    machine.skip(machine.why_not_containers())
    with Store.open(
        StoreOptions(graphroot=str(tmp_path / "g"), runroot=str(tmp_path / "r"), driver="overlay", options=[])
    ) as store:
        try:
            yield store
        finally:
            store.shutdown(force=True)
    left = leaks.mounts_below(str(tmp_path))
    assert not left


def put(store: Store, files: dict[str, bytes | str | None], parent: str | None = None) -> str:
    return store.put_layer(store.stage_layer(io.BytesIO(images.tar_layer(files))), parent).id


def image(store: Store, depth: int = 2) -> str:
    top = put(store, {"base": b"0", "dir": None, "dir/old": b"old"})
    for number in range(1, depth):
        top = put(store, {f"file{number}": b"%d" % number}, top)
    return store.create_image(names=["localhost/i:1"], layer=top, data=[("manifest", b"{}", "")]).id


def test_container_is_writable_and_counted(store: Store) -> None:
    image(store)
    container = store.create_container(names=["c"], image="localhost/i:1")
    path = Path(store.mount("c"))
    assert (path / "base").read_bytes() == b"0"
    assert store.mount("c") == str(path)
    assert store.mounted("c") == 2
    assert store.mount_point("c") == str(path)
    (path / "new").write_text("x")
    assert not store.unmount("c")
    assert store.unmount("c")
    assert store.mounted("c") == 0
    assert not store.unmount("c")
    assert os.listdir(path) == []
    assert Path(store.mount("c"), "new").read_text() == "x"
    store.delete_container(container.id)  # mounted as it is
    assert store.layers()[-1].id != container.layer
    assert len(store.delete_image("localhost/i:1")) == 2


def test_image_mount_is_read_only(store: Store) -> None:
    image(store, 1)
    path = Path(store.mount_image("localhost/i:1"))
    assert (path / "dir/old").read_bytes() == b"old"
    with pytest.raises(OSError, match="Read-only"):
        (path / "x").touch()
    assert store.unmount_image("localhost/i:1")


def test_changes_and_their_tar(store: Store) -> None:
    image(store)
    container = store.create_container(names=["c"], image="localhost/i:1")
    root = Path(store.mount("c"))
    (root / "base").unlink()
    (root / "dir/old").write_bytes(b"newer")
    (root / "made").mkdir()
    (root / "made/file").write_bytes(b"12345678")
    expected = [("D", "/base"), ("C", "/dir"), ("C", "/dir/old"), ("A", "/made"), ("A", "/made/file")]
    for _ in ("mounted", "unmounted"):
        assert store.changes("c") == expected
        with store.diff("c") as stream:
            data = b"".join(iter(lambda: stream.read(1 << 16), b""))
        names = tarfile.open(fileobj=io.BytesIO(data)).getnames()
        assert names == [".wh.base", "dir", "dir/old", "made", "made/file"]
        assert store.diff_size(container.id) == 13
        store.unmount("c")
    with store.diff(container.layer, "") as stream:  # all of it
        assert "file1" in tarfile.open(fileobj=io.BytesIO(stream.read())).getnames()


def test_volatile_layer_can_be_mounted_again_after_a_crash(store: Store) -> None:
    image(store)
    container = store.create_container(names=["c"], image="localhost/i:1", volatile=True)
    path = store.mount("c")
    line = next(entry for entry in Path("/proc/self/mountinfo").read_text().splitlines() if f" {path} " in entry)
    assert "volatile" in line
    Path(path, "x").touch()
    store.unmount("c")
    assert Path(store.graphroot, "overlay", container.layer, "work/work/incompat/volatile").exists()
    assert os.path.exists(Path(store.mount("c"), "x"))


@pytest.mark.parametrize("way", ["new interface", "descriptors"])
def test_many_layers(store: Store, way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    depth = 150
    image(store, depth)
    if way == "descriptors":

        def refuse(*args: object) -> None:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(mounts, "_mount_many", refuse)
    store.create_container(names=["c"], image="localhost/i:1")
    path = store.mount("c")
    assert len(os.listdir(path)) == depth + 1
    Path(path, "new").touch()


def test_more_layers_than_overlay_stacks(store: Store) -> None:
    top = put(store, {"base": b"0"})
    lower = ":".join(["l/ABCDEFGHIJKLMNOPQRSTUVWXYZ"] * 500)
    Path(store.graphroot, "overlay", top, "lower").write_text(lower)
    with pytest.raises(StorageError, match="max depth exceeded"):
        put(store, {"one": b"more"}, top)


def test_ids_are_shifted_by_the_mount(store: Store) -> None:
    image(store)
    ranges = ((0, 100000, 65536),)
    container = store.create_container(names=["c"], image="localhost/i:1", uidmap=ranges, gidmap=ranges)
    path = Path(store.mount("c"))
    assert (path / "base").stat().st_uid == 100000
    assert path.stat().st_uid == 100000
    (path / "base").write_bytes(b"copied up")
    assert store.changes("c") == [("C", "/base")]
    with store.diff("c") as stream:
        member = tarfile.open(fileobj=io.BytesIO(stream.read())).getmember("base")
    assert (member.uid, member.gid) == (0, 0)
    assert Path(store.graphroot, "overlay", container.layer, "diff/base").stat().st_uid == 100000
    assert len(store.layers()) == 3  # no copy of the image


def test_lost_links_are_made_again(store: Store) -> None:
    image(store)
    links = Path(store.graphroot, "overlay/l")
    for link in links.iterdir():
        link.unlink()
    store.create_container(names=["c"], image="localhost/i:1")
    assert sorted(os.listdir(store.mount("c"))) == ["base", "dir", "file1"]


def test_mount_that_went_away_is_made_again(store: Store) -> None:
    image(store)
    store.create_container(names=["c"], image="localhost/i:1")
    path = store.mount("c")
    os.system(f"umount {path}")
    assert os.listdir(store.mount("c")) != []
    assert store.mounted("c") == 2


def test_shutdown_says_what_is_mounted(store: Store) -> None:
    image(store)
    container = store.create_container(names=["c"], image="localhost/i:1")
    store.mount("c")
    assert store.shutdown() == [container.layer]
    assert store.shutdown(force=True) == []
    assert store.mounted("c") == 0


def test_a_home_bound_over_our_mount(store: Store) -> None:
    """What podman 4 may do when it starts at the wrong moment; and when it ends at the wrong moment."""
    image(store)
    store.create_container(names=["c"], image="localhost/i:1")
    path = store.mount("c")
    home = f"{store.graphroot}/overlay"
    linux.mount(home, home, None, linux.MS_BIND)
    assert os.listdir(path) == []
    assert store.ensure_mounted("c") == path
    assert "base" in os.listdir(path)
    linux.umount2(home, linux.MNT_DETACH)
    assert os.listdir(path) == []
    assert store.ensure_mounted("c") == path
    assert "base" in os.listdir(path)
    assert store.mounted("c") == 1
    store.unmount("c")
    with pytest.raises(StorageError, match="layer is not mounted"):
        store.ensure_mounted("c")


def test_what_is_mounted_below_is_no_obstacle_to_removal(store: Store) -> None:
    image(store)
    container = store.create_container(names=["c"], image="localhost/i:1")
    inner = Path(store.graphroot, "overlay", container.layer, "diff/with blank")
    inner.mkdir()
    linux.mount("none", str(inner), "tmpfs")
    store.delete_container("c")
    assert not inner.exists()
