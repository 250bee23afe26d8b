"""podman's image commands on a store of their own: naming, listing, removing, saving, loading, importing."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from tests.support import images
from tests.support.sandbox import Sandbox


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """Two tiny images, the second built on the first."""
    path = tmp_path / "layout"
    path.mkdir()
    base = images.tar_layer({"etc": None, "etc/base": b"x" * 9000})
    images.oci_layout(path, [base], tag="base", config={"Labels": {"a": "b"}})
    images.oci_layout(
        path, [base, images.tar_layer({"two": b"2"})], tag="child", config={"Cmd": ["sh"], "Labels": {"x": "y"}}
    )
    return path


@pytest.fixture
def box(sandbox: Sandbox, layout: Path) -> Sandbox:
    for name in ("base", "child"):
        sandbox.podman("pull", "-q", f"oci:{layout}:{name}")
    return sandbox


def names(box: Sandbox) -> set[str]:
    return set(box.podman("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split())


def test_tag_untag_and_rmi(box: Sandbox) -> None:
    assert names(box) == {"localhost/base:latest", "localhost/child:latest"}
    box.podman("tag", "child", "one:1", "quay.io/x/two:2")
    image_id = box.podman("images", "-q", "--no-trunc", "child").stdout.strip().removeprefix("sha256:")
    refused = box.podman("rmi", image_id[:12], check=False)
    assert refused.returncode == 125
    assert "by ID with more than one tag" in refused.stderr
    assert box.podman("rmi", "one:1").stdout == "Untagged: localhost/one:1\n"
    box.podman("untag", "child", "quay.io/x/two:2")
    assert box.podman("rmi", "child").stdout == f"Untagged: localhost/child:latest\nDeleted: {image_id}\n"
    assert names(box) == {"localhost/base:latest"}


def test_rmi_of_unknown_and_of_nothing(box: Sandbox) -> None:
    missing = box.podman("rmi", "nosuch", check=False)
    assert (missing.returncode, missing.stderr.splitlines()[0]) == (1, "Error: nosuch: image not known")
    assert box.podman("rmi", "-i", "nosuch").stdout == ""
    assert box.podman("rmi", check=False).returncode == 125
    both = box.podman("rmi", "nosuch", "base", check=False)
    assert both.returncode == 1
    assert "localhost/base:latest" not in names(box)


def test_rmi_takes_nameless_parents_along(box: Sandbox) -> None:
    base_id = box.podman("images", "-q", "--no-trunc", "base").stdout.strip().removeprefix("sha256:")
    box.podman("untag", "base")
    assert names(box) == {"localhost/child:latest"}
    assert f"Deleted: {base_id}" in box.podman("rmi", "child").stdout
    assert box.podman("images", "-aq").stdout == ""
    assert json.loads((box.root / "overlay-layers/layers.json").read_text()) == []


def test_image_in_use(box: Sandbox) -> None:
    box.real_podman("create", "--name", "c1", "child", "sh")
    refused = box.podman("rmi", "child", check=False)
    assert refused.returncode == 2
    assert "image is in use by a container" in refused.stderr
    box.real_podman("rm", "c1")
    box.podman("rmi", "child")


def test_prune(box: Sandbox) -> None:
    asked = box.podman("image", "prune", check=False, input="n\n")
    assert asked.stdout.startswith("WARNING! This command removes all dangling images.\n")
    box.podman("untag", "child")
    assert len(box.podman("image", "prune", "-f").stdout.split()) == 1
    assert names(box) == {"localhost/base:latest"}
    box.podman("image", "prune", "-af")
    assert names(box) == set()


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ("docker-archive", "localhost/child:latest"),
        ("oci-archive", "localhost/child:latest"),
        ("oci-dir", "sha256:"),
        ("docker-dir", "sha256:"),
    ],
)
def test_save_and_load(box: Sandbox, tmp_path: Path, form: str, expected: str) -> None:
    before = box.podman("images", "-q", "--no-trunc", "child").stdout
    box.podman("save", "-q", "--format", form, "-o", tmp_path / "saved", "child")
    box.podman("rmi", "-a")
    assert box.podman("load", "-q", "-i", tmp_path / "saved").stdout.startswith(f"Loaded image: {expected}")
    assert box.podman("images", "-q", "--no-trunc").stdout == before


def test_save_several_to_stdout_and_load_from_stdin(box: Sandbox, tmp_path: Path) -> None:
    archive = tmp_path / "all.tar"
    box.podman("save", "-q", "-m", "-o", archive, "base", "child")
    with tarfile.open(archive) as tar:
        member = tar.extractfile("manifest.json")
        assert member is not None
        tags = [item["RepoTags"] for item in json.load(member)]
    assert tags == [["localhost/base:latest"], ["localhost/child:latest"]]
    box.podman("rmi", "-a")
    loaded = box.run(["sh", "-c", f"'{box_program(box)}' load -q < {archive}"])
    assert loaded.stdout == "Loaded image: localhost/base:latest\nLoaded image: localhost/child:latest\n"
    again = box.podman("save", "-q", "-o", archive, "base", check=False)
    assert "doesn't support modifying existing images" in again.stderr


def box_program(box: Sandbox) -> str:
    from tests.support.sandbox import OURS

    return "' '".join([str(OURS / "podman"), *box.podman_flags()])


def test_a_save_that_fails_leaves_no_file(box: Sandbox, tmp_path: Path) -> None:
    failed = box.podman("save", "-o", tmp_path / "x.tar", "nosuch", check=False)
    assert failed.returncode == 125
    assert not list(tmp_path.glob("*x.tar*"))


def test_load_of_garbage(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "garbage").write_bytes(b"not an archive")
    failed = box.podman("load", "-i", tmp_path / "garbage", check=False)
    assert failed.returncode == 125
    assert "payload does not match any of the supported image formats" in failed.stderr
    assert "no such file or directory" in box.podman("load", "-i", "/nonexistent", check=False).stderr


def test_import(box: Sandbox, tmp_path: Path) -> None:
    archive = tmp_path / "root.tar"
    archive.write_bytes(images.tar_layer({"hello": b"world"}))
    done = box.podman(
        "import", "-q", "-c", "CMD=ls", "-c", "ENV a=b", "-m", "a comment", "--arch", "arm64", archive, "imp:1"
    )
    (shown,) = json.loads(box.podman("image", "inspect", "imp:1").stdout)
    assert done.stdout.strip() == f"sha256:{shown['Id']}"
    assert shown["Config"] == {"Env": ["a=b"], "Cmd": ["/bin/sh", "-c", "ls"]}
    assert (shown["Comment"], shown["Architecture"]) == ("a comment", "arm64")
    bad = box.podman("import", "-c", "BOGUS=1", archive, check=False)
    assert 'invalid change "BOGUS=1"' in bad.stderr


def test_history_and_tree(box: Sandbox) -> None:
    lines = box.podman("history", "child", "--format", "{{.CreatedBy}} {{.Size}}").stdout.splitlines()
    assert lines == ["layer 1 10.2 kB", "layer 0 20.5 kB"]
    tree = box.podman("image", "tree", "child").stdout
    assert "Top Layer of: [localhost/child:latest]" in tree
    assert box.podman("image", "exists", "child").returncode == 0
    assert box.podman("image", "exists", "nosuch", check=False).returncode == 1


def test_mount(box: Sandbox) -> None:
    point = Path(box.podman("image", "mount", "child").stdout.strip())
    try:
        assert (point / "etc/base").stat().st_size == 9000
        listed = json.loads(box.podman("image", "mount", "--format", "json").stdout)
        assert [row["mountpoint"] for row in listed] == [str(point)]
    finally:
        box.podman("image", "unmount", "child")
    assert not (point / "etc").exists()
    assert "is not mounted" in box.podman("image", "unmount", "child", check=False).stderr


def test_bad_words(box: Sandbox) -> None:
    sort = box.podman("images", "--sort", "nosuch", check=False)
    assert '"nosuch" is not a valid field for sorting' in sort.stderr
    assert 'unsupported image filter "x"' in box.podman("images", "--filter", "x=y", check=False).stderr
    assert box.podman("tag", "nosuch", "a", check=False).stderr.startswith("Error: nosuch: image not known\n")
    assert box.podman("pull", "UPPER", check=False).returncode == 125
