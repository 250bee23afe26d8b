"""A pull that is killed in the middle of a layer: nothing half-made is in the store, and the next pull goes on there."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from tests.support import images
from tests.support.sandbox import OURS, Sandbox
from tests.unit.image.registry.server import Handler, Server

LAYER_TYPE = "application/vnd.oci.image.layer.v1.tar+gzip"
OCI = "application/vnd.oci.image.manifest.v1+json"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


def serve_image(server: Server) -> bytes:
    """Serves r:1 with one layer that doesn't compress; the layer."""
    tar = images.tar_layer({"data": os.urandom(12 << 20)})
    layer = gzip.compress(tar, 1)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(tar).hexdigest()]},
        }
    ).encode()

    def described(data: bytes, kind: str) -> dict[str, object]:
        return {"mediaType": kind, "digest": "sha256:" + hashlib.sha256(data).hexdigest(), "size": len(data)}

    manifest = {
        "schemaVersion": 2,
        "mediaType": OCI,
        "config": described(config, "application/vnd.oci.image.config.v1+json"),
        "layers": [described(layer, LAYER_TYPE)],
    }
    body = json.dumps(manifest).encode()
    server.routes["/v2/r/manifests/1"] = lambda h: h.answer(200, body, Content_Type=OCI)
    server.routes[f"/v2/r/blobs/{manifest['config']['digest']}"] = lambda h: h.answer(200, config)  # type: ignore[index]
    return layer


def test_killed_pull_is_continued(sandbox: Sandbox, server: Server) -> None:
    layer = serve_image(server)
    path = f"/v2/r/blobs/sha256:{hashlib.sha256(layer).hexdigest()}"
    half = 6 << 20  # a whole number of reads

    stalled = threading.Event()

    def stalling(h: Handler) -> None:
        h.answer(200, layer[:half], Content_Length=str(len(layer)))
        h.wfile.flush()
        stalled.wait(60)

    server.routes[path] = stalling
    words = [OURS / "podman", *sandbox.podman_flags(), "pull", "--tls-verify=false", f"{server.host}/r:1"]
    pulling = subprocess.Popen([str(w) for w in words], env=sandbox.env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    kept = sandbox.root / "tmp/partial-blobs" / hashlib.sha256(layer).hexdigest()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (kept.exists() and kept.stat().st_size >= half):
        time.sleep(0.05)
    pulling.send_signal(signal.SIGKILL)
    pulling.communicate()
    stalled.set()
    assert sandbox.podman("images", "-aq").stdout == ""

    def rest(h: Handler) -> None:
        start = int(h.headers["Range"][6:-1])
        h.answer(206, layer[start:], Content_Range=f"bytes {start}-{len(layer) - 1}/{len(layer)}")

    server.routes[path] = rest
    sandbox.podman("pull", "-q", "--tls-verify=false", f"{server.host}/r:1")
    asked = [headers.get("Range") for _, where, headers in server.seen if where == path]
    assert asked == [None, f"bytes={half}-"]
    assert not kept.exists()
    assert sandbox.real_podman("images", "--format", "{{.Repository}}").stdout.split() == [f"{server.host}/r"]
    trees = [p.name for p in (sandbox.root / "overlay").iterdir() if len(p.name) == 64]
    assert len(trees) == 1
