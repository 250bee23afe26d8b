"""Debian's docker-registry on a free loopback port, with or without TLS and passwords."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.support import machine


class Registry:
    """A running registry. ``host`` is ``127.0.0.1:PORT``; ``storage`` is where it keeps its blobs."""

    def __init__(
        self, folder: Path, *, tls: bool = False, user: str = "", password: str = "", delete: bool = True
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.user, self.password, self.tls = folder, user, password, tls
        self.storage = folder / "storage"
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.host = f"127.0.0.1:{self.port}"
        config = [
            "version: 0.1",
            "log: {level: error, accesslog: {disabled: true}}",
            "storage:",
            f"  filesystem: {{rootdirectory: {self.storage}}}",
            f"  delete: {{enabled: {str(delete).lower()}}}",
            f"http:\n  addr: {self.host}",
        ]
        if tls:
            self.certificate, key = make_certificate(folder)
            config += [f"  tls: {{certificate: {self.certificate}, key: {key}}}"]
        if user:
            machine.skip(machine.why_not_tool("htpasswd"))
            htpasswd = folder / "htpasswd"
            made = subprocess.run(["htpasswd", "-Bbn", user, password], capture_output=True, check=True)
            htpasswd.write_bytes(made.stdout)
            config += [f"auth:\n  htpasswd: {{realm: tests, path: {htpasswd}}}"]
        (folder / "config.yml").write_text("\n".join(config) + "\n")
        program = machine.find("docker-registry")
        if not program:
            pytest.skip("not installed: docker-registry")
        self.log = (folder / "log").open("wb")
        self.process = subprocess.Popen(
            [program, "serve", str(folder / "config.yml")], stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.stop()
        raise RuntimeError(f"docker-registry did not start: {(folder / 'log').read_text()}")

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.storage, ignore_errors=True)

    def blob_path(self, digest: str) -> Path:
        algorithm, hexa = digest.split(":")
        return self.storage / "docker/registry/v2/blobs" / algorithm / hexa[:2] / hexa / "data"


def make_certificate(folder: Path, name: str = "registry") -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1 and localhost: (certificate, key)."""
    machine.skip(machine.why_not_tool("openssl"))
    certificate, key = folder / f"{name}.crt", folder / f"{name}.key"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    command += ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    os.chmod(key, 0o600)
    return certificate, key
