"""What inspect and list-tags cost before their answer: modules loaded, requests sent. The Go tool takes 40 ms in all."""

from __future__ import annotations

import hashlib
import json
import pathlib
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.unit.image.registry.server import Server

# Each of these costs between 1 and 100 ms, and nothing here needs it.
HEAVY = frozenset(
    "typing dataclasses re json logging pathlib subprocess tempfile shutil contextlib inspect enum tomllib importlib warnings "
    "requests urllib.parse http.client ssl socket threading hashlib _hashlib email random select collections functools "
    "ocikit.image.manifest.schema1 ocikit.image.manifest.convert ocikit.image.registry.helpers ocikit.image.blobinfo "
    "ocikit.image.transports.oci ocikit.image.transports.containers_storage ocikit.image.signature.policy".split()
)  # fmt: skip

CHILD = """
import sys
before = set(sys.modules)
from ocikit.skopeo.main import PROGRAM
code = PROGRAM.main(sys.argv[1:])
sys.stdout.flush()
sys.stderr.write("\\nLOADED " + " ".join(sorted(set(sys.modules) - before)) + "\\n")
sys.exit(code)
"""


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.stop()


def serve_image(server: Server) -> None:
    config = json.dumps({"architecture": "amd64", "os": "linux", "rootfs": {"type": "layers", "diff_ids": []}}).encode()
    digest = "sha256:" + hashlib.sha256(config).hexdigest()
    kind = "application/vnd.oci.image.manifest.v1+json"
    described = {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": digest, "size": len(config)}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": described, "layers": []}).encode()
    server.routes["/v2/a/b/manifests/1"] = lambda h: h.answer(200, manifest, Content_Type=kind)
    server.routes[f"/v2/a/b/blobs/{digest}"] = lambda h: h.answer(200, config)
    server.routes["/v2/a/b/tags/list"] = lambda h: h.answer(200, b'{"name":"a/b","tags":["1","2"]}')


def skopeo(home: pathlib.Path, *words: str, registries: str = "") -> tuple[dict[str, object], set[str]]:
    """(the printed object, the modules that were loaded)."""
    (home / "registries.conf").write_text(registries)
    # An alias list, as distributions ship it.
    (home / ".config/containers/registries.conf.d").mkdir(parents=True, exist_ok=True)
    (home / ".config/containers/registries.conf.d/a.conf").write_text('[aliases]\n  "x" = "docker.io/library/x"\n')
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *words],
        capture_output=True,
        text=True,
        env={"HOME": str(home), "PATH": "/usr/bin:/bin", "CONTAINERS_REGISTRIES_CONF": str(home / "registries.conf")},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), set(done.stderr.rpartition("LOADED ")[2].split())


def test_inspect_asks_once_for_each_thing(server: Server, tmp_path: pathlib.Path) -> None:
    serve_image(server)
    shown, modules = skopeo(tmp_path, "inspect", "--tls-verify=false", f"docker://{server.host}/a/b:1")
    assert shown["RepoTags"] == ["1", "2"]
    paths = [path for _, path, _ in server.seen]
    assert len(paths) == 4
    assert sorted(p.split("/b/")[-1].partition("/")[0] for p in paths) == ["", "blobs", "manifests", "tags"]
    assert modules & HEAVY == set()


def test_list_tags_asks_once(server: Server, tmp_path: pathlib.Path) -> None:
    serve_image(server)
    shown, modules = skopeo(tmp_path, "list-tags", "--tls-verify=false", f"docker://{server.host}/a/b")
    assert shown["Tags"] == ["1", "2"]
    assert [path for _, path, _ in server.seen] == ["/v2/", "/v2/a/b/tags/list"]
    assert modules & HEAVY == set()


def test_tags_are_those_of_the_named_host_not_of_a_mirror(server: Server, tmp_path: pathlib.Path) -> None:
    mirror = Server()
    try:
        serve_image(mirror)
        serve_image(server)
        server.routes["/v2/a/b/tags/list"] = lambda h: h.answer(200, b'{"name":"a/b","tags":["own"]}')
        conf = f'[[registry]]\nlocation = "{server.host}"\ninsecure = true\n'
        conf += f'[[registry.mirror]]\nlocation = "{mirror.host}"\ninsecure = true\n'
        shown, _ = skopeo(tmp_path, "inspect", f"docker://{server.host}/a/b:1", registries=conf)
        assert shown["RepoTags"] == ["own"]
        assert "GET /v2/a/b/manifests/1" in mirror.requests()
        assert server.requests() == ["GET /v2/", "GET /v2/a/b/tags/list"]
    finally:
        mirror.stop()
