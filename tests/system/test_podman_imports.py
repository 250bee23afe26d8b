"""What `podman run` of a local image, `inspect`, `exec`, `stop` and `rm` load while they really work."""

from __future__ import annotations

import importlib.util
import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from ocikit.podman.main import PROGRAM

LISTS = pathlib.Path(__file__).parents[1] / "unit" / "podman" / "test_imports.py"
specification = importlib.util.spec_from_file_location("podman_test_imports", LISTS)
assert specification is not None and specification.loader is not None
lists = importlib.util.module_from_spec(specification)
specification.loader.exec_module(lists)

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="runs containers as root"),
    pytest.mark.skipif(shutil.which("runc") is None, reason="runc is not installed"),
    pytest.mark.skipif(
        "run" not in PROGRAM.index or "build" not in PROGRAM.index, reason="podman run is not there yet"
    ),
]

CONTAINERFILE = "FROM scratch\nCOPY busybox /bin/busybox\nCOPY busybox /bin/true\nCOPY busybox /bin/sleep\n"


def test_everyday_commands_stay_light(tmp_path: pathlib.Path) -> None:
    if not os.path.exists("/bin/busybox"):
        pytest.skip("busybox-static is not installed")
    shutil.copy("/bin/busybox", tmp_path / "busybox")
    (tmp_path / "Containerfile").write_text(CONTAINERFILE)
    roots = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--tmpdir", str(tmp_path / "tmp")]
    roots += ["--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--runtime", "runc"]
    call = [sys.executable, "-m", "ocikit.podman", *roots]
    subprocess.run([*call, "build", "-q", "-t", "light", str(tmp_path)], check=True, capture_output=True)
    heavy: dict[str, set[str]] = {}
    try:
        for words in (
            ["run", "--rm", "--network", "none", "light", "/bin/true"],
            ["run", "-d", "--name", "one", "--network", "none", "light", "/bin/sleep", "100"],
            ["ps", "-a"],
            ["inspect", "one"],
            ["exec", "one", "/bin/true"],
            ["stop", "-t", "0", "one"],
            ["rm", "one"],
            ["images"],
        ):
            heavy[words[0]] = lists.heavy(lists.loaded(f"PROGRAM.main({[*roots, *words]!r})", tmp_path))
    finally:
        subprocess.run([*call, "rm", "-f", "-t", "0", "-a"], check=False, capture_output=True)
    assert {name: found for name, found in heavy.items() if found} == {}
