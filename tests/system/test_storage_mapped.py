"""Containers with id maps: shifted by the kernel, by a copy that is kept, or by hand; maps that are found."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocikit.storage import Store, StoreOptions
from ocikit.storage.autouserns import AutoUserNs
from ocikit.storage.drivers.overlay import Overlay
from tests.support import images, leaks, machine
from tests.support.users import User

pytestmark = pytest.mark.root
MAP = ((0, 700000, 65536),)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    machine.skip(machine.why_not_containers())
    options = StoreOptions(graphroot=str(tmp_path / "g"), runroot=str(tmp_path / "r"), driver="overlay", options=[])
    with Store.open(options) as store:
        make_image(store)
        try:
            yield store
        finally:
            store.shutdown(force=True)
    assert not leaks.mounts_below(str(tmp_path))


def make_image(store: Store) -> None:
    base = images.tar_layer({"etc": None, "etc/passwd": b"root:x:0:0::/:\nweb:x:3000:3000::/:\n", "tool": b"#!", "old": b""},
                            modes={"tool": 0o4755})  # fmt: skip
    one = store.put_layer(store.stage_layer(io.BytesIO(base))).id
    two = store.put_layer(store.stage_layer(io.BytesIO(images.tar_layer({"new": b"n", ".wh.old": b""}))), one).id
    store.create_image(names=["localhost/i:1"], layer=two, data=[("manifest", b"{}", "")])


def test_copy_where_the_kernel_cannot(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Overlay, "shifts", lambda self, u, g: False)
    done: list[int] = []
    store.create_container(names=["one"], image="localhost/i:1", uidmap=MAP, gidmap=MAP, progress=done.append)
    path = Path(store.mount("one"))
    assert sorted(os.listdir(path)) == ["etc", "new", "tool"]
    assert {p.lstat().st_uid for p in [path, *path.rglob("*")]} == {700000}
    assert (path / "tool").stat().st_mode & 0o7777 == 0o4755
    (path / "mine").touch()
    os.chown(path / "mine", 700005, 700000)
    image = store.image("localhost/i:1")
    assert len(image.mapped_layers) == 1
    copy = store.layer(image.mapped_layers[0])
    assert copy.uidmap == copy.gidmap == MAP
    assert copy.parent == store.layer(image.layer).parent and copy.diff_digest == store.layer(image.layer).diff_digest
    assert store.layer(store.container("one").layer).parent == copy.id
    assert store.changes("one") == [("A", "/mine")]
    # the copy is there for the next
    store.create_container(names=["two"], image="localhost/i:1", uidmap=MAP, gidmap=MAP)
    assert len(store.layers()) == 5
    assert store.check(max_age_s=-1).ok
    # the original is what it was
    assert Path(store.mount_image("localhost/i:1"), "new").stat().st_uid == 0
    store.unmount_image("localhost/i:1")
    store.delete_container("one")
    store.delete_container("two")
    assert len(store.delete_image("localhost/i:1")) == 3
    assert store.layers() == []


def test_the_real_podman_removes_our_copy(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    machine.skip("" if os.access("/usr/bin/podman", os.X_OK) else "not installed: the distribution's podman")
    monkeypatch.setattr(Overlay, "shifts", lambda self, u, g: False)
    store.create_container(names=["one"], image="localhost/i:1", uidmap=MAP, gidmap=MAP)
    store.close()
    run = tempfile.mkdtemp(prefix="oci-", dir="/tmp")
    podman = ["/usr/bin/podman", f"--root={store.graphroot}", f"--runroot={run}", "--cgroup-manager=cgroupfs"]
    env = os.environ | {"CONTAINERS_CONF": os.devnull}
    try:
        for words in (["rm", "one"], ["rmi", "localhost/i:1"]):
            done = subprocess.run([*podman, *words], capture_output=True, text=True, check=False, env=env)
            assert done.returncode == 0, done.stderr
        assert store.layers() == []
    finally:
        for folder in (store.graphroot, run):
            for mounted in leaks.mounts_below(folder):
                subprocess.run(["umount", "-l", mounted], check=False)
        subprocess.run(["rm", "-rf", run], check=False)


def test_found_by_itself(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    from ocikit.storage import ops_mapped

    monkeypatch.setattr(ops_mapped, "available_ids", lambda user, rootless: ([(700000, 10000)], [(700000, 10000)]))
    one = store.create_container(image="localhost/i:1", auto_userns=AutoUserNs())
    assert one.uidmap == one.gidmap == ((0, 700000, 3001),)  # passwd has 3000
    two = store.create_container(image="localhost/i:1", auto_userns=AutoUserNs(size=10, uidmap=((5, 0, 1),)))
    assert two.uidmap == ((0, 703001, 5), (6, 703006, 4), (5, 0, 1))
    assert two.gidmap == ((0, 703001, 10),)
    assert Path(store.mount(two.id), "new").stat().st_uid == 703001
    assert Path(store.mount(one.id), "new").stat().st_uid == 700000
    store.delete_container(one.id)
    three = store.create_container(image="localhost/i:1", auto_userns=AutoUserNs(size=50))
    assert three.uidmap == ((0, 700000, 50),)


ROOTLESS = """
import io, json, os, sys
from pathlib import Path
from ocikit.storage import Store, userns
userns.become_root_in_userns()
with Store.open() as store:
    with open(sys.argv[1], "rb") as tar:
        base = store.put_layer(store.stage_layer(tar)).id
    store.create_image(names=["localhost/i:1"], layer=base, data=[("manifest", b"{}", "")])
    keep_id = ((0, 1, 1000), (1000, 0, 1), (1001, 1001, 64000))
    store.create_container(names=["c"], image="localhost/i:1", uidmap=keep_id, gidmap=keep_id)
    path = Path(store.mount("c"))
    print(json.dumps([(path / n).stat().st_uid for n in (".", "root", "user")]))
    store.unmount("c")
    store.wipe()
"""


def test_an_ordinary_user_gets_a_copy() -> None:
    machine.skip(machine.why_not_tool("newuidmap"))
    user = User()
    try:
        import tarfile

        data = io.BytesIO()
        with tarfile.open(fileobj=data, mode="w") as tar:
            for name, uid in (("root", 0), ("user", 1000)):
                info = tarfile.TarInfo(name)
                info.uid = info.gid = uid
                tar.addfile(info)
        (user.folder / "layer.tar").write_bytes(data.getvalue())
        # inside the user's namespace: root of the container is 1, its user 1000 is the caller (0)
        assert json.loads(user.python(ROOTLESS, user.folder / "layer.tar").stdout) == [1, 1, 0]
    finally:
        left = user.close()
    assert not left
