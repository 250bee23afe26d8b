"""What the everyday commands load. A Go podman answers in 25 ms; click alone would take longer to import.

The standard library's modules that such a command may load are listed here one by one: each was measured. A new one
needs a reason and a measurement, or has to move into the function that needs it.
"""

from __future__ import annotations

import pathlib
import subprocess
import sys

import pytest

# Built into the interpreter or cheap (well below a millisecond), and needed.
ALLOWED = frozenset(
    "__future__ _ctypes _operator _datetime _json _opcode _posixsubprocess _socket _sqlite3 _stat _struct _thread array atexit binascii "
    "datetime errno fcntl grp itertools marshal math mmap operator posixpath pwd select signal _signal socket struct termios "
    "time tty zlib _random _bisect _sha2 _sha256 _blake2 _md5 _uuid _posixshmem _weakref _collections _functools resource "
    "sqlite3 sqlite3.dbapi2 ctypes ctypes._endian _weakrefset weakref keyword reprlib collections collections.abc "
    "functools types copyreg _locale warnings linecache textwrap heapq _heapq contextvars _contextvars".split()
)  # fmt: skip

# Said again by name because each of these has cost somebody 10 ms or more.
HEAVY = frozenset(
    "click typing dataclasses re json logging pathlib subprocess tempfile shutil contextlib inspect enum tomllib asyncio "
    "requests urllib.request urllib.parse http.client ssl threading concurrent.futures hashlib argparse email random "
    "importlib.metadata importlib.resources pyroute2 jsonschema cryptography zstandard isal dnslib ast traceback".split()
)  # fmt: skip

CHILD = """
import sys
before = set(sys.modules)
from ocikit.podman.main import PROGRAM
{action}
sys.stderr.write("\\nLOADED " + " ".join(sorted(set(sys.modules) - before)) + "\\n")
"""


def loaded(action: str, home: pathlib.Path) -> set[str]:
    """The modules that a fresh interpreter has after the action and had not before."""
    environment = {"HOME": str(home), "PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "CONTAINERS_CONF": "/dev/null"}
    result = subprocess.run(
        [sys.executable, "-c", CHILD.format(action=action)],
        capture_output=True,
        text=True,
        env=environment,
        check=False,
    )
    assert "LOADED " in result.stderr, result.stderr
    return set(result.stderr.rpartition("LOADED ")[2].split())


def heavy(modules: set[str]) -> set[str]:
    """Those that an everyday command must not load."""
    own = {name for name in modules if name == "ocikit" or name.startswith("ocikit.")}
    return (modules & HEAVY) | (modules - own - ALLOWED)


def exists(path: str) -> bool:
    from ocikit.podman.main import PROGRAM

    return path in PROGRAM.index


def test_version_loads_only_the_kit(tmp_path: pathlib.Path) -> None:
    assert loaded('PROGRAM.main(["--version"])', tmp_path) - {"atexit"} == {
        "__future__",
        "ocikit",
        "ocikit.common",
        "ocikit.common.cli",
        "ocikit.common.cli.declare",
        "ocikit.common.cli.parse",
        "ocikit.common.cli.program",
        "ocikit.common.errors",
        "ocikit.common.log",
        "ocikit.common.version",
        "ocikit.podman",
        "ocikit.podman.main",
    }


@pytest.mark.parametrize("words", [["version"], ["ps"], ["ps", "-a"], ["images"]])
def test_commands_on_an_empty_store(words: list[str], tmp_path: pathlib.Path) -> None:
    if not exists(words[0]):
        pytest.skip(f"podman {words[0]} is not there yet")
    roots = ["--root", str(tmp_path / "root"), "--runroot", str(tmp_path / "run"), "--tmpdir", str(tmp_path / "tmp")]
    assert heavy(loaded(f"PROGRAM.main({[*roots, '--storage-driver', 'vfs', *words]!r})", tmp_path)) == set()


@pytest.mark.parametrize("path", ["inspect", "run", "exec", "create", "start", "stop", "kill", "rm", "logs", "wait"])
def test_modules_of_commands(path: str, tmp_path: pathlib.Path) -> None:
    """Their modules and option tables; that running them stays light too is checked where containers can run."""
    if not exists(path):
        pytest.skip(f"podman {path} is not there yet")
    action = f"from ocikit.common.cli.program import load; load(PROGRAM.index[{path!r}][0])"
    assert heavy(loaded(action, tmp_path)) == set()


def test_the_check_itself_bites(tmp_path: pathlib.Path) -> None:
    found = heavy(loaded("import click", tmp_path))
    assert {"click", "typing", "re"} <= found
    assert {"json"} <= heavy(loaded("import json", tmp_path))
    assert {"tomllib"} <= heavy(loaded("import tomllib", tmp_path))
