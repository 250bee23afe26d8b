"""One store, two tool sets: what ocikit.storage writes the distribution's tools use, and the other way round."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocikit.storage import Store, StoreOptions
from tests.support import images, machine, storeimage
from tests.support.sandbox import Sandbox, real

pytestmark = pytest.mark.root


@pytest.fixture
def box() -> Iterator[Sandbox]:
    machine.skip(machine.why_not_containers())
    real("podman")
    sandbox = Sandbox()
    # Give way to the other side at the end: nothing of ours may be mounted.
    try:
        yield sandbox
    finally:
        with open_store(sandbox) as store:
            store.shutdown(force=True)
        left = sandbox.close()
    assert not left, left


def open_store(box: Sandbox) -> Store:
    return Store.open(StoreOptions(graphroot=str(box.root), runroot=str(box.runroot), driver=box.driver, options=[]))


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    folder = tmp_path / "layout"
    folder.mkdir()
    extra = images.tar_layer({"etc/hello": b"from layer two\n", "etc/.wh.group": b"", "deep/a/b": b"x"})
    images.busybox_layout(folder, extra=[extra])
    return folder


RUN = ("run", "--rm", "--network=none")


def test_ours_is_theirs(box: Sandbox, layout: Path, tmp_path: Path) -> None:
    with open_store(box) as store:
        image = storeimage.put_layout(store, layout, ["localhost/ours:1"])
        digests = [layer.diff_digest for layer in store.chain(image.layer)]
    listed = json.loads(box.real_podman("images", "--format=json").stdout)
    assert [(i["Id"], i["Names"]) for i in listed] == [(image.id, ["localhost/ours:1"])]
    assert box.real_podman(*RUN, "ours:1", "cat", "/etc/hello").stdout == "from layer two\n"
    assert box.real_podman(*RUN, "ours:1", "ls", "/etc/group", check=False).returncode == 1
    # pushed from layers that we unpacked: the very same bytes
    box.real_podman("push", "--quiet", "ours:1", f"dir:{tmp_path}/pushed")
    manifest = json.loads((tmp_path / "pushed/manifest.json").read_text())
    assert [layer["digest"] for layer in reversed(manifest["layers"])] == digests
    # committed on, and both removed by them
    box.real_podman("run", "--name=c", "--network=none", "ours:1", "touch", "/theirs")
    box.real_podman("commit", "--quiet", "c", "localhost/theirs:1")
    with open_store(box) as store:
        assert len(store.chain(store.image("localhost/theirs:1").layer)) == 3
        assert Path(store.mount_image("localhost/theirs:1"), "theirs").exists()
        store.unmount_image("localhost/theirs:1")
        assert store.changes("c")[-1] == ("A", "/theirs")
    box.real_podman("rm", "c")
    box.real_podman("rmi", "theirs:1", "ours:1")
    with open_store(box) as store:
        assert store.images() == [] and store.layers() == [] and store.containers() == []


def test_theirs_is_ours(box: Sandbox, layout: Path) -> None:
    box.real_skopeo("copy", "--quiet", f"oci:{layout}:latest", box.storage_name("localhost/theirs:1"))
    box.real_podman("create", "--name=their-container", "--network=none", "theirs:1", "true")
    with open_store(box) as store:
        image = store.image("localhost/theirs:1")
        assert image.id == hashlib.sha256(store.image_data(image.id, f"sha256:{image.id}")).hexdigest()
        top = store.layer(image.layer)
        with store.diff(top.id) as stream:
            assert "sha256:" + hashlib.sha256(stream.read()).hexdigest() == top.diff_digest
        theirs = store.container("their-container")
        assert theirs.image == image.id
        path = Path(store.mount(theirs.id))
        assert (path / "etc/hello").read_text() == "from layer two\n"
        (path / "ours").write_text("written by us\n")
        assert store.unmount(theirs.id)
        # the same image put again changes nothing
        assert storeimage.put_layout(store, layout, ["localhost/again:1"]).id == image.id
        assert len(store.layers()) == 3
    assert "ours" in box.real_podman("diff", "their-container").stdout
    listed = json.loads(box.real_podman("images", "--format=json").stdout)
    assert {n for i in listed for n in i["Names"]} == {"localhost/again:1", "localhost/theirs:1"}
    with open_store(box) as store:
        store.delete_container("their-container")
        assert len(store.delete_image("localhost/again:1")) == 2
    assert json.loads(box.real_podman("images", "--format=json").stdout) == []


def test_our_container_is_external_to_them_and_counts_are_shared(box: Sandbox, layout: Path) -> None:
    with open_store(box) as store:
        storeimage.put_layout(store, layout, ["localhost/ours:1"])
        container = store.create_container(names=["mine"], image="localhost/ours:1")
        path = store.mount("mine")
    listed = json.loads(box.real_podman("ps", "--all", "--external", "--format=json").stdout)
    assert [(c["Id"], c["Names"], c["Command"]) for c in listed] == [(container.id, ["mine"], ["storage"])]
    assert box.real_podman("mount", "mine").stdout.strip() == path
    with open_store(box) as store:
        assert store.mounted("mine") == 2
        assert not store.unmount("mine")
    box.real_podman("umount", "mine")
    with open_store(box) as store:
        assert store.mounted("mine") == 0
    box.real_podman("rm", "mine")
    with open_store(box) as store:
        assert store.containers() == []


def test_buildah_works_on_our_image(box: Sandbox, layout: Path) -> None:
    real("buildah")
    with open_store(box) as store:
        storeimage.put_layout(store, layout, ["localhost/ours:1"])
    name = box.real_buildah("from", "--pull-never", "localhost/ours:1").stdout.strip()
    with open_store(box) as store:
        working = store.container(name)
        assert working.volatile
        Path(store.mount(name), "added").write_text("x")
        store.unmount(name)
    box.real_buildah("commit", "--quiet", name, "localhost/built:1")
    with open_store(box) as store:
        assert Path(store.mount_image("localhost/built:1"), "added").exists()
        store.unmount_image("localhost/built:1")
        store.delete_container(name)
    assert box.real_buildah("containers", "--quiet").stdout == ""


WRITER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from ocikit.storage import Store, StoreOptions
from ocikit.storage.errors import LayerNotMounted
from tests.support import storeimage
root, run, layout, number, until = sys.argv[2:7]
done = 0
while time.time() < float(until):
    with Store.open(StoreOptions(graphroot=root, runroot=run, driver="overlay", options=[])) as store:
        storeimage.put_layout(store, Path(layout), [f"localhost/w{number}:{done}"])
        name = f"w{number}-{done}"
        store.create_container(names=[name], image="localhost/base:1", volatile=bool(done % 3))
        store.mount(name)
        # Tools of podman 4's generation may hide a mount at any moment, or write an old table of mounts over ours.
        for attempt in range(5):
            try:
                path = Path(store.ensure_mounted(name))
            except LayerNotMounted:
                path = Path(store.mount(name))
            if (path / "bin/busybox").exists():
                break
        else:
            raise AssertionError("the root file system is hidden")
        store.unmount(name)
        assert store.container(name).names == [name]
        if done % 3:
            store.delete_container(name)
        store.remove_image_names(f"localhost/w{number}:{done}", [f"localhost/w{number}:{done}"])
    done += 1
print(done)
"""


def test_writers_of_both_kinds_at_once(box: Sandbox, layout: Path) -> None:
    """Ours, podman, skopeo and buildah on one store for some seconds: no error, no lost record."""
    with open_store(box) as store:
        storeimage.put_layout(store, layout, ["localhost/base:1", "localhost/keep:1"])
    until = time.time() + int(os.environ.get("OCIKIT_TEST_SECONDS", "10"))
    repository = Path(__file__).resolve().parents[2]
    ours = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, str(repository), str(box.root), str(box.runroot), str(layout), str(n),
             str(until)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=box.env,
        )
        for n in range(2)
    ]  # fmt: skip
    podman = " ".join([real("podman"), *box.podman_flags()])
    loops = {
        "podman": f"{podman} create --network=none --name=p$i base:1 true >/dev/null && {podman} rm p$i >/dev/null",
        "skopeo": f"{real('skopeo')} copy -q oci:{layout}:latest {box.storage_name('localhost/s:$i')}",
    }
    theirs = []
    for name, command in loops.items():
        script = f"i=0; while [ $(date +%s) -lt {int(until)} ]; do {command} || exit 1; i=$((i+1)); done; echo $i"
        theirs.append((name, subprocess.Popen(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                              text=True, env=box.env)))  # fmt: skip
    counts = {}
    for number, process in enumerate(ours):
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, err
        counts[f"w{number}"] = int(out)
    for name, process in theirs:
        out, err = process.communicate(timeout=400)
        assert process.returncode == 0, f"{name}: {err}"
        counts[name] = int(out)
    with open_store(box) as store:
        names = {n for image in store.images() for n in image.names}
        assert {"localhost/keep:1", "localhost/base:1"} <= names
        assert {f"localhost/s:{i}" for i in range(counts["skopeo"])} <= names
        kept = {f"w{w}-{i}" for w in range(2) for i in range(counts[f"w{w}"]) if not i % 3}
        assert {n for c in store.containers() for n in c.names} == kept
        layers = {layer.id for layer in store.layers()}
        assert {c.layer for c in store.containers()} <= layers
        assert {d for d in os.listdir(box.root / "overlay") if len(d) == 64} == layers
    # Podman 4.3 knows nothing of volatile-containers.json; those that were kept are not volatile.
    assert len(json.loads(box.real_podman("ps", "--all", "--external", "--format=json").stdout)) == len(kept)
    assert box.real_podman("run", "--rm", "--network=none", "base:1", "echo", "fine").stdout == "fine\n"
