"""The quick importer: the same modules as the ordinary one, and hands off whatever is not as expected."""

from __future__ import annotations

import os
import pathlib
import subprocess
import sys

import pytest

CHILD = """
import sys
sys.path.insert(0, {folder!r})
from ocikit.common import quickload
quickload.install()
import ocikit
ocikit.__path__.append({folder!r} + "/ocikit")
{action}
"""


def child(folder: pathlib.Path, action: str, *flags: str) -> str:
    done = subprocess.run(
        [sys.executable, *flags, "-c", CHILD.format(folder=str(folder), action=action)],
        capture_output=True,
        text=True,
        env={"PATH": os.environ["PATH"]},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture
def folder(tmp_path: pathlib.Path) -> pathlib.Path:
    package = tmp_path / "ocikit" / "quicktest"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("WHO = 'package'\n")
    (package / "inner.py").write_text("WHO = 'one'\ndef fail(): raise ValueError\n")
    child(tmp_path, "import ocikit.quicktest.inner")  # writes the compiled files
    assert list((package / "__pycache__").glob("inner.*.pyc"))
    return tmp_path


def test_names_as_usual(folder: pathlib.Path) -> None:
    action = """
import ocikit.quicktest.inner as m, ocikit.quicktest as p
print(type(m.__loader__).__module__, m.WHO, p.WHO, m.__name__, m.__package__, p.__package__)
print(m.__file__, m.__cached__, p.__path__, m.__spec__.origin, p.__spec__.submodule_search_locations)
import importlib.util, inspect, importlib.resources
print(importlib.util.cache_from_source(m.__file__) == m.__cached__, len(inspect.getsource(m)))
print(importlib.resources.files("ocikit.quicktest").joinpath("inner.py").is_file())
importlib.reload(m); print(m.WHO)
"""
    lines = child(folder, action).splitlines()
    top = f"{folder}/ocikit/quicktest"
    assert lines[0] == "ocikit.common.quickload one package ocikit.quicktest.inner ocikit.quicktest ocikit.quicktest"
    assert lines[1].startswith(f"{top}/inner.py {top}/__pycache__/inner.")
    assert lines[1].endswith(f"['{top}'] {top}/inner.py ['{top}']")
    assert lines[2:] == ["True 41", "True", "one"]


def test_a_changed_source_counts(folder: pathlib.Path) -> None:
    (folder / "ocikit" / "quicktest" / "inner.py").write_text("WHO = 'another'\n")
    assert child(folder, "import ocikit.quicktest.inner as m; print(m.WHO)") == "another"
    # The ordinary machinery has compiled it anew, and the next start is a quick one.
    assert child(folder, "import ocikit.quicktest.inner as m; print(type(m.__loader__).__module__)") == (
        "ocikit.common.quickload"
    )


@pytest.mark.parametrize("damage", [b"", b"\0" * 40])
def test_damaged_compiled_files(folder: pathlib.Path, damage: bytes) -> None:
    for compiled in (folder / "ocikit" / "quicktest" / "__pycache__").glob("inner.*.pyc"):
        compiled.write_bytes(damage)
    assert child(folder, "import ocikit.quicktest.inner as m; print(m.WHO)") == "one"


def test_missing_modules_are_missing(folder: pathlib.Path) -> None:
    action = """
try:
    import ocikit.quicktest.nothing
except ModuleNotFoundError as error:
    print(error)
"""
    assert child(folder, action) == "No module named 'ocikit.quicktest.nothing'"


def test_optimised_interpreters_keep_their_own_files(folder: pathlib.Path) -> None:
    action = "import ocikit.quicktest.inner as m; print(type(m.__loader__).__module__)"
    assert child(folder, action, "-O") == "_frozen_importlib_external"
