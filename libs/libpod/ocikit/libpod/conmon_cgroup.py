"""Placing a monitor in a control group of its own, beside the containers, so that no session takes it down with it."""

from __future__ import annotations

import os


def move(pid: int, path: str) -> None:
    """Put a process into ``path`` of the unified hierarchy, or of every version 1 hierarchy. Refusals are left alone."""
    root = "/sys/fs/cgroup"
    unified = os.path.exists(f"{root}/cgroup.controllers")
    folders = [root] if unified else [f"{root}/{name}" for name in _entries(root)]
    for folder in folders:
        target = folder + path
        try:
            os.makedirs(target, exist_ok=True)
            _inherit_cpuset(target)
            with open(f"{target}/cgroup.procs", "w") as file:
                file.write(str(pid))
        except OSError:
            continue


def _entries(folder: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if not os.path.islink(f"{folder}/{name}"))
    except OSError:
        return []


def _inherit_cpuset(folder: str) -> None:
    """A new version 1 cpuset is empty and takes no process before it has cpus and memory nodes."""
    for name in ("cpuset.cpus", "cpuset.mems"):
        path = f"{folder}/{name}"
        if "/cpuset/" not in path or not os.path.exists(path):
            return
        with open(path) as file:
            if file.read().strip():
                continue
        parent = folder.rpartition("/")[0]
        _inherit_cpuset(parent)
        with open(f"{parent}/{name}") as file:
            value = file.read()
        with open(path, "w") as file:
            file.write(value)
