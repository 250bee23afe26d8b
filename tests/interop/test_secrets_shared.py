"""One folder of secrets for both: what one stores the other lists, shows, uses and removes."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.sandbox import Sandbox


def same(sandbox: Sandbox, *words: str) -> None:
    """Both print the same, to the byte, and end with the same code."""
    ours = sandbox.podman(*words, check=False)
    theirs = sandbox.real_podman("--log-level=error", *words, check=False)
    assert (ours.returncode, ours.stdout, ours.stderr) == (theirs.returncode, theirs.stdout, theirs.stderr), words


def create(sandbox: Sandbox, tool: str, *words: str) -> str:
    run = sandbox.podman if tool == "ours" else sandbox.real_podman
    return run("secret", "create", *words, "-", input="data <&> of " + words[-1]).stdout.strip()


@pytest.mark.parametrize("driver", ["file", "shell", "pass"])
def test_both_ways(sandbox: Sandbox, tmp_path: Path, driver: str) -> None:
    flags = [f"--driver={driver}"]
    if driver == "shell":
        kept = tmp_path / "kept"
        kept.mkdir()
        options = (
            f"list=ls {kept},lookup=cat {kept}/$SECRET_ID,store=cat > {kept}/$SECRET_ID,delete=rm {kept}/$SECRET_ID"
        )
        flags.append(f"--driver-opts={options}")
    elif driver == "pass":
        if not shutil.which("gpg"):
            pytest.skip("gpg is not installed")
        home = sandbox.folder / "gh"
        home.mkdir(mode=0o700)
        gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--passphrase", ""]
        subprocess.run([*gpg, "--quick-gen-key", "t@example.org", "default", "default", "never"], check=True)
        flags.append(f"--driver-opts=root={tmp_path},key=t@example.org,gpghomedir={home}")
    try:
        ours = create(sandbox, "ours", *flags, "-l=a=b", "ours")
        theirs = create(sandbox, "theirs", *flags, "-l=c=d", "theirs")
        for words in (
            ("inspect", "ours"),
            ("inspect", "theirs", ours),
            ("inspect", "--format={{.Spec.Name}} {{.Spec.Driver.Name}}", "ours", "theirs"),
            ("inspect", "nope"),
            ("inspect", theirs[:9]),
            ("ls", "--filter=name=ours"),
            ("ls", "--filter=name=^the", "--quiet"),
            ("rm", "nope"),
        ):
            same(sandbox, "secret", *words)
        shown = json.loads(sandbox.podman("secret", "inspect", "--showsecret", "theirs", "ours").stdout)
        assert [document["SecretData"] for document in shown] == ["data <&> of theirs", "data <&> of ours"]
        assert sandbox.real_podman("secret", "rm", "ours").stdout.strip() == ours
        assert sandbox.podman("secret", "rm", "theirs").stdout.strip() == theirs
        same(sandbox, "secret", "ls")
    finally:
        if driver == "pass":
            subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False)


def test_their_container_has_our_secret_and_ours_theirs(sandbox: Sandbox, busybox: Path) -> None:
    image = sandbox.real_podman("pull", "-q", f"oci:{busybox}:latest").stdout.strip()
    create(sandbox, "ours", "ours")
    create(sandbox, "theirs", "theirs")
    words = ["run", "--rm", "--network=none", "--secret=ours", "--secret=theirs,type=env,target=V", "--secret=theirs"]
    script = "cat /run/secrets/ours /run/secrets/theirs; echo; stat -c '%a %u %g' /run/secrets/*; echo $V"
    same(sandbox, *words, image, "sh", "-c", script)


def test_a_commit_has_nothing_of_the_secret(sandbox: Sandbox, busybox: Path) -> None:
    sandbox.podman("tag", sandbox.podman("pull", "-q", f"oci:{busybox}:latest").stdout.strip(), "localhost/bb")
    create(sandbox, "ours", "s")
    for name, tool in (("ours", sandbox.podman), ("theirs", sandbox.real_podman)):
        tool("run", "--name", name, "--network=none", "--secret=s", "localhost/bb", "true")
        tool("commit", "-q", name, f"localhost/{name}")
        shown = tool("run", "--rm", "--network=none", f"localhost/{name}", "sh", "-c", "ls /run/secrets").stdout
        assert shown == ""
        tool("rm", name)
