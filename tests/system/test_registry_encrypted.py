"""Encrypted layers: pushed with a public key, pulled with the private one."""

from __future__ import annotations

from pathlib import Path

from tests.support import images, machine
from tests.support.registry import Registry
from tests.support.sandbox import Sandbox


def test_push_and_pull(sandbox: Sandbox, registry: Registry, tmp_path: Path) -> None:
    machine.skip(machine.why_not_tool("openssl"))
    layout = tmp_path / "layout"
    layout.mkdir()
    images.oci_layout(layout, [images.tar_layer({"secret": b"s" * 5000})], tag="img")
    image_id = sandbox.podman("pull", "-q", f"oci:{layout}:img").stdout
    key, public = tmp_path / "key.pem", tmp_path / "key.pub"
    sandbox.run(["openssl", "genrsa", "-out", key, "2048"])
    sandbox.run(["openssl", "rsa", "-in", key, "-pubout", "-out", public])
    target = f"{registry.host}/encrypted/img:1"
    sandbox.podman("push", "-q", "--tls-verify=false", "--encryption-key", f"jwe:{public}", "img", target)
    sandbox.podman("rmi", "-a")
    refused = sandbox.podman("pull", "-q", "--tls-verify=false", target, check=False)
    assert "the image's layers are encrypted" in refused.stderr
    assert "--decryption-key" in refused.stderr
    assert sandbox.podman("images", "-aq").stdout == ""
    assert sandbox.podman("pull", "-q", "--tls-verify=false", "--decryption-key", key, target).stdout == image_id
    # Podman's own implementation reads what ours encrypted.
    sandbox.podman("rmi", "-a")
    sandbox.real_skopeo(
        "copy", "-q", "--src-tls-verify=false", "--decryption-key", key, f"docker://{target}", f"dir:{tmp_path}/plain"
    )
    words = sandbox.podman("push", "--encrypt-layer", "0", "img", "x", check=False)
    assert "--encrypt-layer can only be used with --encryption-key" in words.stderr
