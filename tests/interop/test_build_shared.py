"""Working containers and cached layers that our buildah and the distribution's share, in both directions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.sandbox import Sandbox

BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'


@pytest.fixture
def base(sandbox: Sandbox, tmp_path: Path) -> Path:
    (tmp_path / "busybox").write_bytes(Path(str(machine.find("busybox"))).read_bytes())
    (tmp_path / "busybox").chmod(0o755)
    (tmp_path / "Containerfile").write_text(BASE)
    sandbox.real_buildah("bud", "--quiet", "-t", "localhost/base", "--network=none", tmp_path)
    return tmp_path


@pytest.mark.parametrize("ours_first", [True, False])
def test_one_begins_and_the_other_goes_on(sandbox: Sandbox, base: Path, ours_first: bool) -> None:
    one, other = sandbox.buildah, sandbox.real_buildah
    if not ours_first:
        one, other = other, one
    one("from", "--name=work", "localhost/base")
    other("run", "--network=none", "work", "sh", "-c", "echo 1 > /one")
    one("config", "--env=A=1", "--label=l=m", "work")
    other("config", "--user=5", "--workingdir=/w", "work")
    one("run", "--user=0", "--network=none", "work", "sh", "-c", "cat /one > /two")
    assert other("inspect", "--format={{.FromImage}}", "work").stdout == "localhost/base:latest"
    other("commit", "--quiet", "work", "localhost/new")
    one("rm", "work")
    assert "work" not in other("containers", "--format={{.ContainerName}}").stdout
    shown = json.loads(sandbox.podman("image", "inspect", "localhost/new").stdout)[0]
    config = shown["Config"]
    assert (config["User"], config["WorkingDir"], config["Labels"]["l"]) == ("5", "/w", "m")
    assert "A=1" in config["Env"]
    ran = sandbox.podman("run", "--rm", "--network=none", "localhost/new", "cat", "/two")
    assert ran.stdout == "1\n"


@pytest.mark.parametrize("ours_first", [True, False])
def test_cached_layers_are_shared(sandbox: Sandbox, base: Path, ours_first: bool) -> None:
    (base / "Containerfile").write_text("FROM localhost/base\nENV A=1\nRUN echo 1 > /one\nLABEL l=m\nCMD x\n")
    one, other = sandbox.buildah, sandbox.real_buildah
    if not ours_first:
        one, other = other, one
    first = one("bud", "--layers", "--network=none", base)
    second = other("bud", "--layers", "--network=none", base)
    assert second.stdout.count("Using cache") == 4
    assert first.stdout.split()[-1] == second.stdout.split()[-1]
