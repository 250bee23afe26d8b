"""bash asks podman for completions, as at a prompt, with names from a store."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

import pytest

from ocikit.storage import Store, StoreOptions

SCRIPT = r"""
podman() { "$PYTHON" -m ocikit.podman "$@"; }
source <(podman completion bash)
ask() { COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 )); COMPREPLY=(); _podman_completion "$SHIM"; echo "${COMPREPLY[*]}"; }
ask podman ver
ask podman image lis
ask podman $ROOTS rmi foo
ask podman $ROOTS rmi foo/bar : ''
ask podman images --so
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a store, which needs root")
@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash(tmp_path: pathlib.Path) -> None:
    options = StoreOptions(graphroot=str(tmp_path / "root"), runroot=str(tmp_path / "run"), driver="vfs")
    with Store.open(options) as store:
        store.create_image(names=("localhost/foo/bar:1",))
    shim = tmp_path / "podman"
    shim.write_text(f'#!/bin/sh\nexec {sys.executable} -m ocikit.podman "$@"\n')
    shim.chmod(0o755)
    roots = f"--root {tmp_path}/root --runroot {tmp_path}/run --storage-driver vfs"
    environment = os.environ | {"PYTHON": sys.executable, "SHIM": str(shim), "ROOTS": roots}
    result = subprocess.run(["bash", "-c", SCRIPT], capture_output=True, text=True, env=environment, check=True)
    assert result.stdout.splitlines() == ["version", "list", "foo/bar:1", "1", "--sort"], result.stderr
