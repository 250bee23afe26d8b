"""Copies between places in memory, and the pure decisions before them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ocikit.common.errors import OcikitError
from ocikit.image.blobinfo import SqliteCache
from ocikit.image.context import SystemContext
from ocikit.image.copy import CopyOptions, Reporter, copy_image
from ocikit.image.copy.plan import KEEP, Wishes, fixed_reason, list_type, manifest_types, plan_image
from ocikit.image.errors import CopyError, DigestMismatch, ImageError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import parse_manifest
from ocikit.image.manifest.single import OCIManifest
from ocikit.image.names import parse_image_name
from ocikit.image.reference import parse_normalized
from ocikit.image.testing import build_image, image_list, layer_tar, memory_image, random_image, validate
from ocikit.image.transports.base import COMPRESS, DECOMPRESS, PRESERVE, Descriptor, Platform

D = "sha256:" + "a" * 64


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIKIT_BLOB_INFO_CACHE_DIR", str(tmp_path / "cache"))


# ---- decisions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("source", "accepted", "forced", "compression", "types"),
    [
        (mt.OCI_MANIFEST, (), "", "", [mt.OCI_MANIFEST, mt.V2S2, mt.V2S1_SIGNED, mt.V2S1]),
        (mt.OCI_MANIFEST, (mt.V2S2,), "", "", [mt.V2S2]),
        (mt.V2S2, (mt.OCI_MANIFEST, mt.OCI_INDEX), "", "", [mt.OCI_MANIFEST]),
        (mt.V2S2, (), "", "zstd", [mt.OCI_MANIFEST]),
        (mt.OCI_MANIFEST, (), mt.V2S2, "", [mt.V2S2]),
    ],
)
def test_types_to_try(source: str, accepted: tuple[str, ...], forced: str, compression: str, types: list[str]) -> None:
    assert manifest_types(source, accepted, forced, compression) == types


def test_nothing_fits() -> None:
    with pytest.raises(CopyError, match=r"compression using zstd required together with format .*v2\+json"):
        manifest_types(mt.V2S2, (), mt.V2S2, "zstd")
    with pytest.raises(CopyError, match="encryption required but the destination only supports"):
        manifest_types(mt.V2S2, (mt.V2S2,), encrypt=True)
    with pytest.raises(CopyError, match="none of which support it"):
        manifest_types(mt.V2S2, (mt.V2S2,), compression="bzip2")
    assert list_type(mt.DOCKER_LIST, (mt.OCI_MANIFEST, mt.OCI_INDEX)) == mt.OCI_INDEX
    assert fixed_reason(True, True, True) == "Instructed to preserve digests" and not fixed_reason(False, False, False)


@pytest.mark.parametrize(
    ("layer_compression", "wanted", "found", "action"),
    [
        (PRESERVE, "", mt.GZIP, KEEP),
        (COMPRESS, "", mt.UNCOMPRESSED, mt.GZIP),
        (COMPRESS, "", mt.GZIP, KEEP),
        (COMPRESS, "", mt.ZSTD, KEEP),
        (COMPRESS, "gzip", mt.ZSTD, mt.GZIP),
        (COMPRESS, "zstd", mt.GZIP, mt.ZSTD),
        (COMPRESS, "zstd", mt.ZSTD, KEEP),
        (DECOMPRESS, "", mt.GZIP, mt.UNCOMPRESSED),
        (DECOMPRESS, "", mt.UNCOMPRESSED, KEEP),
    ],
)
def test_what_becomes_of_a_layer(layer_compression: str, wanted: str, found: str, action: str) -> None:
    manifest = OCIManifest.build(Descriptor(D, 1, mt.OCI_CONFIG), [Descriptor(D, 1, mt.OCI_LAYER_GZIP)])
    plan = plan_image(manifest, manifest.layers, Wishes((), layer_compression, "", wanted), "")
    assert plan.layers[0].action(found) == action
    assert len(plan.describe()) == 2 and "layer 0" in plan.describe()[1]
    fixed = plan_image(manifest, manifest.layers, Wishes((), layer_compression, "", wanted), "because")
    assert fixed.layers[0].action(found) == KEEP and fixed.types == (mt.OCI_MANIFEST,)


# ---- copies --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("algorithm", [mt.UNCOMPRESSED, mt.GZIP, mt.ZSTD])
@pytest.mark.parametrize("wanted", ["", "gzip", "zstd"])
def test_compression_changes(algorithm: str, wanted: str) -> None:
    source = random_image(3, 2000, compression=algorithm)
    place = memory_image(layer_compression=COMPRESS)
    copy_image(place, source, CopyOptions(dest_ctx=SystemContext(compression_format=wanted)))
    validate(place)
    assert place.image.manifest is not None
    kinds = {mt.compression_of(layer.media_type) for layer in parse_manifest(*place.image.manifest).layers}
    assert kinds == {wanted or (mt.GZIP if algorithm == mt.UNCOMPRESSED else algorithm)}


def test_unchanged_is_byte_for_byte(tmp_path: Path) -> None:
    source = random_image(2)
    assert source.image.manifest is not None
    raw = json.dumps({**json.loads(source.image.manifest[0]), "unknown": [1]}, indent=2).encode()
    source.image.manifest = raw, mt.OCI_MANIFEST
    place = memory_image()
    result = copy_image(place, source)
    assert place.image.manifest == (raw, mt.OCI_MANIFEST) and result.manifest == raw


def test_the_same_layer_twice() -> None:
    tar = layer_tar({"a": b"1"})
    source = build_image([tar, layer_tar({"b": b"2"}), tar])
    place = memory_image()
    copy_image(place, source)
    validate(place)
    assert len(place.image.blobs) == 3


@pytest.mark.parametrize("good", [0, 1, 500])
def test_a_source_that_breaks_leaves_nothing(good: int) -> None:
    source = random_image(4, 5000)
    source.fail_after = good
    place = memory_image()
    with pytest.raises(ImageError, match=r"writing blob: .*as the test asked for"):
        copy_image(place, source)
    assert not place.image.committed and place.image.manifest is None


def test_wrong_bytes_are_found(tmp_path: Path) -> None:
    source = random_image(2, 3000)
    digest = next(iter(source.image.blobs))
    source.image.blobs[digest] = source.image.blobs[digest][:-1] + b"x"
    with pytest.raises(DigestMismatch, match="writing blob: happened during read: Digest did not match, expected"):
        copy_image(memory_image(), source)
    for target in (
        f"dir:{tmp_path}/d",
        f"oci:{tmp_path}/o:1",
        f"oci-archive:{tmp_path}/a.tar",
        f"docker-archive:{tmp_path}/b.tar",
    ):
        with pytest.raises(DigestMismatch):
            copy_image(parse_image_name(target), source)
    assert not (tmp_path / "d/manifest.json").exists() and not (tmp_path / "o/index.json").exists()
    assert not (tmp_path / "a.tar").exists() and not (tmp_path / "b.tar").exists()
    assert not [p for p in tmp_path.rglob("*") if "put-blob" in p.name or p.name.startswith(".")]


def test_lists_and_instances() -> None:
    amd, arm = (random_image(1, seed=n, platform=Platform("linux", arch)) for n, arch in ((1, "amd64"), (2, "arm64")))
    source = image_list([(Platform("linux", "amd64"), amd), (Platform("linux", "arm64"), arm)])
    whole = memory_image()
    assert copy_image(whole, source, CopyOptions(multi_arch="all")).digest == source.digest
    assert len(whole.image.instances) == 2 and len(validate(whole)) == 6
    one = memory_image()
    copy_image(one, source, CopyOptions(src_ctx=SystemContext(os="linux", arch="arm64")))
    assert one.digest == arm.digest
    alone = memory_image()
    copy_image(alone, source, CopyOptions(multi_arch="index-only"))
    assert alone.digest == source.digest and not alone.image.blobs
    with pytest.raises(OcikitError, match="choosing an image from manifest list"):
        copy_image(memory_image(), source, CopyOptions(src_ctx=SystemContext(os="linux", arch="mips")))
    docker = memory_image(supported=(mt.V2S2, mt.DOCKER_LIST))
    copy_image(docker, source, CopyOptions(multi_arch="all"))
    validate(docker)
    assert docker.image.manifest is not None and docker.image.manifest[1] == mt.DOCKER_LIST
    zstd = memory_image(layer_compression=COMPRESS)
    copy_image(zstd, source, CopyOptions(multi_arch="all", dest_ctx=SystemContext(compression_format="zstd")))
    assert (
        zstd.image.manifest is not None and zstd.image.manifest[0].count(b"io.github.containers.compression.zstd") == 2
    )


def test_destination_with_a_digest() -> None:
    source = random_image(1)
    name = parse_normalized("x.io/a").with_digest(source.digest)
    copy_image(memory_image(docker_name=name, layer_compression=DECOMPRESS), source)
    other = parse_normalized("x.io/a").with_digest("sha256:" + "0" * 64)
    with pytest.raises(CopyError, match="would not match destination reference"):
        copy_image(memory_image(docker_name=other), source)


def test_signatures_hold_the_manifest_fast() -> None:
    source = random_image(1)
    source.image.signatures[None] = [b"sig"]
    place = memory_image(layer_compression=DECOMPRESS)
    assert copy_image(place, source).digest == source.digest and place.image.signatures == {None: [b"sig"]}
    bare = memory_image(layer_compression=DECOMPRESS)
    assert copy_image(bare, source, CopyOptions(remove_signatures=True)).digest != source.digest


class Lines(Reporter):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def line(self, text: str) -> None:
        self.lines.append(text)


def test_what_is_reported() -> None:
    report = Lines()
    source = random_image(1)
    copy_image(memory_image(), source, CopyOptions(report=report))
    assert report.lines == ["Getting image source signatures", "Writing manifest to image destination"]
    report = Lines()
    both = image_list([(Platform("linux", "amd64"), source)])
    copy_image(memory_image(), both, CopyOptions(report=report, multi_arch="all"))
    assert report.lines[:3] == [
        "Getting image list signatures",
        "Copying 1 images generated from 1 images in list",
        f"Copying image {source.digest} (1/1)",
    ]
    assert report.lines[-2:] == ["Writing manifest list to image destination", "Storing list signatures"]


def test_cache(tmp_path: Path) -> None:
    cache = SqliteCache(str(tmp_path / "c/blob-info-cache-v1.sqlite"))
    plain, gzip, zstd = ("sha256:" + char * 64 for char in "123")
    for digest, kind in ((plain, "uncompressed"), (gzip, "gzip"), (zstd, "zstd")):
        cache.record_uncompressed_pair(digest, plain)
        cache.record_compressor(digest, kind)
        cache.record_location("docker", "h", digest, f"h/{kind}")
    assert cache.uncompressed_digest(gzip) == plain and cache.compressor(zstd) == "zstd"
    found = cache.candidates("docker", "h", gzip, True)
    assert [one.digest for one in found] == [gzip, zstd, plain] and found[0].location == "h/gzip"
    assert [one.digest for one in cache.candidates("docker", "h", gzip, False)] == [gzip]
    cache.close()
    broken = tmp_path / "b"
    broken.write_bytes(b"no database" * 100)
    SqliteCache(str(broken)).record_compressor(plain, "gzip")
    memory = SqliteCache("/proc/nowhere/x")
    memory.record_compressor(plain, "gzip")
    assert memory.compressor(plain) == "gzip"
    memory.close()


def test_cache_is_filled_by_copies(tmp_path: Path) -> None:
    source = random_image(1, compression=mt.UNCOMPRESSED)
    cache = SqliteCache(":memory:")
    place = memory_image(layer_compression=COMPRESS)
    copy_image(place, source, CopyOptions(cache=cache))
    assert place.image.manifest is not None and source.image.manifest is not None
    new = parse_manifest(*place.image.manifest).layers[0].digest
    assert cache.uncompressed_digest(new) == parse_manifest(*source.image.manifest).layers[0].digest
    assert cache.compressor(new) == "gzip"
    cache.close()


def test_nothing_but_what_was_asked_for_survives_in_oci(tmp_path: Path) -> None:
    one, two = random_image(1, seed=1), random_image(2, seed=2)
    layout = f"oci:{tmp_path}/o"
    copy_image(parse_image_name(f"{layout}:a"), one)
    copy_image(parse_image_name(f"{layout}:b"), two)
    copy_image(parse_image_name(f"{layout}:a"), two)
    index = json.loads((tmp_path / "o/index.json").read_text())
    assert len(index["manifests"]) == 3
    parse_image_name(f"{layout}:@0").delete(SystemContext())
    parse_image_name(f"{layout}:b").delete(SystemContext())
    validate(parse_image_name(f"{layout}:a"))
    assert len(list((tmp_path / "o/blobs/sha256").iterdir())) == 4
    parse_image_name(f"{layout}:a").delete(SystemContext())
    assert list((tmp_path / "o/blobs/sha256").iterdir()) == []
