"""The fuzz targets' short form: a few seconds each with their own mutator (the long form: tox -e fuzz)."""

import subprocess
import sys
from pathlib import Path

import pytest

TARGETS = sorted((Path(__file__).parents[1] / "fuzz").glob("fuzz_*.py"))


@pytest.mark.parametrize("target", TARGETS, ids=[path.stem for path in TARGETS])
def test_nothing_but_values_and_sentences(target: Path) -> None:
    done = subprocess.run([sys.executable, target, "--seconds", "4"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    assert int(done.stdout.split()[0]) > 10
