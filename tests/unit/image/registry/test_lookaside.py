from __future__ import annotations

from pathlib import Path

import pytest

from ocikit.common.errors import ConfigError, Unsupported
from ocikit.image.reference import parse_normalized
from ocikit.image.registry import certs, lookaside
from ocikit.image.registry.errors import CertificateError

NAME = parse_normalized("reg.example.com:5000/ns/r:1")
DIGEST = "sha256:" + "a" * 64


def test_parent_scopes() -> None:
    assert lookaside.parent_scopes(NAME) == [
        "reg.example.com:5000/ns/r",
        "reg.example.com:5000/ns",
        "reg.example.com:5000",
        "*.example.com",
        "*.com",
    ]


def test_each_key_comes_from_the_most_specific_scope(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(
        "default-docker:\n  lookaside: file:///default\n  use-sigstore-attachments: true\n"
        "docker:\n  reg.example.com:5000:\n    sigstore-staging: file:///stage\n"
    )
    (tmp_path / "b.yaml").write_text("docker:\n  reg.example.com:5000/ns:\n    lookaside: https://ns.example\n")
    stores = lookaside.load(str(tmp_path))
    assert stores.read_base(NAME) == "https://ns.example"
    assert stores.write_base(NAME) == "file:///stage"
    assert stores.use_attachments(NAME)
    other = parse_normalized("x.test/y")
    assert stores.read_base(other) == stores.write_base(other) == "file:///default"


@pytest.mark.parametrize("text", ["default-docker: {}", "docker: {h: {}}"])
def test_defined_twice(tmp_path: Path, text: str) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.yaml").write_text(text)
    with pytest.raises(ConfigError, match="defined both in"):
        lookaside.load(str(tmp_path))


def test_files_are_numbered_and_surplus_ones_go(tmp_path: Path) -> None:
    base = f"file://{tmp_path}"
    lookaside.write_signatures(base, NAME, DIGEST, [b"1", b"2", b"3"])
    assert lookaside.read_signatures(base, NAME, DIGEST) == [b"1", b"2", b"3"]
    assert (tmp_path / f"ns/r@sha256={'a' * 64}/signature-1").read_bytes() == b"1"
    lookaside.write_signatures(base, NAME, DIGEST, [b"x"])
    assert lookaside.read_signatures(base, NAME, DIGEST) == [b"x"]
    with pytest.raises(Unsupported, match="lookaside-staging"):
        lookaside.write_signatures("https://x", NAME, DIGEST, [b"1"])


def test_certs_d(tmp_path: Path) -> None:
    for name in ("ca.crt", "more.crt", "c.cert", "c.key"):
        (tmp_path / name).touch()
    found = certs.tls_options("h", str(tmp_path))
    assert found.ca_files == (str(tmp_path / "ca.crt"), str(tmp_path / "more.crt"))
    assert (found.client_cert, found.client_key) == (str(tmp_path / "c.cert"), str(tmp_path / "c.key"))
    (tmp_path / "c.key").unlink()
    with pytest.raises(CertificateError, match=r"missing key c\.key for client certificate c\.cert"):
        certs.tls_options("h", str(tmp_path))
    assert certs.tls_options("h", str(tmp_path / "none")).ca_files == ()
