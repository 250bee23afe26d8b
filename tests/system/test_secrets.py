"""Secrets through the podman command and in containers."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import OURS, Sandbox

IMAGE = "localhost/bb:latest"


@pytest.fixture
def box(sandbox: Sandbox, busybox: Path) -> Iterator[Sandbox]:
    """A sandbox with the image in its store."""
    sandbox.podman("pull", "-q", f"oci:{busybox}:latest")
    sandbox.podman("tag", sandbox.podman("images", "-q").stdout.split()[0], IMAGE)
    yield sandbox
    sandbox.podman("rm", "-f", "-a", "-t", "0", check=False)


def put(box: Sandbox, name: str, data: str, *flags: str) -> str:
    return box.podman("secret", "create", *flags, name, "-", input=data).stdout.strip()


def run(box: Sandbox, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return box.podman("run", "--network", "none", *words, check=check)


def test_create_list_inspect_remove(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("from file")
    one = sandbox.podman("secret", "create", "-l", "a=b", "one", tmp_path / "file").stdout.strip()
    two = sandbox.podman("secret", "create", "--env", "two", "WORD", env={"WORD": "from env"}).stdout.strip()
    lines = sandbox.podman("secret", "ls").stdout.splitlines()
    assert lines[0].split() == ["ID", "NAME", "DRIVER", "CREATED", "UPDATED"]
    assert [line.split()[:3] for line in lines[1:]] == [[one, "one", "file"], [two, "two", "file"]]
    assert sandbox.podman("secret", "list", "-q", "--filter", "name=^t").stdout.split() == [two]
    assert sandbox.podman("secret", "ls", "--filter", f"id={one[:8]}", "--format", "{{.Name}}").stdout == "one\n"
    done = sandbox.podman("secret", "inspect", "--showsecret", "one", "nope", two[:8], check=False)
    assert (done.returncode, done.stderr) == (
        125,
        'Error: inspecting secret: no secret with name or id "nope": no such secret\n',
    )
    first, second = json.loads(done.stdout)
    assert (first["SecretData"], second["SecretData"]) == ("from file", "from env")
    assert first["Spec"]["Labels"] == {"a": "b"} and first["CreatedAt"] == first["UpdatedAt"]
    assert "SecretData" not in json.loads(sandbox.podman("secret", "inspect", "one").stdout)[0]
    pretty = sandbox.podman("secret", "inspect", "--pretty", "one").stdout
    assert pretty.splitlines()[1:5] == ["Name:              one", "Labels:", " - a=b", "Driver:            file"]
    assert sandbox.podman("secret", "exists", "one").returncode == 0
    assert sandbox.podman("secret", "exists", "nope", check=False).returncode == 1
    done = sandbox.podman("secret", "rm", "nope", "one", check=False)
    assert (done.returncode, done.stdout) == (125, one + "\n")
    assert sandbox.podman("secret", "rm", "-i", "nope").stdout == ""
    assert sandbox.podman("secret", "rm", "--all").stdout == two + "\n"
    seen = sandbox.podman("events", "--stream=false", "--filter", "type=secret", "--format", "{{.Status}}").stdout
    assert seen.split() == ["create", "create", "remove", "remove"]


def test_taken_names_replace_and_ignore(sandbox: Sandbox) -> None:
    id = put(sandbox, "s", "1")
    done = sandbox.podman("secret", "create", "s", "-", input="2", check=False)
    assert (done.returncode, done.stderr) == (125, "Error: s: secret name in use\n")
    assert put(sandbox, "s", "2", "--ignore") == id
    assert put(sandbox, "s", "3", "--replace") == id
    assert json.loads(sandbox.podman("secret", "inspect", "--showsecret", "s").stdout)[0]["SecretData"] == "3"


def test_files_and_variables_in_a_container(box: Sandbox) -> None:
    put(box, "s", "data")
    script = (
        "stat -c '%a %u:%g' /run/secrets/s /run/secrets/t /else; cat /run/secrets/s /run/secrets/t /else; echo $VAR $s"
    )
    done = run(
        box, "--rm", "--secret", "s", "--secret", "source=s,target=t", "--secret", "s,type=env,target=VAR",
        "--secret", "s,type=env", "--secret", "s,target=/else,uid=7,gid=8,mode=0440", IMAGE, "sh", "-c", script,
    )  # fmt: skip
    # One copy for the container, as Podman has it: the last one's owner and mode.
    assert done.stdout == "440 7:8\n" * 3 + "data" * 3 + "data data\n"


def test_default_mode_and_that_nothing_leaks(box: Sandbox) -> None:
    put(box, "s", "hidden-word")
    run(box, "-d", "--name", "c", "--secret", "s", "--secret", "s,type=env,target=VAR", IMAGE, "sleep", "60")
    assert box.podman("exec", "c", "stat", "-c", "%a %u:%g", "/run/secrets/s").stdout == "444 0:0\n"
    assert box.podman("exec", "c", "sh", "-c", "echo $VAR").stdout == "hidden-word\n"
    assert "hidden-word" not in box.podman("inspect", "c").stdout
    box.podman("commit", "-q", "c", "localhost/made")
    assert "hidden-word" not in box.podman("inspect", "localhost/made").stdout
    assert run(box, "--rm", "localhost/made", "ls", "/run/secrets").stdout == ""
    # The file is the container's own; a variable is read at each start.
    put(box, "s", "other-word", "--replace")
    box.podman("restart", "-t", "0", "c")
    assert box.podman("exec", "c", "cat", "/run/secrets/s").stdout == "hidden-word"
    assert box.podman("exec", "c", "sh", "-c", "echo $VAR").stdout == "other-word\n"


def test_in_a_user_namespace_the_owner_is_the_containers(box: Sandbox) -> None:
    put(box, "s", "data")
    done = run(
        box, "--rm", "--uidmap", "0:100000:1000", "--gidmap", "0:100000:1000", "--secret", "s,mode=0400", IMAGE,
        "sh", "-c", "stat -c %u:%g /run/secrets/s; cat /run/secrets/s",
    )  # fmt: skip
    assert done.stdout == "0:0\ndata"


def test_a_missing_secret_makes_no_container(box: Sandbox) -> None:
    done = run(box, "--secret", "nope", IMAGE, "true", check=False)
    assert (done.returncode, done.stderr) == (125, 'Error: no secret with name or id "nope": no such secret\n')
    assert box.podman("ps", "-aq").stdout == ""


def test_driver_from_containers_conf(sandbox: Sandbox, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    conf = sandbox.folder / "containers.conf"
    conf.write_text(
        conf.read_text() + f'[secrets]\ndriver = "shell"\n[secrets.opts]\nlist = "ls {kept}"\n'
        f'lookup = "cat {kept}/$SECRET_ID"\nstore = "cat > {kept}/$SECRET_ID"\ndelete = "rm {kept}/$SECRET_ID"\n'
    )
    id = put(sandbox, "s", "data")
    assert (kept / id).read_text() == "data"
    put(sandbox, "f", "data", "--driver=file")
    assert sandbox.podman("secret", "ls", "-n", "--format", "{{.Driver}}").stdout.split() == ["shell", "file"]


def test_without_a_file(sandbox: Sandbox) -> None:
    done = sandbox.podman("secret", "create", "s", "/nowhere", check=False)
    assert (done.returncode, done.stderr) == (125, "Error: open /nowhere: no such file or directory\n")
    terminal, other = os.openpty()
    try:
        command = [OURS / "podman", *sandbox.podman_flags(), "secret", "create", "s", "-"]
        asked = subprocess.run(command, env=sandbox.env, stdin=other, capture_output=True, text=True, check=False)
    finally:
        os.close(terminal)
        os.close(other)
    assert "data must be passed into stdin" in asked.stderr
