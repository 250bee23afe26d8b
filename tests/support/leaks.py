"""What a test could leave behind on the machine, listed before and after."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support import machine


def mounts_below(folder: str) -> list[str]:
    """Mount points at or below a folder in this mount namespace, deepest first."""
    found = []
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        target = line.split(" ")[4].encode().decode("unicode_escape")
        if target == folder or target.startswith(folder + "/"):
            found.append(target)
    return sorted(found, reverse=True)


def processes_with(text: str) -> dict[int, str]:
    """Running processes (not zombies, not this one) whose command line contains the text: pid -> command line."""
    found = {}
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            words = Path(f"/proc/{entry}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if text in words:
            found[int(entry)] = words
    return found


def snapshot() -> dict[str, set[str]]:
    """Network links, named network namespaces and nftables tables of this machine, and the container cgroups."""
    state = {"links": set(os.listdir("/sys/class/net")), "netns": set(), "tables": set(), "cgroups": set()}
    for folder in ("/run/netns", "/var/run/netns"):
        if os.path.isdir(folder):
            state["netns"] |= set(os.listdir(folder))
    if machine.find("nft") and os.geteuid() == 0:
        listed = subprocess.run(
            [str(machine.find("nft")), "list", "tables"], capture_output=True, text=True, check=False
        )
        state["tables"] = set(listed.stdout.split("\n")) - {""}
    base = Path("/sys/fs/cgroup")
    for parent in (base, base / "memory", base / "pids", base / "unified"):
        for name in ("libpod_parent", "machine.slice", "buildah"):
            if (parent / name).is_dir():
                state["cgroups"] |= {str(p) for p in (parent / name).iterdir() if p.is_dir()}
    return state


def grown(before: dict[str, set[str]], after: dict[str, set[str]]) -> dict[str, list[str]]:
    """What is there now and was not before."""
    return {kind: sorted(after[kind] - before[kind]) for kind in before if after[kind] - before[kind]}
