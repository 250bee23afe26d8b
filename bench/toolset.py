"""The two tool sets, each with a store of its own, and what they share: a registry and image layouts."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

from tests.support import images, leaks, machine
from tests.support.registry import Registry
from tests.support.sandbox import CONTAINERS_CONF, real


class ToolSet:
    """podman, buildah and skopeo of one maker, pointed at one store."""

    def __init__(self, name: str, folder: Path, bench: Bench) -> None:
        self.name, self.folder, self.bench = name, folder, bench
        folder.mkdir()
        conf = folder / "containers.conf"
        conf.write_text(CONTAINERS_CONF)
        (folder / "registries.conf").write_text("")
        self.root, self.runroot, self.tmpdir = folder / "g", folder / "r", folder / "t"
        self.env = dict(os.environ) | {
            "CONTAINERS_CONF": str(conf),
            "CONTAINERS_REGISTRIES_CONF": str(folder / "registries.conf"),
            "PATH": os.environ["PATH"] + ":/usr/sbin:/sbin",
        }

    def _tool(self, name: str) -> str:
        return str(Path(sys.executable).parent / name) if self.name == "ours" else real(name)

    def podman(self, *words: str) -> list[str]:
        flags = [f"--root={self.root}", f"--runroot={self.runroot}", f"--tmpdir={self.tmpdir}"]
        flags += ["--storage-driver=overlay", f"--network-config-dir={self.folder}/networks"]
        return [self._tool("podman"), *flags, *words]

    def buildah(self, *words: str) -> list[str]:
        flags = [f"--root={self.root}", f"--runroot={self.runroot}", "--storage-driver=overlay"]
        return [self._tool("buildah"), *flags, *words]

    def skopeo(self, *words: str) -> list[str]:
        return [self._tool("skopeo"), *words]

    def call(self, argv: list[str], check: bool = True) -> str:
        """Runs a command that is not measured; its standard output."""
        done = subprocess.run(argv, env=self.env, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        if check and done.returncode:
            raise SystemExit(f"{' '.join(argv)}\nexit code {done.returncode}\n{done.stdout}{done.stderr}")
        return done.stdout.strip()


class Bench:
    """Makes the tool sets and what they share; removes all of it at the end, also after a failure."""

    def __enter__(self) -> Bench:
        # Not mkdtemp: podman makes an image's name of the path, and a name with "-_" in it is no name.
        self.folder = Path(f"/tmp/ocibench-{os.urandom(6).hex()}")
        self.folder.mkdir(mode=0o700)
        self.layout = self.folder / "busybox"
        images.busybox_layout(self.layout, tag="latest")
        self._registry: Registry | None = None
        self._big: Path | None = None
        self.sets = [ToolSet("ours", self.folder / "ours", self), ToolSet("theirs", self.folder / "theirs", self)]
        for tools in self.sets:
            tools.call(tools.podman("pull", "-q", f"oci:{self.layout}:latest"))
            image = tools.call(tools.podman("images", "-q", "--no-trunc")).splitlines()[0]
            tools.call(tools.podman("tag", image, "localhost/bb:latest"))
        return self

    @property
    def registry(self) -> Registry:
        if self._registry is None:
            self._registry = Registry(self.folder / "registry")
            self.push(self.layout, "bench/busybox:latest")
        return self._registry

    def push(self, layout: Path, name: str) -> None:
        target = f"docker://{self.registry.host}/{name}"
        command = [real("skopeo"), "copy", "-q", "--dest-tls-verify=false", f"oci:{layout}:latest", target]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    @property
    def big(self) -> Path:
        """An OCI layout of 200 MB in four layers, half of it compressible, also in the registry as ``bench/big``."""
        if self._big is None:
            self._big = self.folder / "big"
            rng = random.Random(1)
            word = bytes(range(256)) * 16
            layers = []
            for n in range(4):
                noise, text = rng.randbytes(25 << 20), word * ((25 << 20) // len(word))
                layers.append(images.tar_layer({"d": None, f"d/noise{n}": noise, f"d/text{n}": text}))
            images.oci_layout(self._big, layers)
            self.push(self._big, "bench/big:latest")
        return self._big

    def __exit__(self, *error: object) -> None:
        for tools in self.sets:
            tools.call(tools.podman("rm", "--all", "--force", "--time=0"), check=False)
        if self._registry:
            self._registry.stop()
        for target in leaks.mounts_below(str(self.folder)):
            subprocess.run([machine.find("umount") or "umount", "-l", target], check=False)
        subprocess.run(["rm", "-rf", str(self.folder)], check=False)
