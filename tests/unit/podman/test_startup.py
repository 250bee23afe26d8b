"""podman's global flags that act before the command."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest


def podman(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from ocikit.podman.main import PROGRAM; PROGRAM.main_and_exit(sys.argv[1:])"
    kept = {key: value for key, value in os.environ.items() if not key.startswith("CONTAINER")}
    return subprocess.run(
        [sys.executable, "-c", code, *words], capture_output=True, text=True, env=kept | environment, check=False
    )


def test_out(tmp_path: pathlib.Path) -> None:
    result = podman("--out", str(tmp_path / "out"), "version")
    assert (result.returncode, result.stdout) == (0, "")
    assert "Podman Engine" in (tmp_path / "out").read_text()
    result = podman("--out", str(tmp_path / "no" / "out"), "version")
    assert result.returncode == 125 and "no such file or directory" in result.stderr


@pytest.mark.parametrize("words", [["--remote"], ["-r"], ["--url", "unix:///x"], ["--connection=x"], ["-c", "x"]])
def test_no_remote(words: list[str]) -> None:
    result = podman(*words, "version")
    assert result.returncode == 125 and "has no remote client" in result.stderr
    assert podman("--remote=false", "version").returncode == 0


def test_no_remote_by_environment() -> None:
    result = podman("version", CONTAINER_HOST="unix:///x")
    assert result.returncode == 125
    assert result.stderr == (
        "Error: CONTAINER_HOST names a remote service, and this podman has no remote client\nUnset CONTAINER_HOST to work here.\n"
    )


def test_syslog_and_config_are_taken() -> None:
    assert podman("--syslog", "--config", "/tmp", "version").returncode == 0


def test_version_formats() -> None:
    from ocikit.common.version import PODMAN

    assert podman("version", "--format", "{{.Client.APIVersion}} {{.Client.Os}}").stdout == f"{PODMAN} linux\n"
    assert f'"APIVersion": "{PODMAN}"' in podman("version", "-f", "json").stdout
    result = podman("version", "--format", "{{.Nope}}")
    assert result.returncode == 125 and "can't evaluate field Nope" in result.stderr
