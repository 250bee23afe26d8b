"""Stores that are put together differently: a mount program, a separate image store, records that die at boot, several stores."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocikit.storage import Store, StoreOptions
from ocikit.storage.errors import StorageError
from tests.support import images, leaks, machine

pytestmark = pytest.mark.root


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Store]]:
    machine.skip(machine.why_not_containers())
    made: list[Store] = []

    def open_store(name: str = "", **options: object) -> Store:
        options.setdefault("options", [])
        options.setdefault("driver", "overlay")
        store = Store.open(StoreOptions(str(tmp_path / f"g{name}"), str(tmp_path / f"r{name}"), **options))  # type: ignore[arg-type]
        made.append(store)
        return store

    yield open_store
    for store in made:
        store.shutdown(force=True)
    assert not leaks.mounts_below(str(tmp_path))


def put_image(store: Store, *names: str) -> str:
    one = images.tar_layer({"base": b"0", "dir": None, "dir/old": b"old", "gone": b""})
    two = images.tar_layer({"file": b"1", ".wh.gone": b"", "dir": None, "dir/.wh..wh..opq": b"", "dir/new": b"2"},
                           modes={"file": 0o644})  # fmt: skip
    top = None
    for tar in (one, two):
        top = store.put_layer(store.stage_layer(io.BytesIO(tar)), top).id
    return store.create_image(names=names, layer=top, data=[("manifest", b"{}", "")]).id


CONTENT = ["base", "dir", "dir/new", "file"]


def content(path: str) -> list[str]:
    return sorted(str(p.relative_to(path)) for p in Path(path).rglob("*"))


def test_mount_program(make: Callable[..., Store]) -> None:
    program = machine.find("fuse-overlayfs")
    machine.skip(machine.why_not_tool("fuse-overlayfs") or ("" if os.path.exists("/dev/fuse") else "no /dev/fuse"))
    store = make(options=[f"overlay.mount_program={program}"])
    image = put_image(store, "localhost/i:1")
    assert Path(store.graphroot, "overlay/.has-mount-program").read_text() == "true"
    top = store.image(image).layer
    assert Path(store.graphroot, "overlay", top, "diff/.wh.gone").is_file()  # plain files, for the program
    store.create_container(names=["c"], image="localhost/i:1")
    path = store.mount("c")
    assert content(path) == CONTENT
    Path(path, "base").unlink()
    Path(path, "mine").write_bytes(b"123")
    assert store.changes("c") == [("D", "/base"), ("A", "/mine")]
    with store.diff("c") as stream:
        assert tarfile.open(fileobj=io.BytesIO(stream.read())).getnames() == [".wh.base", "mine"]
    assert store.unmount("c")
    # without the option the flag file says which way the store is used
    again = make()
    assert content(again.mount("c")) == ["dir", "dir/new", "file", "mine"]
    assert "fuse" in next(line for line in Path("/proc/self/mountinfo").read_text().splitlines() if path in line)
    again.unmount("c")
    for layer in store.chain(top):
        with store.diff(layer.id) as stream:
            import hashlib

            assert "sha256:" + hashlib.sha256(stream.read()).hexdigest() == layer.diff_digest
    store.delete_container("c")
    assert store.check().ok


def test_mount_program_with_force_mask(make: Callable[..., Store]) -> None:
    program = machine.find("fuse-overlayfs")
    machine.skip(machine.why_not_tool("fuse-overlayfs") or ("" if os.path.exists("/dev/fuse") else "no /dev/fuse"))
    store = make(options=[f"overlay.mount_program={program}", "overlay.force_mask=shared"])
    image = put_image(store, "localhost/i:1")
    top = store.image(image).layer
    file = Path(store.graphroot, "overlay", top, "diff/file")
    assert file.stat().st_mode & 0o7777 == 0o755
    assert os.getxattr(file, "user.containers.override_stat").startswith(b"0:0:0644")
    store.create_container(names=["c"], image="localhost/i:1")
    assert (Path(store.mount("c")) / "file").stat().st_mode & 0o7777 == 0o644
    store.unmount("c")


def test_a_mount_program_that_fails_is_quoted(make: Callable[..., Store], tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_text("#!/bin/sh\necho 'fuse: device not found' >&2\nexit 3\n")
    program.chmod(0o755)
    store = make(options=[f"overlay.mount_program={program}"])
    put_image(store, "localhost/i:1")
    store.create_container(names=["c"], image="localhost/i:1")
    with pytest.raises(StorageError, match="fuse: device not found"):
        store.mount("c")
    assert store.mounted("c") == 0


def test_separate_image_store(make: Callable[..., Store], tmp_path: Path) -> None:
    place = tmp_path / "images"
    store = make(imagestore=str(place))
    image = put_image(store, "localhost/i:1")
    container = store.create_container(names=["c"], image="localhost/i:1")
    top = store.image(image).layer
    assert {r["id"] for r in json.loads((place / "overlay-layers/layers.json").read_text())} == {
        layer.id for layer in store.chain(top)
    }
    assert [r["id"] for r in json.loads(Path(store.graphroot, "overlay-layers/layers.json").read_text())] == [
        container.layer
    ]
    assert (place / "overlay-images/images.json").exists() and (place / "overlay" / top / "diff").is_dir()
    assert Path(store.graphroot, "overlay-layers", f"{top}.tar-split.gz").exists()
    assert Path(store.graphroot, "overlay", container.layer, "diff").is_dir()
    assert len((place / "overlay-layers/layers.lock").read_bytes()) == 64
    assert content(store.mount("c")) == CONTENT
    store.unmount("c")
    assert content(store.mount_image(image)) == CONTENT
    store.unmount_image(image)
    assert store.check(max_age_s=-1).lines() == []
    again = make(imagestore=str(place))
    assert again.image("localhost/i:1").id == image
    usage = store.usage()
    du = subprocess.run(["du", "-sc", "-B1", store.graphroot, str(place)], capture_output=True, text=True, check=True)
    assert usage.total == int(du.stdout.splitlines()[-1].split()[0])
    store.delete_container("c")
    store.delete_image(image)
    assert store.layers() == []


def test_transient_records_die_with_the_runroot(make: Callable[..., Store]) -> None:
    store = make(transient=True)
    put_image(store, "localhost/i:1")
    store.create_container(names=["c"], image="localhost/i:1")
    run = Path(store.runroot)
    assert len(json.loads((run / "overlay-containers/volatile-containers.json").read_text())) == 1
    assert len(json.loads((run / "overlay-layers/volatile-layers.json").read_text())) == 1
    assert (run / "overlay-containers/containers.lock").exists()
    assert content(store.mount("c")) == CONTENT
    store.shutdown(force=True)
    subprocess.run(["rm", "-rf", run], check=True)  # a boot
    after = make(transient=True)
    assert after.containers() == []
    assert len(after.layers()) == 2
    assert after.collect_garbage() > 0
    assert after.check().ok


def test_additional_store_below_containers(make: Callable[..., Store]) -> None:
    shared = make("shared")
    image = put_image(shared, "localhost/i:1")
    before = subprocess.run(
        ["find", shared.graphroot, "-printf", "%p %T@ %s\n"], capture_output=True, check=True
    ).stdout
    store = make(stores=[shared.graphroot])
    container = store.create_container(names=["c"], image="localhost/i:1")
    path = store.mount("c")
    assert content(path) == CONTENT
    Path(path, "mine").touch()
    assert store.changes("c") == [("A", "/mine")]
    store.unmount("c")
    mounted = store.mount_image(image)
    assert mounted.startswith(store.runroot) and content(mounted) == CONTENT
    store.unmount_image(image)
    with store.diff(store.image(image).layer) as stream:
        assert len(stream.read()) == store.layer(store.image(image).layer).diff_size
    # a layer of our own on top of theirs
    own = store.put_layer(store.stage_layer(io.BytesIO(images.tar_layer({"top": b"x"}))), store.image(image).layer)
    store.create_image(names=["localhost/own:1"], layer=own.id, data=[("manifest", b"{}", "")])
    assert content(store.mount_image("localhost/own:1")) == [*CONTENT, "top"]
    store.unmount_image("localhost/own:1")
    assert store.delete_image("localhost/own:1") == [own.id]
    store.delete_container(container.id)
    after = subprocess.run(["find", shared.graphroot, "-printf", "%p %T@ %s\n"], capture_output=True, check=True).stdout
    assert after == before


def test_mount_options(make: Callable[..., Store]) -> None:
    store = make(options=["overlay.mountopt=nodev,metacopy=on,noatime"])
    put_image(store, "localhost/i:1")
    store.create_container(names=["c"], image="localhost/i:1")
    path = store.mount("c")
    line = next(row for row in Path("/proc/self/mountinfo").read_text().splitlines() if f" {path} " in row)
    assert "nodev" in line and "noatime" in line and "metacopy=on" in line
    Path(path, "base").chmod(0o600)  # its contents stay below
    assert store.changes("c") == [("C", "/base")]
    with store.diff("c") as stream:
        tar = tarfile.open(fileobj=io.BytesIO(stream.read()))
        member = tar.extractfile("base")
        assert member is not None and member.read() == b"0"
    store.unmount("c")
    store.create_container(names=["ro"], image="localhost/i:1", mount_options=["ro", "nosuid"])
    path = store.mount("ro")
    with pytest.raises(OSError, match="Read-only"):
        Path(path, "x").touch()
    store.unmount("ro")


def test_vfs_containers(make: Callable[..., Store]) -> None:
    store = make(driver="vfs")
    put_image(store, "localhost/i:1")
    ranges = ((0, 700000, 65536),)
    store.create_container(names=["c"], image="localhost/i:1")
    path = store.mount("c")
    assert content(path) == CONTENT
    Path(path, "base").unlink()
    Path(path, "mine").write_bytes(b"12345")
    assert store.changes("c") == [("D", "/base"), ("A", "/mine")]
    assert store.diff_size("c") == 5
    with store.diff("c") as stream:
        assert tarfile.open(fileobj=io.BytesIO(stream.read())).getnames() == [".wh.base", "mine"]
    assert store.unmount("c")
    store.create_container(names=["m"], image="localhost/i:1", uidmap=ranges, gidmap=ranges)
    assert Path(store.mount("m"), "file").stat().st_uid == 700000
    store.unmount("m")
    assert store.check(max_age_s=-1).ok
    with pytest.raises(StorageError, match="vfs driver does not support mount options"):
        store.mount("c", ["nodev"])
