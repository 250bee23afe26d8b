"""What this machine can do, asked once; each answer is a reason to skip, or the empty string."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess

import pytest


def find(tool: str) -> str | None:
    """The path of a program, looking into the system administrator's folders too (an ordinary user's PATH lacks them)."""
    return shutil.which(tool, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin")


def why_not_tool(*tools: str) -> str:
    missing = [tool for tool in tools if not find(tool)]
    return f"not installed: {', '.join(missing)}" if missing else ""


def why_not_root() -> str:
    return "" if os.geteuid() == 0 else "needs root"


@functools.cache
def why_not_namespaces() -> str:
    """Why mount and network namespaces cannot be made here."""
    done = subprocess.run(["unshare", "-mn", "true"], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"no namespaces here: {done.stderr.strip()}"


@functools.cache
def why_not_overlay() -> str:
    with open("/proc/filesystems") as f:
        known = any(line.split()[-1] == "overlay" for line in f)
    return "" if known or not subprocess.run(["modprobe", "overlay"], check=False).returncode else "no overlay here"


def why_not_containers() -> str:
    return why_not_root() or why_not_tool("runc") or why_not_namespaces() or why_not_overlay()


@functools.cache
def why_not_link(kind: str) -> str:
    """Why a network link of this kind (bridge, veth, dummy, macvlan, ...) cannot be made here."""
    if reason := why_not_root() or why_not_tool("ip"):
        return reason
    script = f"ip link add probe0 type {kind}"
    done = subprocess.run(["unshare", "-n", "sh", "-c", script], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"no {kind} links here: {done.stderr.strip()}"


def skip(reason: str) -> None:
    """Skips the calling test when there is a reason."""
    if reason:
        pytest.skip(reason)
