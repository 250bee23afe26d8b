"""Our templates against those of an installed podman."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import subprocess

import pytest

from ocikit.common.gotemplate import render, unescape

PODMAN = shutil.which("podman", path="/usr/bin:/usr/sbin")
DATA = pathlib.Path(__file__).parents[1] / "data" / "gotemplate.json"


@pytest.mark.skipif(PODMAN is None, reason="the distribution's podman is not installed")
def test_same_output(tmp_path: pathlib.Path) -> None:
    assert PODMAN is not None
    cases = [case[0] for case in json.loads(DATA.read_text()) if not case[2] and "{{." not in case[0]]
    cases = [case for case in cases if ".Client" not in case and "{{. " not in case]
    # Definitions are global to a template and the first of a name wins, so those go one by one elsewhere.
    cases = [case for case in cases if "define" not in case and "block" not in case]
    template = "\x01".join(cases)
    command = [
        PODMAN,
        "--root",
        str(tmp_path / "r"),
        "--runroot",
        str(tmp_path / "rr"),
        "version",
        "--format",
        template,
    ]
    result = subprocess.run(command, capture_output=True, env=os.environ | {"LC_ALL": "C.UTF-8"}, check=False)
    if result.returncode:
        pytest.skip(f"podman does not run here: {result.stderr.decode(errors='replace')[-200:]}")
    theirs = result.stdout.decode("utf-8", "surrogateescape").rstrip("\n").split("\x01")
    assert render(unescape(template), {}, "version").rstrip("\n").split("\x01") == theirs
