"""Buildah's commands on working containers and images, from door to door."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.sandbox import Sandbox

BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'


@pytest.fixture
def work(sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    """A store with the image localhost/base and the working container "work" on it."""
    (tmp_path / "busybox").write_bytes(Path(str(machine.find("busybox"))).read_bytes())
    (tmp_path / "busybox").chmod(0o755)
    (tmp_path / "Containerfile").write_text(BASE)
    sandbox.buildah("bud", "-t", "localhost/base", "--network=none", tmp_path)
    sandbox.buildah("from", "--name=work", "localhost/base")
    return sandbox


def config_of(sandbox: Sandbox, image: str) -> dict[str, object]:
    found: dict[str, object] = json.loads(sandbox.podman("image", "inspect", image).stdout)[0]
    return found


def test_copy_and_add(work: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "f.txt").write_text("hello\n")
    (tmp_path / "f.txt").chmod(0o644)
    (tmp_path / "d").mkdir()
    (tmp_path / "d/$odd 'name'").write_text("x")
    with tarfile.open(tmp_path / "a.tar", "w") as tar:
        member = tarfile.TarInfo("inside")
        member.size = 2
        tar.addfile(member, io.BytesIO(b"in"))
    copied = work.buildah("copy", "--chown=1:2", "work", tmp_path / "f.txt", "/x/")
    # The digest of the content with the owner that it gets.
    assert len(copied.stdout.strip()) == 64
    plain = work.buildah("copy", "work", "f.txt", cwd=tmp_path)
    assert plain.stdout.startswith("19b06ffbf3ba0aad"), "the check value of the specification"
    work.buildah("copy", "work", tmp_path / "d", "/d")
    work.buildah("add", "--quiet", "work", tmp_path / "a.tar", "/a")
    where = Path(work.buildah("mount", "work").stdout.strip())
    assert (where / "x/f.txt").read_text() == "hello\n"
    assert ((where / "x/f.txt").stat().st_uid, (where / "x/f.txt").stat().st_gid) == (1, 2)
    assert (where / "f.txt").exists()
    assert (where / "d/$odd 'name'").read_text() == "x"
    assert (where / "a/inside").read_text() == "in"
    assert work.buildah("mount").stdout == f"work {where}\n"
    ident = work.buildah("containers", "--quiet").stdout
    assert work.buildah("umount", "work").stdout == ident
    assert work.buildah("umount", "work").stdout == ""


def test_copy_from_images_and_containers(work: Sandbox) -> None:
    work.buildah("copy", "--from=localhost/base", "work", "/bin/busybox", "/one")
    work.buildah("from", "--name=other", "scratch")
    work.buildah("copy", "--from=work", "other", "/one", "/two")
    assert (Path(work.buildah("mount", "other").stdout.strip()) / "two").stat().st_size > 1000
    work.buildah("umount", "--all")


def test_config_reaches_the_image_and_history(work: Sandbox) -> None:
    work.buildah(
        "config", "--add-history", "--env=A=1", "--label=l=m", "--annotation=n=o", "--cmd=a 'b c'", "--port=80",
        "--volume=/v", "--user=5", "--workingdir=/w", "--stop-signal=TERM", "--author=au", '--entrypoint=["x"]',
        "--created-by=by hand", "--history-comment=note ", "--hostname=h", "work",
    )  # fmt: skip
    work.buildah("config", "--env=B=2", "--env=A-", "work")
    image = work.buildah("commit", "--quiet", "work", "localhost/new").stdout.strip()
    found = config_of(work, image)
    config = found["Config"]
    assert isinstance(config, dict)
    assert [e for e in config["Env"] if not e.startswith("PATH=")] == ["B=2"]
    assert (config["Entrypoint"], config["Cmd"], config["User"]) == (["x"], ["a", "b c"], "5")
    history = found["History"]
    assert isinstance(history, list)
    assert history[-1]["created_by"] == "by hand"
    assert history[-1]["comment"] == "note FROM localhost/base:latest"
    texts = [entry["created_by"] for entry in history]
    assert "/bin/sh -c #(nop) ENV A=1" in texts and "/bin/sh -c #(nop) USER 5" in texts
    docker = work.buildah("commit", "--quiet", "--format=docker", "work", "localhost/docker").stdout.strip()
    raw = json.loads(work.buildah("inspect", "--type=image", docker).stdout)["Config"]
    assert json.loads(raw)["config"]["Hostname"] == "h"


def test_names(work: Sandbox) -> None:
    work.buildah("rename", "work", "new")
    assert work.buildah("containers", "--format={{.ContainerName}}").stdout.split() == ["new"]
    work.buildah("from", "--name=other", "localhost/base")
    taken = work.buildah("rename", "new", "other", check=False)
    assert taken.returncode == 125 and "already in use" in taken.stderr
    assert "container not known" in work.buildah("rename", "nope", "x", check=False).stderr


def test_inspect(work: Sandbox) -> None:
    assert work.buildah("inspect", "--format={{.FromImage}}", "work").stdout == "localhost/base:latest"
    shown = json.loads(work.buildah("inspect", "work").stdout)
    assert shown["Container"] == "work" and shown["OCIv1"]["config"]["WorkingDir"] == "/"
    image = json.loads(work.buildah("inspect", "--type=image", "localhost/base").stdout)
    assert image["FromImageID"] == shown["FromImageID"] and image["Container"] == ""
    wrong = work.buildah("inspect", "nope", check=False)
    assert (wrong.returncode, wrong.stderr) == (125, "Error: importing settings: nope: image not known\n")


def test_images_and_rmi(work: Sandbox) -> None:
    work.buildah("tag", "localhost/base", "localhost/again")
    listed = json.loads(work.buildah("images", "--json").stdout)
    assert sorted(name for image in listed for name in image["names"]) == [
        "localhost/again:latest",
        "localhost/base:latest",
    ]
    head = work.buildah("images").stdout.splitlines()[0]
    assert head.split() == ["REPOSITORY", "TAG", "IMAGE", "ID", "CREATED", "SIZE"]
    assert work.buildah("rmi", "localhost/again").stdout == "untagged: localhost/again:latest\n"
    busy = work.buildah("rmi", "localhost/base", check=False)
    assert busy.returncode == 125 and "in use by a container" in busy.stderr
    nope = work.buildah("rmi", "nope", check=False)
    assert nope.stderr.startswith("Error: 1 error occurred:\n\t* nope: image not known")
    work.buildah("rmi", "--force", "localhost/base")
    assert work.buildah("images", "--quiet").stdout == "" and work.buildah("containers", "--quiet").stdout == ""


def test_pull_push_and_manifests(work: Sandbox, tmp_path: Path) -> None:
    layout = f"oci:{tmp_path}/layout:x"
    work.buildah("push", "--quiet", "localhost/base", layout)
    image = work.buildah("pull", "--quiet", layout).stdout.strip()
    assert len(image) == 64
    made = work.buildah("manifest", "create", "localhost/list", "localhost/base").stdout.strip()
    assert len(made) == 64
    shown = json.loads(work.buildah("manifest", "inspect", "localhost/list").stdout)
    assert shown["manifests"][0]["platform"]["os"] == "linux"
    work.buildah("manifest", "exists", "localhost/list")
    work.buildah("manifest", "rm", "localhost/list")
    assert work.buildah("manifest", "exists", "localhost/list", check=False).returncode == 1


def test_info_and_prune(work: Sandbox) -> None:
    shown = json.loads(work.buildah("info").stdout)
    assert shown["store"]["GraphRoot"] == str(work.root) and shown["host"]["os"] == "linux"
    assert work.buildah("info", "--format={{.store.GraphDriverName}}").stdout.strip() == "overlay"
    work.buildah("rm", "--all")
    work.buildah("prune", "--all")
    assert work.buildah("images", "--quiet", "--all").stdout == ""
