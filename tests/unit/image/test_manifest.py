"""Manifests: reading, refusing, choosing, converting, writing as Go does."""

from __future__ import annotations

import json

import pytest

from ocikit.image.context import SystemContext
from ocikit.image.digest import sha256
from ocikit.image.errors import ManifestError, NotAnImage
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.config import oci_config_bytes
from ocikit.image.manifest.convert import convert, oci_to_schema2
from ocikit.image.manifest.gojson import dump_members, raw_members, rfc3339
from ocikit.image.manifest.guess import guess, manifest_digest, parse_list, parse_manifest
from ocikit.image.manifest.lists import ZSTD_ANNOTATION, ManifestList
from ocikit.image.manifest.schema1 import Schema1Manifest
from ocikit.image.manifest.single import OCIManifest
from ocikit.image.schemas import problems
from ocikit.image.transports.base import Descriptor, Platform

D = "sha256:" + "a" * 64
E = "sha256:" + "b" * 64
CONFIG = {"mediaType": mt.OCI_CONFIG, "digest": D, "size": 2}
LAYER = {"mediaType": mt.OCI_LAYER_GZIP, "digest": E, "size": 3}


def oci(**more: object) -> bytes:
    return json.dumps(
        {"schemaVersion": 2, "mediaType": mt.OCI_MANIFEST, "config": CONFIG, "layers": [LAYER], **more}
    ).encode()


@pytest.mark.parametrize(
    ("doc", "kind"),
    [
        ({"schemaVersion": 2, "mediaType": mt.V2S2}, mt.V2S2),
        ({"schemaVersion": 1}, mt.V2S1),
        ({"schemaVersion": 1, "signatures": []}, mt.V2S1_SIGNED),
        ({"schemaVersion": 2, "config": CONFIG}, mt.OCI_MANIFEST),
        ({"schemaVersion": 2, "config": {"mediaType": mt.V2S2_CONFIG}}, mt.V2S2),
        ({"schemaVersion": 2, "manifests": [{}]}, mt.OCI_INDEX),
        ({"schemaVersion": 2}, mt.OCI_MANIFEST),
        ({"schemaVersion": 3}, ""),
        ([], ""),
    ],
)
def test_guess(doc: object, kind: str) -> None:
    assert guess(json.dumps(doc).encode()) == kind
    assert guess(b"{") == ""


def test_raw_bytes_are_kept_and_key_case_does_not_matter() -> None:
    raw = oci(unknown={"x": 1}, Annotations={"k": "v"})
    manifest = parse_manifest(raw, mt.OCI_MANIFEST)
    assert manifest.raw == raw
    assert isinstance(manifest, OCIManifest) and manifest.annotations == {"k": "v"}


@pytest.mark.parametrize(
    ("raw", "kind", "message"),
    [
        (oci(manifests=[]), mt.OCI_MANIFEST, r'unexpected fields \[\]string\{"manifests"\} in supposedly'),
        (oci(Manifests=[]), mt.OCI_MANIFEST, "rejecting ambiguous manifest"),
        (oci(layers=[{"digest": "../x", "size": 1}]), mt.OCI_MANIFEST, r"layers\[0\]: invalid digest"),
        (oci(layers=[{"digest": D, "size": -1}]), mt.OCI_MANIFEST, r"layers\[0\]: size must not be negative"),
        (oci(layers={}), mt.OCI_MANIFEST, "layers must be a list"),
        (b"{}", mt.OCI_MANIFEST, "config is missing"),
        (b"[]", mt.OCI_MANIFEST, "is not a JSON object"),
        (b"\xff", mt.V2S2, "is not valid JSON"),
        (oci(), "text/html", "unsupported schema version 2"),
        (oci(), mt.OCI_INDEX, "Unexpectedly received a manifest list"),
        (b'{"schemaVersion":2,"mediaType":"x"}', mt.V2S2, 'unsupported docker v2s2 media type: "x"'),
    ],
)
def test_refused(raw: bytes, kind: str, message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        parse_manifest(raw, kind)


def test_go_serialisation() -> None:
    layer = Descriptor(E, 3, mt.OCI_LAYER, annotations={"b": "<&>\u2028", "a": "é"}, urls=["u"])
    raw = OCIManifest.build(Descriptor(D, 2, mt.OCI_CONFIG), [layer], {"z": "1", "y": "2"}).raw.decode()
    assert raw.index('"mediaType"') < raw.index('"config"') < raw.index('"layers"') < raw.index('"annotations":{"y"')
    assert '"annotations":{"a":"é","b":"\\u003c\\u0026\\u003e\\u2028"}' in raw
    assert (
        oci_to_schema2(OCIManifest.build(Descriptor(D, 2, mt.OCI_CONFIG), [layer]))
        .raw.decode()
        .count('"size":3,"digest"')
        == 1
    )


def test_config_is_written_in_the_order_of_oci() -> None:
    docker = {
        "os": "linux", "architecture": "amd64", "docker_version": "1", "created": "2020-01-02T03:04:05.100000000+00:00",
        "config": {"Hostname": "x", "Env": ["A=1"], "ExposedPorts": {"80/tcp": {}}, "Labels": {"b": "<", "a": ""}, "Cmd": None},
        "rootfs": {"type": "layers", "diff_ids": [D]}, "history": [{"created_by": "x", "empty_layer": False}],
    }  # fmt: skip
    assert oci_config_bytes(json.dumps(docker).encode()).decode() == (
        '{"created":"2020-01-02T03:04:05.1Z","architecture":"amd64","os":"linux","config":{"ExposedPorts":{"80/tcp":{}},'
        '"Env":["A=1"],"Labels":{"a":"","b":"\\u003c"}},"rootfs":{"type":"layers","diff_ids":["' + D + '"]},'
        '"history":[{"created_by":"x"}]}'
    )


@pytest.mark.parametrize(
    ("text", "out"),
    [
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05.120+02:00", "2020-01-02T03:04:05.12+02:00"),
        ("2020-01-02T03:04:05.000-00:00", "2020-01-02T03:04:05Z"),
        ("2020-13-02T03:04:05Z", None),
        ("2020-01-02 03:04:05Z", None),
        ("yesterday", None),
    ],
)
def test_times(text: str, out: str | None) -> None:
    if out is None:
        with pytest.raises(ManifestError, match="invalid time"):
            rfc3339(text)
    else:
        assert rfc3339(text) == out


def test_raw_members_keep_their_spelling() -> None:
    members = raw_members(b' { "b" : [ 1 , "x y\\u00e9<" ] , "a":{"k": null} } ', "x")
    assert members == {"b": '[1,"x y\\u00e9\\u003c"]', "a": '{"k":null}'}
    assert dump_members(members) == b'{"a":{"k":null},"b":[1,"x y\\u00e9\\u003c"]}'
    assert raw_members(b"{}", "x") == {}


def entry(arch: str, digest: str, variant: str = "", **annotations: str) -> Descriptor:
    return Descriptor(digest, 1, mt.OCI_MANIFEST, annotations=annotations, platform=Platform("linux", arch, variant))


def test_choosing_from_lists() -> None:
    bare = Descriptor(D, 1, mt.OCI_MANIFEST)
    arm7, arm6 = entry("arm", E, "v7"), entry("arm", "sha256:" + "c" * 64, "v6")
    index = ManifestList(mt.OCI_INDEX, [bare, arm6, arm7])
    assert index.choose(SystemContext(os="linux", arch="arm", variant="v7")) == arm7
    assert index.choose(SystemContext(os="linux", arch="arm", variant="v6")) == arm6
    assert index.choose(SystemContext(os="linux", arch="s390x")) == bare
    zstd = entry("amd64", E, **{ZSTD_ANNOTATION: "true"})
    gzip = entry("amd64", D)
    both = ManifestList(mt.OCI_INDEX, [gzip, zstd])
    ctx = SystemContext(os="linux", arch="amd64")
    assert both.choose(ctx) == zstd and both.choose(ctx, prefer_gzip=True) == gzip
    with pytest.raises(ManifestError, match='no image found in manifest list for architecture "s390x"'):
        both.convert(mt.DOCKER_LIST).choose(SystemContext(os="linux", arch="s390x"))


def test_lists_survive_a_round_trip() -> None:
    index = ManifestList(mt.OCI_INDEX, [entry("amd64", D, x="1")], {"a": "b"})
    again = parse_list(index.raw, mt.OCI_INDEX)
    assert again.serialise() == index.raw
    docker = index.convert(mt.DOCKER_LIST)
    assert '"size":1,"digest"' in docker.raw.decode() and "annotations" not in docker.raw.decode()
    assert parse_list(docker.raw, mt.DOCKER_LIST).instances[0].platform == Platform("linux", "amd64")
    with pytest.raises(ManifestError, match="rejecting ambiguous"):
        parse_list(b'{"schemaVersion":2,"manifests":[],"layers":[]}', mt.OCI_INDEX)


def test_schema1_there_and_back() -> None:
    config = json.dumps(
        {"architecture": "amd64", "os": "linux", "created": "2020-01-01T00:00:00Z", "config": {"Cmd": ["x"]},
         "rootfs": {"type": "layers", "diff_ids": [D]},
         "history": [{"created_by": "one"}, {"created_by": "two", "empty_layer": True}]}
    ).encode()  # fmt: skip
    start = OCIManifest.build(
        Descriptor(sha256(config), len(config), mt.OCI_CONFIG), [Descriptor(E, 3, mt.OCI_LAYER_GZIP)]
    )
    one, none = convert(start, mt.V2S1_SIGNED, config, "library/x", "1")
    assert none is None and isinstance(one, Schema1Manifest)
    parsed = parse_manifest(one.raw, mt.V2S1_SIGNED)
    assert isinstance(parsed, Schema1Manifest) and parsed.empty == (False, True) and parsed.tag == "1"
    assert parsed.layers[0].digest == E
    # the signature isn't part of the digest
    assert manifest_digest(one.raw) == manifest_digest(one.with_layers(one.layers).raw) != sha256(one.raw)
    with pytest.raises(ManifestError, match="length of history not equal"):
        parse_manifest(one.raw.replace(b'"history":[{', b'"history":[{"v1Compatibility":"{}"},{'), mt.V2S1)


def test_artifacts_are_no_images() -> None:
    artifact = OCIManifest.build(Descriptor(D, 2, mt.OCI_EMPTY), [], artifact_type="application/x.test")
    with pytest.raises(NotAnImage, match=r'artifact with type "application/x\.test"'):
        convert(artifact, mt.V2S2, b"{}")


def test_schemas_name_the_failing_field() -> None:
    assert problems(oci(), mt.OCI_MANIFEST) == []
    found = problems(oci(layers=[{**LAYER, "size": -3}], annotations={"a": 1}), mt.OCI_MANIFEST)
    assert [line.partition(":")[0] for line in found] == ["annotations.a", "layers[0].size"]
    assert problems(b'{"architecture":"x","os":"linux"}', mt.OCI_CONFIG)[0].startswith(
        "the document: 'rootfs' is a required"
    )


@pytest.mark.parametrize(
    ("kind", "compression", "out"),
    [
        (mt.OCI_LAYER, "zstd", mt.OCI_LAYER_ZSTD),
        (mt.V2S2_LAYER_GZIP, "uncompressed", mt.V2S2_LAYER),
        (mt.V2S2_LAYER, "zstd", None),
        ("application/x", "gzip", None),
        ("", "gzip", ""),
    ],
)
def test_types_follow_compression(kind: str, compression: str, out: str | None) -> None:
    if out is None:
        with pytest.raises(ManifestError, match="is not supported for type"):
            mt.with_compression(kind, compression)
    else:
        assert mt.with_compression(kind, compression) == out
