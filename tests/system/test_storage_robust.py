"""kill -9 at random moments, and disks that fill up: the next command works, nothing reported as done is lost."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocikit.storage import Store, StoreOptions
from tests.support import images, leaks, machine, storeimage

pytestmark = pytest.mark.root
REPOSITORY = Path(__file__).resolve().parents[2]
KILLS = int(os.environ.get("OCIKIT_TEST_KILLS", "12"))


def open_store(folder: Path) -> Store:
    return Store.open(
        StoreOptions(graphroot=str(folder / "g"), runroot=str(folder / "r"), driver="overlay", options=[])
    )


@pytest.fixture
def folder() -> Iterator[Path]:
    machine.skip(machine.why_not_containers())
    path = Path(tempfile.mkdtemp(prefix="oci-", dir="/tmp"))  # podman refuses runroots of more than 50 characters
    yield path
    with open_store(path) as store:
        store.shutdown(force=True)
    for mounted in leaks.mounts_below(str(path)):
        subprocess.run(["umount", "-l", mounted], check=False)
    shutil.rmtree(path)


@pytest.fixture
def layouts(tmp_path: Path) -> list[Path]:
    """Images with some hundred files, two layers, the lower one shared."""
    base = images.tar_layer({f"dir{n % 7}/file{n}": b"x" * (n * 37 % 5000) for n in range(300)})
    made = []
    for number in range(3):
        path = tmp_path / f"layout{number}"
        path.mkdir()
        images.oci_layout(path, [base, images.tar_layer({f"own{number}": b"y" * 100000, "dir1/.wh.file1": b""})])
        made.append(path)
    return made


WORK = """
import sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from ocikit.storage import Store, StoreOptions
from tests.support import storeimage
def say(*words): print(*words, flush=True)
layouts = [Path(p) for p in sys.argv[4:]]
store = Store.open(StoreOptions(graphroot=sys.argv[2], runroot=sys.argv[3], driver="overlay", options=[]))
n = 0
while True:
    for number, layout in enumerate(layouts):
        storeimage.put_layout(store, layout, [f"localhost/i{number}:1"])
        say("image", f"localhost/i{number}:1")
        store.create_container(id=None, names=[f"c{n}"], image=f"localhost/i{number}:1", volatile=bool(n % 2))
        say("container", f"c{n}")
        path = Path(store.mount(f"c{n}")); (path / "new").write_text("x"); store.unmount(f"c{n}")
        say("gone", f"c{n}")
        store.delete_container(f"c{n}")
        n += 1
    for number in range(len(layouts)):
        say("gone", f"localhost/i{number}:1")
        store.delete_image(f"localhost/i{number}:1")
"""


def test_kill_at_any_moment(folder: Path, layouts: list[Path]) -> None:
    rng = random.Random(7)
    command = [sys.executable, "-c", WORK, str(REPOSITORY), str(folder / "g"), str(folder / "r"), *map(str, layouts)]
    for _ in range(KILLS):
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None and process.stderr is not None
            first = process.stdout.readline()
            time.sleep(rng.random() * 0.25)
            process.send_signal(signal.SIGKILL)
            said = first + process.stdout.read()
            errors = process.stderr.read()
        assert first, errors
        done: set[str] = set()
        for line in said.splitlines():
            what, _, name = line.partition(" ")
            (done.discard if what == "gone" else done.add)(name)
        with open_store(folder) as store:
            for name in done:  # what had been reported is there, whole
                if name.startswith("localhost/"):
                    image = store.image(name)
                    assert store.image_data(image.id, "manifest")
                    assert len(store.chain(image.layer)) == 2
                else:
                    assert Path(store.mount(name), "dir0").is_dir()
                    store.unmount(name)
            assert not store.check().layers
            for container in store.containers():
                store.delete_container(container.id)
    real = "/usr/bin/podman"
    if os.access(real, os.X_OK):
        flags = [f"--root={folder}/g", f"--runroot={folder}/r", f"--tmpdir={folder}/t", "--cgroup-manager=cgroupfs"]
        listed = subprocess.run([real, *flags, "images"], check=False, capture_output=True, text=True)
        assert listed.returncode == 0, listed.stderr
    with open_store(folder) as store:
        store.repair(store.check(max_age_s=-1), force=True)
        store.wipe()
        assert store.check().lines() == []
        left = [p for p in (folder / "g/overlay").rglob("*") if not p.is_dir() and p.name != ".has-mount-program"]
        assert left == []
        usage = store.usage()
        assert not usage.layers and not usage.images and sum(usage.orphans.values()) < 100_000


def fill(path: Path, leave: int) -> None:
    """A file that takes all space of the file system but ``leave`` bytes."""
    status = os.statvfs(path)
    size = status.f_bavail * status.f_bsize - leave
    fd = os.open(path / "ballast", os.O_WRONLY | os.O_CREAT)
    try:
        os.posix_fallocate(fd, 0, max(size, 1))
    finally:
        os.close(fd)


def test_disk_full_at_each_stage(folder: Path, layouts: list[Path]) -> None:
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m,nr_inodes=4000", "full", disk], check=True)
    try:
        options = StoreOptions(graphroot=str(disk / "g"), runroot=str(folder / "r"), driver="overlay", options=[])
        with Store.open(options) as store:
            keep = storeimage.put_layout(store, layouts[0], ["localhost/keep:1"])
            failures = 0
            for leave in range(0, 1_200_000, 24_576):
                fill(disk, leave)
                try:
                    with Store.open(options) as other:
                        storeimage.put_layout(other, layouts[1], ["localhost/more:1"])
                        other.create_container(names=["c"], image="localhost/more:1")
                        Path(other.mount("c"), "big").write_bytes(b"z" * 50_000)
                except Exception as exc:
                    failures += 1
                    assert "No space left" in str(exc), exc
                # while it is still full: everything can be read, and things can be removed
                assert store.image("localhost/keep:1").id == keep.id
                assert store.image_data(keep.id, "manifest")
                (disk / "ballast").unlink()
                for container in store.containers():
                    store.unmount(container.id, force=True)
                    store.delete_container(container.id)
                if any("localhost/more:1" in image.names for image in store.images()):
                    store.delete_image("localhost/more:1")
                for layer in store.layers():
                    if layer.parent and layer.id != keep.layer:
                        store.delete_layer(layer.id)
                assert store.check().lines() == []
            assert failures > 5
            store.wipe()
            store.shutdown()
            assert sum(store.usage().orphans.values()) < 10_000
    finally:
        for mounted in leaks.mounts_below(str(disk)):
            subprocess.run(["umount", "-l", mounted], check=True)


def test_deleting_on_a_full_disk(folder: Path, layouts: list[Path]) -> None:
    """Somebody whose disk is full deletes images: that must work with nothing left at all."""
    disk = folder / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16m", "full", disk], check=True)
    try:
        options = StoreOptions(graphroot=str(disk / "g"), runroot=str(folder / "r"), driver="overlay", options=[])
        with Store.open(options) as store:
            storeimage.put_layout(store, layouts[0], ["localhost/a:1"])
            store.create_container(names=["c"], image="localhost/a:1")
            fill(disk, 0)
            store.delete_container("c")
            store.delete_image("localhost/a:1")
            assert store.layers() == []
    finally:
        subprocess.run(["umount", "-l", disk], check=True)
