"""Every source transport to every destination transport; what ours wrote is read by the real skopeo (and umoci, podman),
with the digests that the real skopeo makes wherever no compressor's choice is involved."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocikit.image.context import SystemContext
from ocikit.image.copy import CopyOptions, copy_image
from ocikit.image.names import parse_image_name
from ocikit.image.validation import validate
from tests.support import images, machine
from tests.support.registry import Registry

REAL = "/usr/bin/skopeo"
SOURCES = ("docker", "dir", "oci", "oci-archive", "docker-archive", "containers-storage", "tarball")
DESTINATIONS = ("docker", "dir", "oci", "oci-archive", "docker-archive", "containers-storage")
LISTS = ("docker", "dir", "oci", "oci-archive")
# Sources whose layers are plain, and destinations that want them compressed: the bytes depend on the compressor.
PLAIN = ("containers-storage", "docker-archive", "tarball")
COMPRESSING = ("docker", "oci", "oci-archive")


class Place:
    """Names of images for one tool in a folder of its own."""

    def __init__(self, folder: Path, registry: Registry, repository: str) -> None:
        folder.mkdir(parents=True)
        self.folder, self.registry, self.repository = folder, registry, repository
        self.count = 0

    def store(self) -> str:
        return f"[overlay@{self.folder}/root+{self.folder}/run]"

    def fresh(self, transport: str) -> str:
        self.count += 1
        name = f"x{self.count}"
        return {
            "docker": f"docker://{self.registry.host}/{self.repository}/{name}:1",
            "dir": f"dir:{self.folder}/{name}",
            "oci": f"oci:{self.folder}/{name}:1",
            "oci-archive": f"oci-archive:{self.folder}/{name}.oci.tar:1",
            "docker-archive": f"docker-archive:{self.folder}/{name}.tar:example.com/{name}:1",
            "containers-storage": f"containers-storage:{self.store()}example.com/{name}:1",
        }[transport]


def real(*words: str) -> str:
    done = subprocess.run([REAL, "--insecure-policy", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"skopeo {' '.join(words)}: {done.stderr}"
    return done.stdout


def real_copy(source: str, dest: str, *flags: str) -> str:
    """The digest that the real skopeo reports."""
    digestfile = Path("/tmp") / f"digest-{id(source)}"
    try:
        real(
            "copy",
            "-q",
            "--src-tls-verify=false",
            "--dest-tls-verify=false",
            *flags,
            f"--digestfile={digestfile}",
            source,
            dest,
        )
        return digestfile.read_text()
    finally:
        digestfile.unlink(missing_ok=True)


def copy(source: str, dest: str, **options: object) -> str:
    ctx = SystemContext(tls_verify=False)
    chosen = CopyOptions(**({"src_ctx": ctx, "dest_ctx": ctx} | options))
    return copy_image(parse_image_name(dest), parse_image_name(source), chosen).digest


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIKIT_BLOB_INFO_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Iterator[dict[str, object]]:
    """The same image in every source transport, put there by the real skopeo; a list of two platforms too."""
    machine.skip(machine.why_not_tool("skopeo") or machine.why_not_overlay())
    if not Path(REAL).exists():
        pytest.skip("not installed: the distribution's skopeo")
    folder = tmp_path_factory.mktemp("matrix")
    layout = folder / "layout"
    tars = [images.tar_layer({"etc": None, "etc/a": b"a" * 5000}), images.tar_layer({"etc/b": b"<&>\xc3\xa9" * 900})]
    config = {"Cmd": ["sh"], "Env": ["A=<b>&c"], "Labels": {"z": "<1>", "a": "é"}, "ExposedPorts": {"80/tcp": {}}}
    images.oci_layout(layout, tars, tag="1", config=config)
    source = Place(folder / "sources", registry, "matrix-src")
    names = {"oci": f"oci:{layout}:1"}
    for transport in SOURCES:
        if transport not in ("oci", "tarball"):
            names[transport] = source.fresh(transport)
            real_copy(names["oci"], names[transport])
    tar = folder / "root.tar"
    tar.write_bytes(tars[0])
    names["tarball"] = f"tarball:{tar}"
    lists = {"oci": f"oci:{_list_layout(folder / 'list')}:all"}
    for transport in LISTS:
        if transport != "oci":
            lists[transport] = source.fresh(transport)
            real_copy(lists["oci"], lists[transport], "--all")
    yield {"names": names, "lists": lists, "folder": folder, "registry": registry}
    for place in folder.glob("*/root/overlay"):
        subprocess.run(["umount", "-l", str(place)], capture_output=True, check=False)


def _list_layout(layout: Path) -> Path:
    """A layout whose index.json has one entry: an index of amd64 and arm64."""
    layout.mkdir()
    entries = []
    for arch in ("amd64", "arm64"):
        tag = f"t{arch}"
        digest = images.oci_layout(layout, [images.tar_layer({arch: arch.encode() * 100})], tag=tag, architecture=arch)
        size = (layout / "blobs/sha256" / digest.partition(":")[2]).stat().st_size
        kind = "application/vnd.oci.image.manifest.v1+json"
        entries.append(
            {"mediaType": kind, "digest": digest, "size": size, "platform": {"architecture": arch, "os": "linux"}}
        )
    kind = "application/vnd.oci.image.index.v1+json"
    raw = json.dumps({"schemaVersion": 2, "mediaType": kind, "manifests": entries}, separators=(",", ":")).encode()
    import hashlib

    digest = hashlib.sha256(raw).hexdigest()
    (layout / "blobs/sha256" / digest).write_bytes(raw)
    named = {"org.opencontainers.image.ref.name": "all"}
    entry = {"mediaType": kind, "digest": f"sha256:{digest}", "size": len(raw), "annotations": named}
    (layout / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    return layout


@pytest.mark.root
@pytest.mark.parametrize("dest", DESTINATIONS)
@pytest.mark.parametrize("source", SOURCES)
def test_plain_image(work: dict, source: str, dest: str, tmp_path: Path) -> None:
    ours = Place(tmp_path / "ours", work["registry"], "matrix-ours")
    theirs = Place(tmp_path / "theirs", work["registry"], "matrix-theirs")
    name = work["names"][source]
    try:
        target, reference = ours.fresh(dest), theirs.fresh(dest)
        digest = copy(name, target)
        wanted = real_copy(name, reference)
        # Out of a store the 1.9 series writes plain layers with the old +gzip type; later ones, and ours, don't.
        if not (source in PLAIN and dest in COMPRESSING) and source not in ("tarball", "containers-storage"):
            assert digest == wanted
        seen = json.loads(real("inspect", "--tls-verify=false", target))
        assert seen["Architecture"] and len(seen["Layers"]) == (1 if source == "tarball" else 2)
        # The config must be the same whoever wrote it; tarball: has the time of reading in it only for stdin.
        flags = ("inspect", "--config", "--raw", "--tls-verify=false")
        if source != "tarball":
            assert real(*flags, target) == real(*flags, reference)
        validate(parse_image_name(target), SystemContext(tls_verify=False))
        if dest == "oci":
            _umoci_unpacks(target, tmp_path)
        # and back again by the real tool
        real_copy(target, f"dir:{tmp_path}/back")
    finally:
        for place in (ours, theirs):
            subprocess.run(["umount", "-l", f"{place.folder}/root/overlay"], capture_output=True, check=False)


def _umoci_unpacks(target: str, tmp_path: Path) -> None:
    if machine.find("umoci"):
        layout = target.removeprefix("oci:")
        done = subprocess.run(
            ["umoci", "unpack", "--rootless", "--image", layout, str(tmp_path / "bundle")],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "bundle/rootfs/etc").is_dir()


@pytest.mark.root
@pytest.mark.parametrize("dest", LISTS)
@pytest.mark.parametrize("source", LISTS)
def test_list_of_images(work: dict, source: str, dest: str, tmp_path: Path) -> None:
    target = Place(tmp_path / "ours", work["registry"], f"matrix-list-{source}").fresh(dest)
    reference = Place(tmp_path / "theirs", work["registry"], f"matrix-list2-{source}").fresh(dest)
    name = work["lists"][source]
    digest = copy(name, target, multi_arch="all")
    assert digest == real_copy(name, reference, "--all")
    raw = json.loads(real("inspect", "--raw", "--tls-verify=false", target))
    assert len(raw["manifests"]) == 2
    for arch in ("amd64", "arm64"):
        flags = (f"--override-arch={arch}", "inspect", "--tls-verify=false")
        assert json.loads(real(*flags, target))["Architecture"] == arch
    assert len(validate(parse_image_name(target), SystemContext(tls_verify=False))) == 6


@pytest.mark.root
@pytest.mark.parametrize("dest", ("docker-archive", "containers-storage"))
def test_lists_are_refused_where_there_are_none(work: dict, dest: str, tmp_path: Path) -> None:
    from ocikit.common.errors import OcikitError

    target = Place(tmp_path / "ours", work["registry"], "none").fresh(dest)
    with pytest.raises(OcikitError, match="does not support copying multiple images as a group"):
        copy(work["lists"]["dir"], target, multi_arch="all")
    if dest == "docker-archive":
        assert not Path(target.split(":")[1]).exists()


@pytest.mark.root
@pytest.mark.parametrize("source", LISTS)
def test_one_instance_of_a_list(work: dict, source: str, tmp_path: Path) -> None:
    ctx = SystemContext(tls_verify=False, arch="arm64")
    digest = copy(work["lists"][source], f"oci:{tmp_path}/o:1", src_ctx=ctx)
    reference = tmp_path / "d"
    real("--override-arch=arm64", "copy", "-q", "--src-tls-verify=false", f"--digestfile={reference}",
         work["lists"][source], f"oci:{tmp_path}/t:1")  # fmt: skip
    assert digest == reference.read_text()
    assert json.loads(real("--override-arch=arm64", "inspect", f"oci:{tmp_path}/o:1"))["Architecture"] == "arm64"


@pytest.mark.parametrize(("kind", "word"), [("oci", "oci"), ("v2s2", "v2s2"), ("v2s1", "v2s1")])
@pytest.mark.parametrize("first", ("oci", "v2s2", "v2s1"))
def test_formats(work: dict, first: str, kind: str, word: str, tmp_path: Path) -> None:
    """Conversions in all directions. Schema 1 has a fresh signature each time, but its digest doesn't count that."""
    from ocikit.image.manifest.mediatypes import FORMATS

    real_copy(work["names"]["oci"], f"dir:{tmp_path}/start", f"--format={first}")
    ours = copy(f"dir:{tmp_path}/start", f"dir:{tmp_path}/ours", format=FORMATS[kind])
    theirs = real_copy(f"dir:{tmp_path}/start", f"dir:{tmp_path}/theirs", f"--format={word}")
    assert ours == theirs
    if kind != "v2s1":
        files = {p.name: p.read_bytes() for p in (tmp_path / "theirs").iterdir()}
        assert {p.name: p.read_bytes() for p in (tmp_path / "ours").iterdir()} == files


@pytest.mark.root
def test_podman_loads_our_archive(work: dict, sandbox, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    copy(work["names"]["dir"], f"docker-archive:{tmp_path}/a.tar:example.com/loaded:2")
    with tarfile.open(tmp_path / "a.tar") as tar:
        theirs = real_copy(work["names"]["dir"], f"docker-archive:{tmp_path}/t.tar:example.com/loaded:2")
        assert theirs
        with tarfile.open(tmp_path / "t.tar") as other:
            key = lambda m: (m.name, m.size, m.mode, m.type, m.linkname, m.mtime, m.uid)  # noqa: E731
            assert sorted(map(key, tar)) == sorted(map(key, other))
    loaded = sandbox.run(["/usr/bin/podman", *sandbox.store_flags(), "load", "-i", str(tmp_path / "a.tar")])
    assert "example.com/loaded:2" in loaded.stdout


@pytest.mark.parametrize("algorithm", ("gzip", "zstd"))
def test_recompressed_images_are_good(work: dict, algorithm: str, tmp_path: Path) -> None:
    ctx = SystemContext(compression_format=algorithm)
    copy(work["names"]["docker-archive"], f"oci:{tmp_path}/o:1", dest_ctx=ctx)
    validate(parse_image_name(f"oci:{tmp_path}/o:1"))
    real_copy(f"oci:{tmp_path}/o:1", f"dir:{tmp_path}/d", "--dest-decompress")
