from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ocikit.image.context import SystemContext
from ocikit.image.errors import SignatureRejected
from ocikit.image.names import parse_image_name
from ocikit.image.registry.signatures import SigstoreSignature
from ocikit.image.signature import payload, policy, secretbox, sigstore, simple
from tests.support import machine

MANIFEST = b'{"schemaVersion":2,"config":{},"layers":[]}'
DIGEST = "sha256:" + hashlib.sha256(MANIFEST).hexdigest()
NAME = "h.example/a/b:1"


@pytest.fixture(scope="module")
def key_pair() -> tuple[bytes, bytes]:
    return sigstore.generate(b"secret")


def check(requirement: dict[str, Any], blobs: list[bytes], name: str = NAME, manifest: bytes = MANIFEST) -> None:
    parsed = policy.parse_policy({"default": [requirement]})
    parsed.check(parse_image_name(f"docker://{name}"), manifest, lambda: blobs, SystemContext())


def test_sigstore_round_trip(tmp_path: Path, key_pair: tuple[bytes, bytes]) -> None:
    private, public = key_pair
    assert private.startswith(b"-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n")
    (tmp_path / "k.pub").write_bytes(public)
    blob = sigstore.sign(DIGEST, NAME, private, b"secret")
    assert blob.startswith(b"\0sigstore-json\n")
    rule = {"type": "sigstoreSigned", "keyPath": str(tmp_path / "k.pub")}
    check(rule, [blob])
    with pytest.raises(SignatureRejected, match="A signature was required, but no signature exists"):
        check(rule, [])
    with pytest.raises(SignatureRejected, match=f'Signature for identity "{NAME}" is not accepted'):
        check(rule, [blob], name="h.example/other:1")
    with pytest.raises(SignatureRejected, match="does not match"):
        check(rule, [blob], manifest=MANIFEST + b" ")
    stranger = sigstore.sign(DIGEST, NAME, sigstore.generate(b"")[0], b"")
    with pytest.raises(SignatureRejected, match="cryptographic signature verification failed"):
        check(rule, [stranger])
    check(rule, [stranger, blob])
    bare = SigstoreSignature(b"{}", {}).to_blob()
    with pytest.raises(SignatureRejected, match=r"missing dev.cosignproject.cosign/signature annotation"):
        check(rule, [bare])


def test_demanding_fulcio_or_rekor_fails_closed(tmp_path: Path, key_pair: tuple[bytes, bytes]) -> None:
    (tmp_path / "k.pub").write_bytes(key_pair[1])
    blob = sigstore.sign(DIGEST, NAME, key_pair[0], b"secret")
    rule = {"type": "sigstoreSigned", "keyPath": str(tmp_path / "k.pub"), "rekorPublicKeyPath": "/x"}
    with pytest.raises(SignatureRejected, match="cannot check"):
        check(rule, [blob])


def test_wrong_passphrase(key_pair: tuple[bytes, bytes]) -> None:
    with pytest.raises(sigstore.KeyProblem, match="passphrase is wrong"):
        sigstore.load_private(key_pair[0], b"other")
    with pytest.raises(sigstore.KeyProblem, match="no encrypted sigstore key"):
        sigstore.load_private(b"-----BEGIN PRIVATE KEY-----", b"")


def test_secretbox_known_answer() -> None:
    # NaCl's own test vector (tests/secretbox.c): first key, nonce and message
    key = bytes.fromhex("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389")
    nonce = bytes.fromhex("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37")
    message = bytes.fromhex(
        "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129"
        "6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde"
        "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705"
    )
    box = secretbox.seal_box(message, nonce, key)
    assert box.hex().startswith("f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce48332ea7164d96a4")
    assert secretbox.open_box(box, nonce, key) == message
    with pytest.raises(secretbox.DecryptionFailed):
        secretbox.open_box(box[:-1] + b"\0", nonce, key)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        '{"critical":{"identity":{"docker-reference":"a"},"image":{"docker-manifest-digest":"x"},"type":"atomic container signature"},"optional":{}}',
        '{"critical":{"identity":{"docker-reference":"a"},"image":{"docker-manifest-digest":"sha256:%s"},"type":"other"},"optional":{}}' % ("0" * 64),
        '{"critical":{"identity":{"docker-reference":"a"},"image":{"docker-manifest-digest":"sha256:%s"},"type":"atomic container signature","more":1},"optional":{}}' % ("0" * 64),
    ],
)  # fmt: skip
def test_payload_is_read_strictly(text: str) -> None:
    with pytest.raises(SignatureRejected):
        payload.parse(text.encode(), payload.SIMPLE)


def test_payload_round_trip() -> None:
    data = payload.build(payload.Statement(DIGEST, NAME, "me", 5), payload.SIMPLE)
    found = payload.parse(data, payload.SIMPLE)
    assert (found.digest, found.reference, found.creator, found.timestamp) == (DIGEST, NAME, "me", 5)


@pytest.fixture(scope="module")
def gpg_key(tmp_path_factory: pytest.TempPathFactory) -> Any:
    machine.skip(machine.why_not_tool("gpg"))
    home = tmp_path_factory.mktemp("gpg")
    home.chmod(0o700)
    env = {**os.environ, "GNUPGHOME": str(home)}
    command = ["gpg", "--batch", "--pinentry-mode", "loopback", "--passphrase", ""]
    subprocess.run([*command, "--quick-gen-key", "tests@example.com", "ed25519", "sign"], env=env, check=True,
                   capture_output=True)  # fmt: skip
    listed = subprocess.run(
        ["gpg", "--batch", "--with-colons", "-k"], env=env, check=True, capture_output=True, text=True
    )
    fingerprint = next(line.split(":")[9] for line in listed.stdout.splitlines() if line.startswith("fpr"))
    public = home / "key.asc"
    with public.open("wb") as file:
        subprocess.run(["gpg", "--batch", "--armor", "--export", fingerprint], env=env, check=True, stdout=file)
    yield home, fingerprint, public
    subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, capture_output=True)


def test_simple_signing_round_trip(gpg_key: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home, fingerprint, public = gpg_key
    monkeypatch.setenv("GNUPGHOME", str(home))
    blob = simple.sign(DIGEST, NAME, fingerprint)
    rule = {"type": "signedBy", "keyType": "GPGKeys", "keyPath": str(public)}
    check(rule, [blob])
    with pytest.raises(SignatureRejected, match="A signature was required, but no signature exists"):
        check(rule, [])
    with pytest.raises(SignatureRejected, match="Invalid GPG signature"):
        check(rule, [blob[:-4] + b"xxxx"])
    with pytest.raises(SignatureRejected, match="open /nonexistent: no such file or directory"):
        check({**rule, "keyPath": "/nonexistent"}, [blob])
    with pytest.raises(SignatureRejected, match='Unimplemented "keyType" value "signedByGPGKeys"'):
        check({**rule, "keyType": "signedByGPGKeys"}, [blob])
    (tmp_path / "empty").write_bytes(b"no key")
    with pytest.raises(SignatureRejected, match="No public keys imported"):
        check({**rule, "keyPath": str(tmp_path / "empty")}, [blob])
    statement, key_id = simple.untrusted_statement(blob)
    assert statement.reference == NAME
    assert fingerprint.endswith(key_id)
    with pytest.raises(simple.SigningFailed):
        simple.sign(DIGEST, NAME, "0" * 40)
