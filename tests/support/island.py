"""Both podmans in mount, network and process namespaces of a test's own, with an own /run and /etc/containers."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.sandbox import CONTAINERS_CONF, OURS


class Island:
    """Namespaces held by a sleeping process; when that ends, so does everything in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "etc").mkdir()
        (folder / "etc/policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
        (folder / "containers.conf").write_text(CONTAINERS_CONF)
        script = (
            f"mount -t tmpfs tmpfs /run; mkdir -p /run/lock; mount --bind {folder}/etc /etc/containers; "
            "ip link set lo up; echo ready; exec sleep infinity"
        )
        words = ["unshare", "-m", "-n", "-p", "--fork", "--kill-child", "--mount-proc", "sh", "-ec", script]
        self._holder = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert self._holder.stdout is not None and self._holder.stdout.readline() == "ready\n"
        children = Path(f"/proc/{self._holder.pid}/task/{self._holder.pid}/children").read_text()
        self._pid = children.split()[0]
        self.env = dict(os.environ, CONTAINERS_CONF=str(folder / "containers.conf"), LC_ALL="C.UTF-8")

    def result(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Runs a command inside, whatever comes of it."""
        command = ["nsenter", "-t", self._pid, "-m", "-n", "-p", *words]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=self.env, stdin=subprocess.DEVNULL, timeout=60
        )

    def run(self, *words: str, check: bool = True) -> str:
        """The output of a command inside."""
        done = self.result(*words)
        assert not check or done.returncode == 0, f"{words}\n{done.stdout}{done.stderr}"
        return done.stdout

    def ours(self, *words: str, check: bool = True) -> str:
        return self._podman(str(OURS / "podman"), "ours", *words, check=check)

    def real(self, *words: str, check: bool = True) -> str:
        return self._podman("/usr/bin/podman", "real", *words, check=check)

    def _podman(self, program: str, name: str, *words: str, check: bool) -> str:
        flags = (f"--root={self.folder}/{name}", f"--runroot=/run/{name}-root", f"--tmpdir=/run/{name}-tmp")
        return self.run(program, *flags, *words, check=check)

    def fails(self, *words: str) -> tuple[int, str]:
        """Exit code and error text of our podman."""
        flags = (f"--root={self.folder}/ours", "--runroot=/run/ours-root", "--tmpdir=/run/ours-tmp")
        done = self.result(str(OURS / "podman"), *flags, *words)
        return done.returncode, done.stderr

    def close(self) -> None:
        for tool in (self.ours, self.real):
            tool("rm", "-f", "-a", "-t", "0", check=False)
        self._holder.kill()
        self._holder.wait()
        assert self._holder.stdout is not None
        self._holder.stdout.close()
