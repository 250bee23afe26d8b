"""Manifest lists in local storage, made, pushed and pulled; the real podman reads what ours writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.support import images
from tests.support.registry import Registry
from tests.support.sandbox import Sandbox


@pytest.fixture
def box(sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    path = tmp_path / "layout"
    path.mkdir()
    for arch in ("amd64", "arm64"):
        layer = images.tar_layer({"arch": arch.encode()})
        images.oci_layout(path, [layer], tag=arch, architecture=arch)
        sandbox.podman("pull", "-q", f"oci:{path}:{arch}")
    return sandbox


def inspect(box: Sandbox, name: str, *words: str) -> Any:
    return json.loads(box.podman("manifest", "inspect", *words, name).stdout)


def test_life_of_a_list(box: Sandbox, registry: Registry, tmp_path: Path) -> None:
    list_id = box.podman("manifest", "create", "l", "amd64").stdout.strip()
    assert box.podman("manifest", "add", "--annotation", "x=y", "l", "arm64").stdout.strip() == list_id
    again = box.podman("manifest", "create", "l", check=False)
    assert "that name is already in use" in again.stderr
    shown = inspect(box, "l")
    assert [entry["platform"]["architecture"] for entry in shown["manifests"]] == ["amd64", "arm64"]
    assert shown["manifests"][1]["annotations"] == {"x": "y"}
    seen_by_other = json.loads(box.real_podman("manifest", "inspect", "l").stdout)
    assert [e["digest"] for e in seen_by_other["manifests"]] == [e["digest"] for e in shown["manifests"]]

    box.podman("manifest", "annotate", "--variant", "v8", "l", shown["manifests"][1]["digest"])
    target = f"{registry.host}/lists/l:1"
    digest = tmp_path / "digest"
    box.podman("manifest", "push", "-q", "--tls-verify=false", "--digestfile", digest, "l", target)
    remote = inspect(box, target, "--tls-verify=false")
    assert remote["manifests"][1]["platform"] == {"architecture": "arm64", "os": "linux", "variant": "v8"}

    box.podman("rmi", "-af")
    pulled = box.podman("pull", "-q", "--tls-verify=false", "--platform", "linux/arm64/v8", target).stdout.strip()
    (image,) = json.loads(box.podman("image", "inspect", pulled).stdout)
    assert image["Architecture"] == "arm64"
    assert image["Digest"] == digest.read_text()


def test_remove_and_rm(box: Sandbox) -> None:
    list_id = box.podman("manifest", "create", "l", "amd64", "arm64").stdout.strip()
    first = inspect(box, "l")["manifests"][0]["digest"]
    box.podman("manifest", "remove", "l", first)
    assert len(inspect(box, "l")["manifests"]) == 1
    assert box.podman("manifest", "exists", "l").returncode == 0
    assert box.podman("manifest", "rm", "l").stdout == f"Untagged: localhost/l:latest\nDeleted: {list_id}\n"
    assert box.podman("manifest", "exists", "l", check=False).returncode == 1
    assert box.podman("manifest", "rm", "l", check=False).returncode == 1
    not_a_list = box.podman("manifest", "add", "amd64", "arm64", check=False)
    assert "is not a manifest list" in not_a_list.stderr


def test_list_made_by_the_real_podman(box: Sandbox, registry: Registry) -> None:
    box.real_podman("manifest", "create", "theirs")
    box.real_podman("manifest", "add", "theirs", "containers-storage:localhost/amd64:latest")
    box.podman("manifest", "add", "theirs", "arm64")
    target = f"{registry.host}/lists/theirs:1"
    box.podman("manifest", "push", "-q", "--tls-verify=false", "--format", "v2s2", "theirs", target)
    kinds = {e["mediaType"] for e in inspect(box, target, "--tls-verify=false")["manifests"]}
    assert kinds == {"application/vnd.docker.distribution.manifest.v2+json"}


def test_artifact_in_a_list(box: Sandbox, registry: Registry, tmp_path: Path) -> None:
    notes = tmp_path / "notes.txt"
    notes.write_text("hello")
    box.podman("manifest", "create", "l", "amd64")
    box.podman("manifest", "add", "--artifact", "--artifact-type", "application/x.notes", "l", notes)
    target = f"{registry.host}/lists/artifact:1"
    box.podman("manifest", "push", "-q", "--tls-verify=false", "l", target)
    entry = inspect(box, target, "--tls-verify=false")["manifests"][1]
    assert entry["artifactType"] == "application/x.notes"
    raw = box.real_skopeo(
        "inspect", "--raw", "--tls-verify=false", f"docker://{registry.host}/lists/artifact@{entry['digest']}"
    )
    layer = json.loads(raw.stdout)["layers"][0]
    assert layer["annotations"] == {"org.opencontainers.image.title": "notes.txt"}
    assert layer["mediaType"] == "text/plain"
