"""A store, a state folder and a configuration of a test's own, and both tool sets pointed at it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support import leaks, machine

OURS = Path(sys.executable).parent
Result = subprocess.CompletedProcess[str]

# The real podman asks for limits far above what an unprivileged machine may set unless it is told others.
CONTAINERS_CONF = """
[containers]
default_ulimits = ["nofile=1024:4096", "nproc=1024:4096"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
[network]
network_backend = "netavark"
"""


class Sandbox:
    """Runs our tools (``podman``, ``buildah``, ``skopeo``) and the distribution's (``real_podman``, ...) on one store."""

    def __init__(self, *, driver: str = "overlay") -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="oci-", dir="/tmp"))
        self.folder.chmod(0o755)
        self.root, self.runroot, self.tmpdir = (self.folder / n for n in ("g", "r", "t"))
        self.driver = driver
        conf = self.folder / "containers.conf"
        conf.write_text(CONTAINERS_CONF)
        (self.folder / "registries.conf").write_text("")
        (self.folder / "policy.json").write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
        (self.folder / "auth").mkdir()
        (self.folder / "auth/auth.json").write_text("{}")  # the real tools fail when REGISTRY_AUTH_FILE names nothing
        self.env = {
            k: v
            for k, v in os.environ.items()
            if not k.startswith(("CONTAINERS_", "STORAGE_", "BUILDAH_", "REGISTRY_"))
        }
        self.env |= {
            "CONTAINERS_CONF": str(conf),
            "CONTAINERS_REGISTRIES_CONF": str(self.folder / "registries.conf"),
            "REGISTRY_AUTH_FILE": str(self.folder / "auth/auth.json"),
            "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin",
            "LC_ALL": "C.UTF-8",
            "OCIKIT_BLOB_INFO_CACHE_DIR": str(self.folder / "cache"),
        }
        self.before = leaks.snapshot()

    def podman_flags(self) -> list[str]:
        # Networks of a sandbox live below it: two sandboxes, or a sandbox and the machine, never share a record.
        return [
            f"--root={self.root}", f"--runroot={self.runroot}", f"--tmpdir={self.tmpdir}",
            f"--storage-driver={self.driver}", f"--network-config-dir={self.folder}/networks",
        ]  # fmt: skip

    def store_flags(self) -> list[str]:
        return [f"--root={self.root}", f"--runroot={self.runroot}", f"--storage-driver={self.driver}"]

    def storage_name(self, image: str) -> str:
        """The ``containers-storage:`` name of an image in this sandbox's store."""
        return f"containers-storage:[{self.driver}@{self.root}+{self.runroot}]{image}"

    def run(
        self,
        command: Sequence[str | Path],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout: float = 120,
        cwd: str | Path | None = None,
    ) -> Result:
        """Runs a command in the sandbox's environment; a failure shows both of its outputs."""
        words = [str(word) for word in command]
        stdin = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        done: Result = subprocess.run(
            words, capture_output=True, text=True, errors="surrogateescape", check=False, timeout=timeout,
            env=self.env | dict(env or {}), cwd=cwd, **stdin,  # type: ignore[call-overload]
        )  # fmt: skip
        if check and done.returncode:
            text = (
                f"{' '.join(words)}\nexit code {done.returncode}\n--- stdout\n{done.stdout}\n--- stderr\n{done.stderr}"
            )
            raise AssertionError(text)
        return done

    def podman(self, *words: str | Path, **options: object) -> Result:
        return self.run([OURS / "podman", *self.podman_flags(), *words], **options)  # type: ignore[arg-type]

    def buildah(self, *words: str | Path, **options: object) -> Result:
        return self.run([OURS / "buildah", *self.store_flags(), *words], **options)  # type: ignore[arg-type]

    def skopeo(self, *words: str | Path, **options: object) -> Result:
        return self.run([OURS / "skopeo", *words], **options)  # type: ignore[arg-type]

    def real_podman(self, *words: str | Path, **options: object) -> Result:
        return self.run([real("podman"), *self.podman_flags(), *words], **options)  # type: ignore[arg-type]

    def real_buildah(self, *words: str | Path, **options: object) -> Result:
        return self.run([real("buildah"), *self.store_flags(), *words], **options)  # type: ignore[arg-type]

    def real_skopeo(self, *words: str | Path, **options: object) -> Result:
        return self.run([real("skopeo"), *words], **options)  # type: ignore[arg-type]

    def close(self) -> list[str]:
        """Ends and removes everything of the sandbox; returns what the test had left behind, one line each."""
        for tool in (OURS / "podman", machine.find("podman")):
            # Each tool knows its own containers; the network is taken down by the one that set it up.
            if tool and (self.root / ("db.sql" if tool == OURS / "podman" else "libpod/bolt_state.db")).exists():
                command = [str(tool), *self.podman_flags(), "rm", "--all", "--force", "--time=0"]
                subprocess.run(command, env=self.env, capture_output=True, timeout=120, check=False)
        left = []
        deadline = time.monotonic() + 5
        while (running := leaks.processes_with(str(self.folder))) and time.monotonic() < deadline:
            time.sleep(0.05)
        for pid, words in running.items():
            left.append(f"process {pid}: {words[:200]}")
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        for target in leaks.mounts_below(str(self.folder)):
            # The overlay driver keeps its folder bind-mounted on itself, and the real tools leave that mount too.
            if not target.endswith(f"/{self.driver}"):
                left.append(f"mount {target}")
            subprocess.run(["umount", "-l", target], capture_output=True, check=False)
        # Others' containers come and go on a machine that is shared; there only what is the sandbox's own can be told.
        shared = bool(os.environ.get("OCIKIT_TESTS_SHARED_MACHINE"))
        grown = {} if shared else leaks.grown(self.before, leaks.snapshot())
        left += [f"{kind}: {', '.join(names)}" for kind, names in grown.items()]
        shutil.rmtree(self.folder, ignore_errors=True)
        return left


def real(tool: str) -> str:
    """The distribution's own tool; skips the test where it is not installed. Never one of ours from a virtual environment."""
    for folder in ("/usr/bin", "/usr/sbin", "/usr/local/bin"):
        if os.access(f"{folder}/{tool}", os.X_OK):
            return f"{folder}/{tool}"
    machine.skip(f"not installed: the distribution's {tool}")
    return tool
