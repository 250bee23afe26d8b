"""Signed pushes, and pulls that a policy decides on; the real skopeo checks our signatures, ours its."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import images, machine
from tests.support.registry import Registry
from tests.support.sandbox import Sandbox


class Signing:
    """A home with registries.d and a GnuPG key."""

    def __init__(self, home: Path, host: str) -> None:
        self.home = home
        self.registries_d = home / ".config/containers/registries.d"
        self.registries_d.mkdir(parents=True)
        self.lookaside = home / "look"
        (self.registries_d / "tests.yaml").write_text(
            f"docker:\n  {host}:\n    lookaside: file://{self.lookaside}\n    use-sigstore-attachments: true\n"
        )
        self.gnupg = home / "gnupg"
        self.gnupg.mkdir(mode=0o700)
        self.env = {"HOME": str(home), "GNUPGHOME": str(self.gnupg)}
        self._gpg(
            "--pinentry-mode", "loopback", "--passphrase", "", "--quick-gen-key", "a@example.com", "ed25519", "sign"
        )
        listed = self._gpg("--with-colons", "-k").splitlines()
        self.fingerprint = next(line.split(":")[9] for line in listed if line.startswith("fpr"))
        self.public = home / "key.asc"
        self.public.write_text(self._gpg("--armor", "--export", self.fingerprint))

    def _gpg(self, *words: str) -> str:
        command = ["gpg", "--batch", *words]
        return subprocess.run(
            command, env={**os.environ, **self.env}, check=True, capture_output=True, text=True
        ).stdout

    def policy(self, scope: str, **requirement: object) -> Path:
        path = self.home / "policy.json"
        path.write_text(json.dumps({"default": [{"type": "reject"}], "transports": {"docker": {scope: [requirement]}}}))
        return path


@pytest.fixture
def signing(tmp_path: Path, registry: Registry) -> Iterator[Signing]:
    machine.skip(machine.why_not_tool("gpg"))
    # gpg-agent's socket path must be short.
    import shutil
    import tempfile

    home = Path(tempfile.mkdtemp(prefix="sig-", dir="/tmp"))
    made = Signing(home, registry.host)
    yield made
    subprocess.run(["gpgconf", "--homedir", str(made.gnupg), "--kill", "all"], check=False, capture_output=True)
    shutil.rmtree(home)


@pytest.fixture
def box(sandbox: Sandbox, tmp_path: Path) -> Sandbox:
    path = tmp_path / "layout"
    path.mkdir()
    images.oci_layout(path, [images.tar_layer({"a": b"a"})], tag="img")
    sandbox.podman("pull", "-q", f"oci:{path}:img")
    return sandbox


def test_simple_signing(box: Sandbox, registry: Registry, signing: Signing, tmp_path: Path) -> None:
    target = f"{registry.host}/signed/simple:1"
    pushed = box.podman("push", "--tls-verify=false", "--sign-by", signing.fingerprint, "img", target, env=signing.env)
    assert "Creating signature: Signing image using simple signing" in pushed.stderr
    box.podman("push", "-q", "--tls-verify=false", "img", f"{registry.host}/unsigned/img:1")
    policy = signing.policy(registry.host, type="signedBy", keyType="GPGKeys", keyPath=str(signing.public))
    box.real_skopeo(
        "--registries.d", signing.registries_d, "--policy", policy, "copy", "--src-tls-verify=false",
        f"docker://{target}", f"dir:{tmp_path}/d",
    )  # fmt: skip
    box.podman("rmi", "-a")
    words = ("pull", "-q", "--tls-verify=false", "--signature-policy", policy)
    box.podman(*words, target, env=signing.env)
    refused = box.podman(*words, f"{registry.host}/unsigned/img:1", env=signing.env, check=False)
    assert "Source image rejected: A signature was required, but no signature exists" in refused.stderr
    assert f"the policy is {policy}" in refused.stderr
    (signature,) = signing.lookaside.glob("signed/simple@sha256=*/signature-1")
    signature.write_bytes(b"no signature at all")
    box.podman("rmi", "-a")
    refused = box.podman(*words, target, env=signing.env, check=False)
    assert "Source image rejected: " in refused.stderr
    assert box.podman("images", "-aq").stdout == ""


def test_signature_made_by_the_real_skopeo(box: Sandbox, registry: Registry, signing: Signing, tmp_path: Path) -> None:
    target = f"{registry.host}/signed/theirs:1"
    box.real_skopeo(
        "--registries.d", signing.registries_d, "copy", "--sign-by", signing.fingerprint, "--dest-tls-verify=false",
        f"oci:{tmp_path}/layout:img", f"docker://{target}", env=signing.env,
    )  # fmt: skip
    policy = signing.policy(registry.host, type="signedBy", keyType="GPGKeys", keyPath=str(signing.public))
    box.podman("pull", "-q", "--tls-verify=false", "--signature-policy", policy, target, env=signing.env)


def test_sigstore_attachment(box: Sandbox, registry: Registry, signing: Signing, tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("secret\n")
    key = tmp_path / "key"
    box.skopeo("generate-sigstore-key", "--output-prefix", key, "--passphrase-file", password)
    target = f"{registry.host}/signed/sigstore:1"
    words = ("push", "-q", "--tls-verify=false", "--sign-by-sigstore-private-key", f"{key}.private")
    box.podman(*words, "--sign-passphrase-file", password, "img", target, env=signing.env)
    tags = box.podman("search", "--list-tags", "--tls-verify=false", "--format", "{{.Tag}}", target.rpartition(":")[0])
    assert any(tag.startswith("sha256-") and tag.endswith(".sig") for tag in tags.stdout.split())
    policy = signing.policy(registry.host, type="sigstoreSigned", keyPath=f"{key}.pub")
    box.podman("rmi", "-a")
    box.podman("pull", "-q", "--tls-verify=false", "--signature-policy", policy, target, env=signing.env)
    # The distribution's skopeo has sigstore switched off; openssl checks the signature itself.
    tag = next(tag for tag in tags.stdout.split() if tag.endswith(".sig"))
    raw = box.real_skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{target.rpartition(':')[0]}:{tag}")
    (layer,) = json.loads(raw.stdout)["layers"]
    (tmp_path / "sig").write_bytes(base64.b64decode(layer["annotations"]["dev.cosignproject.cosign/signature"]))
    payload = registry.blob_path(layer["digest"])
    assert json.loads(payload.read_text())["critical"]["identity"] == {"docker-reference": target}
    box.run(["openssl", "dgst", "-sha256", "-verify", f"{key}.pub", "-signature", tmp_path / "sig", payload])
    password.write_text("wrong\n")
    refused = box.podman(*words, "--sign-passphrase-file", password, "img", target, env=signing.env, check=False)
    assert "the passphrase is wrong" in refused.stderr


def test_image_sign_and_trust(box: Sandbox, registry: Registry, signing: Signing, tmp_path: Path) -> None:
    (box.folder / "registries.conf").write_text(f'[[registry]]\nlocation = "{registry.host}"\ninsecure = true\n')
    target = f"{registry.host}/signed/later:1"
    box.podman("push", "-q", "img", target)
    box.podman("image", "sign", "--sign-by", signing.fingerprint, f"docker://{target}", env=signing.env)
    assert len(list(signing.lookaside.glob("signed/later@sha256=*/signature-1"))) == 1
    policy = tmp_path / "policy.json"
    policy.write_text('{"default":[{"type":"insecureAcceptAnything"}]}')
    show = ("image", "trust", "show", "--policypath", policy, "--registrypath", signing.registries_d)
    box.podman("image", "trust", "set", "--policypath", policy, "-t", "signedBy", "-f", signing.public, registry.host)
    table = box.podman(*show).stdout.splitlines()
    assert table[2].split() == ["repository", registry.host, "signed", "a@example.com", f"file://{signing.lookaside}"]
    box.podman("pull", "-q", "--signature-policy", policy, target, env=signing.env)
    box.podman("image", "trust", "set", "--policypath", policy, "-t", "reject", registry.host)
    assert "is rejected by policy" in box.podman("pull", "-q", "--signature-policy", policy, target, check=False).stderr
