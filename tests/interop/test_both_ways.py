"""What the first release must show: one store for both tool sets, and monitors that can stand in for each other."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.registry import Registry
from tests.support.sandbox import OURS, Sandbox, real


def push(registry: Registry, sandbox: Sandbox, layout: Path, name: str) -> str:
    full = f"{registry.host}/both/{name}:latest"
    sandbox.real_skopeo("copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:latest", f"docker://{full}")
    return full


def test_theirs_lists_and_runs_what_ours_pulled(sandbox: Sandbox, registry: Registry, busybox: Path) -> None:
    name = push(registry, sandbox, busybox, "ours")
    ours = sandbox.podman("pull", "-q", "--tls-verify=false", name).stdout.strip()
    assert sandbox.real_podman("images", "-q", "--no-trunc").stdout.strip() == f"sha256:{ours}"
    assert (
        sandbox.real_podman("run", "--rm", "--network=none", name, "echo", "theirs ran it").stdout == "theirs ran it\n"
    )
    (seen,) = json.loads(sandbox.real_podman("image", "inspect", name).stdout)
    (shown,) = json.loads(sandbox.podman("image", "inspect", name).stdout)
    for key in ("Id", "Digest", "RepoTags", "RepoDigests", "RootFS", "Config", "Architecture", "Os"):
        assert shown[key] == seen[key], key


def test_ours_lists_and_runs_what_theirs_pulled(sandbox: Sandbox, registry: Registry, busybox: Path) -> None:
    name = push(registry, sandbox, busybox, "theirs")
    theirs = sandbox.real_podman("pull", "-q", "--tls-verify=false", name).stdout.strip()
    assert sandbox.podman("images", "-q", "--no-trunc").stdout.strip() == f"sha256:{theirs}"
    assert sandbox.podman("run", "--rm", "--network=none", name, "echo", "ours ran it").stdout == "ours ran it\n"
    sandbox.podman("rmi", name)
    assert sandbox.real_podman("images", "-q").stdout == ""


def test_our_build_is_theirs_and_theirs_is_our_cache(sandbox: Sandbox, busybox: Path, tmp_path: Path) -> None:
    pulled = sandbox.podman("pull", "-q", f"oci:{busybox}:latest").stdout.strip()
    sandbox.podman("tag", pulled, "localhost/base")
    (tmp_path / "file").write_text("hello\n")
    (tmp_path / "Containerfile").write_text(
        "FROM localhost/base\nCOPY file /file\nRUN cat /file > /copy\nCMD cat /copy\n"
    )
    sandbox.podman("build", "--network=none", "-t", "localhost/made", str(tmp_path))
    assert sandbox.real_podman("run", "--rm", "--network=none", "localhost/made").stdout == "hello\n"
    name = sandbox.real_buildah("from", "localhost/made").stdout.strip()
    assert sandbox.real_buildah("run", "--network=none", name, "cat", "/file").stdout == "hello\n"
    sandbox.real_buildah("rm", name)


def test_their_podman_drives_our_conmon(sandbox: Sandbox, busybox: Path) -> None:
    image = sandbox.real_podman("pull", "-q", f"oci:{busybox}:latest").stdout.strip()
    conmon = f"--conmon={OURS / 'conmon'}"
    done = sandbox.real_podman(
        conmon, "run", "--rm", "--network=none", image, "sh", "-c", "echo out; exit 4", check=False
    )
    assert (done.returncode, done.stdout) == (4, "out\n"), done.stderr
    sandbox.real_podman(
        conmon, "run", "-d", "--name=c", "--network=none", image, "sh", "-c", "echo logged; exec sleep 100"
    )
    assert sandbox.real_podman(conmon, "exec", "c", "echo", "inside").stdout == "inside\n"
    assert sandbox.real_podman("logs", "c").stdout == "logged\n"
    sandbox.real_podman(conmon, "stop", "--time=0", "c")
    sandbox.real_podman("rm", "c")


def test_our_podman_drives_the_c_conmon(sandbox: Sandbox, busybox: Path) -> None:
    image = sandbox.podman("pull", "-q", f"oci:{busybox}:latest").stdout.strip()
    conmon = f"--conmon={real('conmon')}"
    done = sandbox.podman(conmon, "run", "--rm", "--network=none", image, "sh", "-c", "echo out; exit 4", check=False)
    assert (done.returncode, done.stdout) == (4, "out\n"), done.stderr
    sandbox.podman(conmon, "run", "-d", "--name=c", "--network=none", image, "sh", "-c", "echo logged; exec sleep 100")
    assert sandbox.podman(conmon, "exec", "c", "echo", "inside").stdout == "inside\n"
    assert sandbox.podman("logs", "c").stdout == "logged\n"
    assert sandbox.podman("inspect", "--format={{.State.Status}}", "c").stdout == "running\n"
    sandbox.podman(conmon, "stop", "--time=0", "c")
    sandbox.podman("rm", "c")
    assert sandbox.podman("ps", "-aq").stdout == ""


def test_versions_say_what_they_are_compatible_with(sandbox: Sandbox) -> None:
    assert sandbox.podman("--version").stdout.startswith("podman version 5.8.2+ocikit.")
    assert sandbox.buildah("--version").stdout.startswith("buildah version 1.43.1+ocikit.")
    assert sandbox.skopeo("--version").stdout.startswith("skopeo version 1.22.2+ocikit.")
