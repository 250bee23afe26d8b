"""Where everything of one runtime lives (libpod.md section 1)."""

from __future__ import annotations

import os


class Paths:
    """Absolute directories. ``of(...)`` methods give a container's own."""

    __slots__ = ("driver", "exits", "graphroot", "persist", "runroot", "static", "tmpdir", "volumes")

    def __init__(self, graphroot: str, runroot: str, tmpdir: str, driver: str, volumes: str = "") -> None:
        self.graphroot = graphroot
        self.runroot = runroot
        self.tmpdir = tmpdir
        self.driver = driver
        self.static = f"{graphroot}/libpod"
        self.volumes = volumes or f"{graphroot}/volumes"
        self.exits = f"{tmpdir}/exits"
        self.persist = f"{tmpdir}/persist"

    def bundle(self, cid: str) -> str:
        """``userdata`` under the graph root: config.json, log, attach socket."""
        return f"{self.graphroot}/{self.driver}-containers/{cid}/userdata"

    def run(self, cid: str) -> str:
        """``userdata`` under the run root: hosts, resolv.conf, pid files."""
        return f"{self.runroot}/{self.driver}-containers/{cid}/userdata"

    def exit_file(self, cid: str) -> str:
        """Where conmon writes the exit code."""
        return f"{self.exits}/{cid}"

    def database(self) -> dict[str, str]:
        """The columns of DBConfig."""
        return {
            "StaticDir": self.static,
            "TmpDir": self.tmpdir,
            "GraphRoot": self.graphroot,
            "RunRoot": self.runroot,
            "GraphDriver": self.driver,
            "VolumeDir": self.volumes,
        }

    def make(self) -> None:
        """Makes what every command needs; existing directories stay as they are."""
        for path, mode in (
            (self.graphroot, 0o700),
            (self.runroot, 0o700),
            (self.static, 0o700),
            (self.tmpdir, 0o700 | 0o1000 * (os.getuid() != 0)),
            (self.exits, 0o755),
            (self.persist, 0o755),
            (f"{self.tmpdir}/events", 0o700),
        ):
            os.makedirs(path, mode=mode & 0o777, exist_ok=True)
            if mode & 0o1000:
                os.chmod(path, mode)
