"""Names of images: the grammar and the normalisation of image spec sections 3.1 and 3.2."""

import pytest

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import digest_problem, parse_digest, sha256
from ocikit.image.reference import ImageName, is_short_name, parse_normalized, parse_reference, valid_tag

D = "sha256:" + "a" * 64


@pytest.mark.parametrize(
    ("text", "full", "familiar"),
    [
        ("busybox", "docker.io/library/busybox", "busybox"),
        ("busybox:1", "docker.io/library/busybox:1", "busybox:1"),
        ("user/app", "docker.io/user/app", "user/app"),
        ("index.docker.io/x", "docker.io/library/x", "x"),
        ("docker.io/library/x", "docker.io/library/x", "x"),
        ("docker.io/library/x/y", "docker.io/library/x/y", "library/x/y"),
        ("localhost/x", "localhost/x", "localhost/x"),
        ("localhost:5000", "docker.io/library/localhost:5000", "localhost:5000"),
        ("localhost:5000/a/b:t", "localhost:5000/a/b:t", "localhost:5000/a/b:t"),
        ("quay.io/a/b@" + D, "quay.io/a/b@" + D, "quay.io/a/b@" + D),
        ("a:1@" + D, "docker.io/library/a:1@" + D, "a:1@" + D),
        ("a__b/c--d.e_f", "docker.io/a__b/c--d.e_f", "a__b/c--d.e_f"),
        ("Reg.example/x", "Reg.example/x", "Reg.example/x"),
    ],
)
def test_normalised(text: str, full: str, familiar: str) -> None:
    name = parse_normalized(text)
    assert str(name) == full
    assert name.familiar() == familiar
    assert parse_normalized(str(name)) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "invalid reference format"),
        ("foo/Bar", "repository name must be lowercase"),
        ("Foo/bar", "repository name must be lowercase"),
        ("a..b", "invalid reference format"),
        ("a___b", "invalid reference format"),
        ("a:", "invalid reference format"),
        ("a:-x", "invalid reference format"),
        ("-a", "invalid reference format"),
        ("a/", "invalid reference format"),
        ("[::1]/x", "invalid reference format"),
        ("a@sha256:abc", "invalid reference format"),
        ("a@sha256:" + "A" * 64, "invalid checksum digest format"),
        ("a@md5:" + "a" * 32, "unsupported digest algorithm"),
        ("f" * 64, "cannot specify 64-byte hexadecimal strings"),
        ("x.y/" + "a" * 252, "must not be more than 255 characters"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(InvalidReference, match=message):
        parse_normalized(text)


def test_without_normalising() -> None:
    assert parse_reference("busybox:1").domain == ""
    assert parse_reference("quay.io/x").domain == "quay.io"
    with pytest.raises(InvalidReference, match="at least one component"):
        parse_reference("")
    assert (
        is_short_name("a/b:1")
        and is_short_name("a")
        and not is_short_name("localhost/a")
        and not is_short_name("a.b/c")
    )


def test_changes_make_new_values() -> None:
    name = parse_normalized("a")
    assert str(name.tagged()) == "docker.io/library/a:latest"
    assert str(name.with_tag("1").with_digest(D).without_tag()) == "docker.io/library/a@" + D
    assert name == ImageName("docker.io", "library/a")
    with pytest.raises(InvalidReference, match="invalid tag format"):
        name.with_tag("a/b")
    assert valid_tag("a" * 128) and not valid_tag("a" * 129) and not valid_tag("")


def test_digest() -> None:
    assert parse_digest(D) == D
    assert sha256(b"") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
    assert "format" in digest_problem("abc") and "length" in digest_problem("sha256:aa")
    assert "format" in digest_problem("sha256:" + "/" * 64)
    with pytest.raises(InvalidReference, match="invalid layer digest"):
        parse_digest("../x", "layer digest")
