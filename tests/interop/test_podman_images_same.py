"""The same image commands by ours and by the distribution's podman on one store: same output, same exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import images, machine
from tests.support.sandbox import Sandbox


@pytest.fixture
def box(sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    machine.skip(machine.why_not_tool("podman"))
    layout = tmp_path / "layout"
    layout.mkdir()
    base = images.tar_layer({"etc": None, "etc/base": b"x" * 9000})
    images.oci_layout(layout, [base], tag="base", config={"Labels": {"a": "b"}})
    rich = {
        "Cmd": ["sh"],
        "Labels": {"x": "y", "a": "b"},
        "ExposedPorts": {"80/tcp": {}},
        "User": "1",
        "Env": ["A=<b>"],
    }
    images.oci_layout(layout, [base, images.tar_layer({"two": b"2"})], tag="child", config=rich)
    for name in ("base", "child"):
        sandbox.podman("pull", "-q", f"oci:{layout}:{name}")
    sandbox.podman("tag", "child", "quay.io/x/child:2")
    return sandbox


@pytest.mark.parametrize(
    "words",
    [
        ("images",),
        ("images", "-a"),
        ("images", "--digests", "--no-trunc"),
        ("images", "-q"),
        ("images", "--noheading", "--sort", "repository"),
        ("images", "--sort", "tag"),
        ("images", "--history"),
        ("images", "--format", "{{.Repository}} {{.Tag}} {{.ID}} {{.Size}} {{.Created}} {{.CreatedAt}} {{.Digest}} {{.Names}}"),
        ("images", "--format", "table {{.ID}} {{.Tag}}"),
        ("images", "child"),
        ("images", "nosuch"),
        ("images", "--filter", "label=x=y"),
        ("images", "--filter", "dangling=true"),
        ("images", "--filter", "since=base"),
        ("images", "--filter", "reference=quay.io/*/*"),
        ("history", "child"),
        ("history", "-q", "child"),
        ("history", "--no-trunc", "--human=false", "child"),
        ("history", "--format", "{{.ID}} {{.CreatedBy}} {{.Size}}", "child"),
        ("image", "tree", "child"),
        ("image", "tree", "--whatrequires", "base"),
        ("image", "inspect", "child", "base"),
        ("image", "inspect", "--format", "{{.Id}} {{.Config.Env}} {{.RepoTags}} {{.Size}}", "child"),
        ("image", "exists", "child"),
        ("image", "exists", "nosuch"),
        ("image", "diff", "child"),
    ],
    ids=" ".join,
)  # fmt: skip
def test_same_output(box: Sandbox, words: tuple[str, ...]) -> None:
    ours, theirs = box.podman(*words, check=False), box.real_podman(*words, check=False)
    assert ours.stdout == theirs.stdout
    assert ours.returncode == theirs.returncode


@pytest.mark.parametrize(
    "words",
    [
        ("rmi", "nosuch"),
        ("rmi",),
        ("tag", "nosuch", "x"),
        ("untag", "nosuch"),
        ("history", "nosuch"),
        ("images", "--sort", "nosuch"),
        ("images", "--filter", "x=y"),
        ("load", "-i", "/nonexistent"),
        ("save", "--format", "bogus", "child"),
        ("import", "/nonexistent.tar"),
        ("manifest", "rm", "nosuch"),
    ],
    ids=" ".join,
)
def test_same_refusal(box: Sandbox, words: tuple[str, ...]) -> None:
    ours, theirs = box.podman(*words, check=False), box.real_podman(*words, check=False)
    assert ours.returncode == theirs.returncode
    expected = next(line for line in theirs.stderr.splitlines() if line.startswith("Error: "))
    # A list of choices comes in another order each time from the other one.
    assert in_order(ours.stderr.splitlines()[0]) == in_order(expected)


def in_order(text: str) -> str:
    before, colon, choices = text.partition("Choose from: ")
    return before + colon + ", ".join(sorted(choices.split(", ")))


def test_json_of_images_has_what_the_other_has(box: Sandbox) -> None:
    ours = json.loads(box.podman("images", "--format", "json").stdout)
    theirs = json.loads(box.real_podman("images", "--format", "json").stdout)
    # Arch, Os and IsManifestList came after the distribution's version.
    assert [{k: row.get(k) for k in other} for row, other in zip(ours, theirs, strict=True)] == theirs


@pytest.mark.parametrize("form", ["docker-archive", "oci-archive", "docker-dir"])
def test_each_loads_what_the_other_saved(box: Sandbox, tmp_path: Path, form: str) -> None:
    wanted = box.podman("images", "-q", "--no-trunc", "child").stdout.split()[0].removeprefix("sha256:")
    box.podman("save", "-q", "--format", form, "-o", tmp_path / "ours", "child")
    box.real_podman("save", "-q", "--format", form, "-o", tmp_path / "theirs", "child")
    for load, path in ((box.real_podman, "ours"), (box.podman, "theirs")):
        box.podman("rmi", "-af")
        load("load", "-q", "-i", tmp_path / path)
        assert box.podman("images", "-q", "--no-trunc").stdout.split()[0].removeprefix("sha256:") == wanted
