"""The example of docs/libs/network.md that needs root, in namespaces of its own."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import machine

pytestmark = pytest.mark.root


def test_example(tmp_path: Path) -> None:
    machine.skip(machine.why_not_root() or machine.why_not_tool("nft") or machine.why_not_link("bridge"))
    page = (Path(__file__).parents[2] / "docs/libs/network.md").read_text()
    (block,) = (part.split("```")[0] for part in page.split("```python\n")[1:] if ">>>" not in part)
    (tmp_path / "example.py").write_text(block)
    (tmp_path / "etc").mkdir()
    setup = (
        "mount -t tmpfs tmpfs /run; mkdir -p /run/lock /etc/containers; "
        f"mount --bind {tmp_path}/etc /etc/containers; ip link set lo up; "
        f"{sys.executable} {tmp_path}/example.py; ip -br link; nft list ruleset; ls /run/netns /etc/containers/networks"
    )
    done = subprocess.run(["unshare", "-mn", "sh", "-ec", setup], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0].startswith("[{'ipnet': '10.89.0.2/24', 'gateway': '10.89.0.1'}]")
    assert [line.split()[0] for line in lines[1:] if line] == ["lo", "/etc/containers/networks:", "/run/netns:"], (
        done.stdout
    )
