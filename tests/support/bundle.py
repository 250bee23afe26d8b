"""OCI bundles over the busybox root file system, and a container of a test's own that is driven through a monitor."""

from __future__ import annotations

import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ocikit.libpod import attach, execsession, monitor, oci
from tests.support import images, machine

CAPABILITIES = ["CAP_KILL", "CAP_CHOWN", "CAP_SETUID", "CAP_SETGID", "CAP_FOWNER", "CAP_DAC_OVERRIDE"]


def unpack_rootfs(folder: Path) -> Path:
    """A root file system; containers mount it read-only and share it."""
    with tarfile.open(fileobj=io.BytesIO(images.busybox_layer())) as tar:
        # Python 3.11.2, which Debian 12 has, knows no filters; newer ones want one.
        trusted = {"filter": "fully_trusted"} if hasattr(tarfile, "fully_trusted_filter") else {}
        tar.extractall(folder, **trusted)
    return folder


def process(args: Sequence[str], *, terminal: bool = False) -> dict[str, Any]:
    """The ``process`` part of an OCI configuration, also what an exec session runs."""
    sets = ("bounding", "effective", "permitted")
    return {
        "terminal": terminal,
        "user": {"uid": 0, "gid": 0},
        "args": list(args),
        "env": ["PATH=/bin", "TERM=xterm"],
        "cwd": "/",
        "capabilities": dict.fromkeys(sets, CAPABILITIES),
    }


def config(rootfs: Path, args: Sequence[str], *, terminal: bool = False, memory: int = 0) -> dict[str, Any]:
    """A small configuration: own pid, ipc, uts and mount namespaces, no network of its own."""
    found: dict[str, Any] = {
        "ociVersion": "1.0.2",
        "process": process(args, terminal=terminal),
        "root": {"path": str(rootfs), "readonly": True},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {
                "destination": "/dev",
                "type": "tmpfs",
                "source": "tmpfs",
                "options": ["nosuid", "mode=755", "size=65536k"],
            },
            {
                "destination": "/dev/pts",
                "type": "devpts",
                "source": "devpts",
                "options": ["newinstance", "ptmxmode=0666"],
            },
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=1777"]},
        ],
        "linux": {"namespaces": [{"type": kind} for kind in ("pid", "ipc", "uts", "mount")], "resources": {}},
    }
    if memory:
        found["linux"]["resources"]["memory"] = {"limit": memory, "swap": memory}
    return found


class Container:
    """One container in a folder: its bundle, the files that an engine looks at, and the monitor that watches it."""

    def __init__(
        self, folder: Path, rootfs: Path, conmon: Sequence[str], runtime: oci.OciRuntime | None = None
    ) -> None:
        self.folder = folder
        self.rootfs = rootfs
        self.conmon = list(conmon)
        self.runtime = runtime or oci.OciRuntime(str(machine.find("runc")), ["--root", str(folder / "runc")])
        self.cid = os.urandom(32).hex()
        self.bundle = folder / "bundle"
        self.log = self.bundle / "ctr.log"
        self.exits, self.persist = folder / "exits", folder / "persist"
        for path in (self.bundle, self.exits, self.persist):
            path.mkdir(parents=True)
        self.monitor: monitor.Monitor | None = None

    def options(self, **more: Any) -> monitor.MonitorOptions:
        given: dict[str, Any] = {
            "runtime": self.runtime,
            "conmon": self.conmon,
            "cid": self.cid,
            "name": "tested",
            "bundle": str(self.bundle),
            "pidfile": str(self.folder / "pidfile"),
            "conmon_pidfile": str(self.folder / "conmon.pid"),
            "exit_dir": str(self.exits),
            "persist_dir": str(self.persist),
            "log": [f"k8s-file:{self.log}"],
            "oci_log": str(self.bundle / "oci-log"),
            "syslog": False,
        }
        return monitor.MonitorOptions(**(given | more))

    def create(self, *args: str, terminal: bool = False, memory: int = 0, **options: Any) -> monitor.Monitor:
        spec = config(self.rootfs, args, terminal=terminal, memory=memory)
        (self.bundle / "config.json").write_text(json.dumps(spec))
        self.monitor = monitor.create_container(self.options(terminal=terminal, **options))
        return self.monitor

    def start(self) -> None:
        self.runtime.start(self.cid)

    def attached(self, before_start: bool = True, *, send: bytes | None = None) -> tuple[bytes, bytes]:
        """Attach, start unless told not to, send (and half-close), and read to the end: (stdout, stderr)."""
        sock = attach.connect(str(self.bundle / "attach"))
        if before_start:
            self.start()
        if send is not None:
            sock.send(send)
            sock.shutdown(1)
        out = {2: b"", 3: b""}
        sock.settimeout(30)
        while True:
            try:
                packet = sock.recv(9000)
            except ConnectionResetError:
                break
            if not packet:
                break
            out[packet[0]] += packet[1:]
        sock.close()
        return out[2], out[3]

    def exit_status(self, timeout_s: float = 30) -> str:
        """What the exit file says, once it is there."""
        assert self.monitor is not None
        assert self.monitor.wait_end(timeout_s), "the monitor did not end"
        return (self.exits / self.cid).read_text()

    def lines(self) -> list[tuple[str, str, str]]:
        """(stream, flag, text) of every logged line."""
        found = []
        for line in self.log.read_bytes().decode().split("\n")[:-1]:
            _, stream, flag, text = line.split(" ", 3)
            found.append((stream, flag, text))
        return found

    def exec(
        self, *args: str, terminal: bool = False, stdin: bool = False, name: str = "", **options: Any
    ) -> tuple[execsession.ExecSession, Path]:
        """Begin an exec session; (the session, its folder)."""
        session = name or os.urandom(32).hex()
        folder = self.bundle / session
        spec = execsession.prepare(str(folder), self.cid, process(args, terminal=terminal))
        chosen = self.options(
            exec_session=session,
            exec_process_spec=spec,
            bundle=str(folder),
            pidfile=str(folder / "exec_pid"),
            conmon_pidfile="",
            exit_dir=str(folder / "exit"),
            persist_dir=str(folder / "persist" / self.cid),
            log=["none"],
            oci_log=str(folder / "oci-log"),
            terminal=terminal,
            stdin=stdin,
            **options,
        )
        return execsession.begin(chosen), folder

    def wait_for_log(self, text: str, timeout_s: float = 20) -> None:
        deadline = time.monotonic() + timeout_s
        while text not in self.log.read_text():
            assert time.monotonic() < deadline, f"{text!r} never came: {self.log.read_text()!r}"
            time.sleep(0.01)

    def close(self) -> None:
        """No process, no cgroup, no record of the container stays."""
        subprocess.run(
            [self.runtime.path, *self.runtime.global_args, "delete", "--force", self.cid],
            capture_output=True,
            check=False,
        )
        if self.monitor is not None:
            self.monitor.wait_end(10)
            self.monitor.close()
