"""An ordinary user becomes root of a namespace of their own, keeps it, and has a store there."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import images, machine
from tests.support.users import User

pytestmark = pytest.mark.root

ENTER = """
import os, sys
from ocikit.common.errors import OcikitError
from ocikit.storage import userns
try:
    entered = userns.become_root_in_userns()
except OcikitError as exc:
    sys.exit(f"Error: {exc}\\n{exc.hint}")
"""
SHOW = (
    ENTER
    + """
import json
print(json.dumps({
    "entered": entered, "uid": os.getuid(), "outside": userns.rootless_uid(), "rootless": userns.is_rootless(),
    "map": open("/proc/self/uid_map").read().split(), "gmap": open("/proc/self/gid_map").read().split(),
    "user": os.readlink("/proc/self/ns/user"), "mnt": os.readlink("/proc/self/ns/mnt"), "cwd": os.getcwd(),
    "env": {k: v for k, v in os.environ.items() if k.startswith("_CONTAINERS")},
}))
"""
)


@pytest.fixture
def user() -> Iterator[User]:
    machine.skip(machine.why_not_tool("newuidmap", "newgidmap"))
    someone = User(subids=[(300000, 65536), (500000, 1000)])
    try:
        yield someone
    finally:
        left = someone.close()
    assert not left


def pause_pid(user: User) -> int:
    return int((user.runtime / "libpod/tmp/pause.pid").read_text())


def test_all_ranges_and_the_pause_process(user: User) -> None:
    first = json.loads(user.python(SHOW).stdout)
    assert first["entered"] and first["uid"] == 0 and first["outside"] == user.uid and first["rootless"]
    expected = ["0", str(user.uid), "1", "1", "300000", "65536", "65537", "500000", "1000"]
    assert first["map"] == expected
    assert first["gmap"][1] == str(user.gid)
    assert first["cwd"] == "/"
    assert first["env"] == {
        "_CONTAINERS_USERNS_CONFIGURED": "done",
        "_CONTAINERS_ROOTLESS_UID": str(user.uid),
        "_CONTAINERS_ROOTLESS_GID": str(user.gid),
    }
    pid = pause_pid(user)
    assert os.readlink(f"/proc/{pid}/ns/user") == first["user"]
    second = json.loads(user.python(SHOW).stdout)
    assert (second["user"], second["mnt"], second["map"]) == (first["user"], first["mnt"], first["map"])
    assert pause_pid(user) == pid
    stop = "from ocikit.storage import userns; print(userns.stop_pause(), userns.stop_pause())"
    assert user.python(stop).stdout.split() == ["True", "False"]
    deadline = time.monotonic() + 5
    while os.path.exists(f"/proc/{pid}/ns") and time.monotonic() < deadline:
        try:
            os.readlink(f"/proc/{pid}/ns/user")
        except OSError:
            break
    third = json.loads(user.python(SHOW).stdout)
    # The number of a namespace may be given out again, so a new pause process is what tells.
    assert third["map"] == expected and pause_pid(user) != pid


def test_stale_pause_pid_is_not_trusted(user: User) -> None:
    (user.runtime / "libpod/tmp").mkdir(parents=True)
    os.chown(user.runtime / "libpod", user.uid, user.gid)
    os.chown(user.runtime / "libpod/tmp", user.uid, user.gid)
    for text in ("999999999", "1", str(os.getpid()), "rubbish", ""):
        (user.runtime / "libpod/tmp/pause.pid").write_text(text)
        assert json.loads(user.python(SHOW).stdout)["uid"] == 0
        assert pause_pid(user) != text


def test_at_once_they_share_one_namespace(user: User) -> None:
    script = 'for i in 1 2 3 4; do "$@" & done; wait'
    code = ENTER + "print(os.readlink('/proc/self/ns/user'))"
    runner = "import subprocess, sys, os; subprocess.run(['sh', '-c', %r, 'x', sys.executable, '-c', %r])"
    done = user.python(runner % (script, code))
    lines = done.stdout.split()
    assert len(lines) == 4, done.stderr
    assert len(set(lines)) == 1


def test_what_is_missing_is_said() -> None:
    someone = User(subids=[])
    try:
        done = someone.python(ENTER, check=False)
        assert done.returncode == 1
        assert f'user "{someone.name}" has no range of subordinate uids in /etc/subuid' in done.stderr
        assert f'"{someone.name}:100000:65536"' in done.stderr
        assert not (someone.runtime / "libpod").exists()
    finally:
        assert not someone.close()


def test_a_missing_tool_is_said(user: User) -> None:
    hide = "import os; access = os.access; os.access = lambda p, m: not p.endswith('newuidmap') and access(p, m)\n"
    done = user.python(hide + ENTER, check=False)
    assert "newuidmap is not installed" in done.stderr and 'install the package "uidmap"' in done.stderr


def test_joins_the_real_podmans_and_it_joins_ours(user: User) -> None:
    machine.skip("" if os.access("/usr/bin/podman", os.X_OK) else "not installed: the distribution's podman")
    words = ["/usr/bin/podman", "--cgroup-manager=cgroupfs", "unshare", "readlink", "/proc/self/ns/user"]
    real = user.run(words).stdout.strip()
    assert json.loads(user.python(SHOW).stdout)["user"] == real
    user.python("from ocikit.storage import userns; assert userns.stop_pause()")
    time.sleep(0.1)
    ours = json.loads(user.python(SHOW).stdout)["user"]
    assert user.run(words).stdout.strip() == ours


STORE = (
    ENTER
    + """
import io
from pathlib import Path
from ocikit.storage import Store
with Store.open() as store:
    assert store.driver == "overlay", store.driver
    assert store.graphroot == os.environ["HOME"] + "/.local/share/containers/storage"
    assert store.runroot == os.environ["XDG_RUNTIME_DIR"] + "/containers"
    with open(sys.argv[1], "rb") as tar:
        base = store.put_layer(store.stage_layer(tar)).id
    with open(sys.argv[2], "rb") as tar:
        top = store.put_layer(store.stage_layer(tar), base).id
    image = store.create_image(names=["localhost/i:1"], layer=top, data=[("manifest", b"{}", "")])
    store.create_container(names=["c"], image=image.id)
    path = Path(store.mount("c"))
    print(sorted(os.listdir(path)), (path / "theirs").stat().st_uid, sorted(os.listdir(path / "d")))
    (path / "mine").write_text("x")
    (path / "base").unlink()
    print(store.changes("c"))
    os.chown(path / "mine", 1000, 1000)
    for id in (base, top):
        import hashlib
        with store.diff(id) as stream:
            assert "sha256:" + hashlib.sha256(stream.read()).hexdigest() == store.layer(id).diff_digest
    store.unmount("c")
    store.delete_container("c")
    store.delete_image("localhost/i:1")
    assert os.listdir(store.graphroot + "/overlay/l") == []
"""
)


def test_store_of_an_ordinary_user(user: User, tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for parent in tmp_path.parents:
        if parent.name.startswith("pytest-"):
            parent.chmod(0o755)
    one = images.tar_layer({"base": b"0", "theirs": b"1", "d": None, "d/gone": b""})
    two = images.tar_layer({"d": None, "d/.wh..wh..opq": b"", "d/new": b"x"})
    files = []
    for number, data in enumerate((one, two)):
        files.append(user.folder / f"{number}.tar")
        files[-1].write_bytes(data)
    done = user.python(STORE, *files)
    assert done.stdout.splitlines() == ["['base', 'd', 'theirs'] 0 ['new']", "[('D', '/base'), ('A', '/mine')]"]


def test_the_librarys_page_holds_without_any_privilege(user: User) -> None:
    code = """
import doctest, sys
flags = doctest.ELLIPSIS | doctest.IGNORE_EXCEPTION_DETAIL
sys.exit(doctest.testfile(sys.argv[1], module_relative=False, optionflags=flags).failed)
"""
    page = user.folder / "storage.md"
    page.write_bytes((Path(__file__).resolve().parents[2] / "docs/libs/storage.md").read_bytes())
    user.python(code, page, env={"TMPDIR": str(user.runtime)})
