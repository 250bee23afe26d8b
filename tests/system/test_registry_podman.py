"""podman pull and push with a real registry: TLS, passwords, mirrors, digests, and everything that can go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import images
from tests.support.registry import Registry
from tests.support.sandbox import Sandbox


@pytest.fixture
def box(sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    path = tmp_path / "layout"
    path.mkdir()
    layers = [images.tar_layer({"a": b"a" * 100_000}), images.tar_layer({"b": b"b"})]
    images.oci_layout(path, layers, tag="img")
    sandbox.podman("pull", "-q", f"oci:{path}:img")
    return sandbox


def empty(box: Sandbox) -> bool:
    """Whether the store holds neither images nor layers nor staged files."""
    records = [
        json.loads((box.root / f"overlay-{kind}/{kind}.json").read_text() or "[]") for kind in ("images", "layers")
    ]
    trees = [p for p in (box.root / "overlay").iterdir() if p.name not in ("l", "staging") and len(p.name) == 64]
    return records == [[], []] and not trees


def test_round_trip(box: Sandbox, registry: Registry, tmp_path: Path) -> None:
    digest_file = tmp_path / "digest"
    target = f"{registry.host}/trip/img:1"
    image_id = box.podman("images", "-q", "--no-trunc").stdout
    box.podman("push", "--tls-verify=false", "--digestfile", digest_file, "img", target)
    digest = digest_file.read_text()
    box.podman("rmi", "-a")
    assert empty(box)
    pulled = box.podman("pull", "--tls-verify=false", f"{registry.host}/trip/img@{digest}")
    assert f"Trying to pull {registry.host}/trip/img@{digest}..." in pulled.stderr
    assert pulled.stdout.strip() == image_id.strip().removeprefix("sha256:")
    box.podman("pull", "-q", "--tls-verify=false", target)
    listed = box.real_podman("images", "--format", "{{.Repository}}:{{.Tag}}").stdout.split()
    assert target in listed
    # nothing to do: no lines but the id
    assert box.podman("pull", "-q", "--policy", "missing", target).stdout == pulled.stdout


def test_push_reuses_what_is_there(box: Sandbox, registry: Registry) -> None:
    box.podman("push", "--tls-verify=false", "-q", "img", f"{registry.host}/reuse/one:1")
    box.podman("push", "--tls-verify=false", "-q", "img", f"{registry.host}/reuse/two:1")
    box.podman("search", "--tls-verify=false", f"{registry.host}/reuse")
    listed = box.podman(
        "search", "--tls-verify=false", "--format", "{{.Name}}", f"{registry.host}/reuse"
    ).stdout.split()
    assert listed == [f"{registry.host}/reuse/one", f"{registry.host}/reuse/two"]


def test_passwords(box: Sandbox, make_registry: Callable[..., Registry], tmp_path: Path) -> None:
    server = make_registry(user="me", password="secret")
    target = f"{server.host}/r/img:1"
    refused = box.podman("push", "--tls-verify=false", "img", target, check=False)
    assert refused.returncode == 125
    assert "podman login" in refused.stderr
    wrong = box.podman("login", "--tls-verify=false", "-u", "me", "-p", "wrong", server.host, check=False)
    assert f'logging into "{server.host}": invalid username/password' in wrong.stderr
    good = box.podman("login", "--tls-verify=false", "-u", "me", "--password-stdin", server.host, input="secret\n")
    assert good.stdout == "Login Succeeded!\n"
    assert box.podman("login", "--get-login", server.host).stdout == "me\n"
    box.podman("push", "--tls-verify=false", "-q", "img", target)
    box.podman("rmi", "-a")
    box.podman("pull", "--tls-verify=false", "-q", target)
    assert box.real_podman("login", "--get-login", server.host).stdout == "me\n"
    assert box.podman("logout", server.host).stdout == f"Removed login credentials for {server.host}\n"
    again = box.podman("logout", server.host, check=False)
    assert f"not logged into {server.host}" in again.stderr
    box.podman("rmi", "-a")
    assert box.podman("pull", "--tls-verify=false", "-q", target, check=False).returncode == 125
    box.podman("pull", "--tls-verify=false", "-q", "--creds", "me:secret", target)


def test_tls(box: Sandbox, make_registry: Callable[..., Registry], tmp_path: Path) -> None:
    server = make_registry(tls=True)
    target = f"{server.host}/r/img:1"
    refused = box.podman("push", "img", target, check=False)
    assert "certificate signed by unknown authority" in refused.stderr
    assert f"/etc/containers/certs.d/{server.host}/ca.crt" in refused.stderr
    assert "--tls-verify=false" in refused.stderr
    certs = tmp_path / "certs"
    certs.mkdir()
    (certs / "ca.crt").write_bytes(server.certificate.read_bytes())
    box.podman("push", "-q", "--cert-dir", certs, "img", target)
    box.podman("push", "-q", "--tls-verify=false", "img", target)


def test_mirror_fails_over(box: Sandbox, registry: Registry) -> None:
    box.podman("push", "--tls-verify=false", "-q", "img", f"{registry.host}/mirrored/img:1")
    (box.folder / "registries.conf").write_text(
        f'[[registry]]\nprefix = "unreachable.invalid"\nlocation = "{registry.host}/mirrored"\ninsecure = true\n'
        '[[registry.mirror]]\nlocation = "127.0.0.1:1/nothing"\ninsecure = true\n'
        '[[registry]]\nlocation = "blocked.invalid"\nblocked = true\n'
    )
    box.podman("rmi", "-a")
    box.podman("pull", "-q", "unreachable.invalid/img:1")
    assert box.podman("images", "--format", "{{.Repository}}").stdout == "unreachable.invalid/img\n"
    failed = box.podman("pull", "-q", "--retry", "0", "unreachable.invalid/none:1", check=False)
    assert "Mirrors also failed: [127.0.0.1:1/nothing/none:1: pinging container registry" in failed.stderr
    blocked = box.podman("pull", "-q", "blocked.invalid/x", check=False)
    assert "registry blocked.invalid is blocked in" in blocked.stderr


def test_short_names(box: Sandbox, registry: Registry) -> None:
    box.podman("push", "--tls-verify=false", "-q", "img", f"{registry.host}/short/img:1")
    box.podman("rmi", "-a")
    nothing = box.podman("pull", "short/img:1", check=False)
    assert 'short-name "short/img:1" did not resolve to an alias' in nothing.stderr
    assert "unqualified-search-registries" in nothing.stderr.splitlines()[-1]
    assert str(box.folder / "registries.conf") in nothing.stderr.splitlines()[-1]
    (box.folder / "registries.conf").write_text(
        f'unqualified-search-registries = ["127.0.0.1:1", "{registry.host}"]\n'
        f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n'
    )
    found = box.podman("pull", "--retry", "0", "short/img:1")
    assert f"Trying to pull {registry.host}/short/img:1..." in found.stderr
    failed = box.podman("pull", "--retry", "0", "short/none:1", check=False)
    assert "2 errors occurred while pulling:" in failed.stderr


@pytest.mark.parametrize("damage", ["truncated", "wrong", "longer"])
def test_damaged_blob_leaves_nothing(box: Sandbox, make_registry: Callable[..., Registry], damage: str) -> None:
    server = make_registry()
    target = f"{server.host}/r/img:1"
    box.podman("push", "--tls-verify=false", "-q", "img", target)
    box.podman("rmi", "-a")
    manifest = json.loads(box.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{target}").stdout)
    blob = server.blob_path(manifest["layers"][0]["digest"])
    data = blob.read_bytes()
    blob.write_bytes({"truncated": data[:-10], "wrong": data[:-10] + b"0123456789", "longer": data + b"more"}[damage])
    failed = box.podman("pull", "--tls-verify=false", "--retry", "0", target, check=False)
    assert failed.returncode == 125
    assert manifest["layers"][0]["digest"] in failed.stderr or "Digest did not match" in failed.stderr
    assert len([line for line in failed.stderr.splitlines() if line.startswith("Error: ")]) == 1
    assert empty(box)


def test_policy_rejects(box: Sandbox, registry: Registry) -> None:
    target = f"{registry.host}/policy/img:1"
    box.podman("push", "--tls-verify=false", "-q", "img", target)
    box.podman("rmi", "-a")
    policy = box.folder / "reject.json"
    policy.write_text('{"default":[{"type":"reject"}]}')
    failed = box.podman("pull", "-q", "--signature-policy", policy, "--tls-verify=false", target, check=False)
    assert "is rejected by policy" in failed.stderr
    assert empty(box)


def test_all_tags_and_policies(box: Sandbox, registry: Registry) -> None:
    for tag in ("1", "2"):
        box.podman("push", "--tls-verify=false", "-q", "img", f"{registry.host}/tags/img:{tag}")
    box.podman("rmi", "-a")
    assert box.podman("pull", "--policy", "never", "img", check=False).returncode == 125
    box.podman("pull", "-q", "-a", "--tls-verify=false", f"{registry.host}/tags/img")
    listed = box.podman("images", "--format", "{{.Tag}}").stdout.split()
    assert sorted(listed) == ["1", "2"]
    shown = box.podman(
        "search", "--list-tags", "--tls-verify=false", "--format", "{{.Tag}}", f"{registry.host}/tags/img"
    )
    assert sorted(shown.stdout.split()) == ["1", "2"]
    box.podman("pull", "-q", "--policy", "newer", "--tls-verify=false", f"{registry.host}/tags/img:1")
