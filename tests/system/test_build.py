"""Builds from door to door: a Containerfile becomes an image, with real runc and a real store."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.sandbox import Sandbox

BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "busybox").write_bytes(Path(str(machine.find("busybox"))).read_bytes())
    (folder / "busybox").chmod(0o755)
    return folder


def build(
    sandbox: Sandbox, context: Path, text: str, *flags: str, tag: str = "localhost/t", check: bool = True
) -> list[str]:
    (context / "Containerfile").write_text(text)
    done = sandbox.podman("build", "-t", tag, "--network=none", *flags, str(context), check=check)
    return done.stdout.splitlines()


def test_image_runs_with_what_the_file_says(sandbox: Sandbox, context: Path) -> None:
    (context / "greeting").write_text("from the context\n")
    text = BASE + 'ENV NAME=world\nCOPY greeting /etc/\nWORKDIR /w\nRUN echo "run for $NAME" > out\n'
    lines = build(sandbox, context, text + 'CMD ["sh", "-c", "cat /etc/greeting out; pwd; echo $NAME"]\n')
    assert lines[0] == "STEP 1/8: FROM scratch"
    assert "Successfully tagged localhost/t:latest" in lines
    ran = sandbox.podman("run", "--rm", "--network=none", "localhost/t")
    assert ran.stdout == "from the context\nrun for world\n/w\nworld\n"


def test_second_build_comes_from_the_cache(sandbox: Sandbox, context: Path) -> None:
    first = build(sandbox, context, BASE + "RUN echo 1 > /one\nENV A=1\n")
    second = build(sandbox, context, BASE + "RUN echo 1 > /one\nENV A=1\n")
    assert sum("Using cache" in line for line in second) == 4
    assert first[-1] == second[-1]
    (context / "busybox").chmod(0o711)
    third = build(sandbox, context, BASE + "RUN echo 1 > /one\nENV A=1\n")
    assert not any("Using cache" in line for line in third), "a changed mode must miss"


def test_stages_copy_from_each_other_and_unused_ones_are_skipped(sandbox: Sandbox, context: Path) -> None:
    text = BASE.replace("scratch\n", "scratch AS base\n")
    text += "FROM base AS unused\nRUN exit 1\n"
    text += "FROM base AS made\nRUN mkdir /d && echo made > /d/file && chmod 4755 /d/file\n"
    text += 'FROM base\nCOPY --from=made /d /copied\nCMD ["stat", "-c", "%a %n", "/copied/file"]\n'
    build(sandbox, context, text)
    assert sandbox.podman("run", "--rm", "--network=none", "localhost/t").stdout == "4755 /copied/file\n"


def test_a_run_that_changes_nothing_makes_an_empty_layer(sandbox: Sandbox, context: Path) -> None:
    build(sandbox, context, BASE + "RUN true\n")
    layers = json.loads(sandbox.podman("image", "inspect", "localhost/t").stdout)[0]["RootFS"]["Layers"]
    assert layers[-1] == "sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"


def test_mounts_of_run(sandbox: Sandbox, context: Path) -> None:
    (context / "f").write_text("bound\n")
    secret = context.parent / "secret"
    secret.write_text("s3cret\n")
    text = BASE
    text += "RUN --mount=type=bind,source=f,target=/m/f cat /m/f > /bound\n"
    text += "RUN --mount=type=secret,id=s cat /run/secrets/s > /secret && test ! -e /m\n"
    text += "RUN --mount=type=tmpfs,target=/t echo x > /t/x\nRUN test ! -e /t/x\n"
    text += 'CMD ["cat", "/bound", "/secret"]\n'
    build(sandbox, context, text, f"--secret=id=s,src={secret}")
    assert sandbox.podman("run", "--rm", "--network=none", "localhost/t").stdout == "bound\ns3cret\n"


def test_squash_and_reproducible_builds(sandbox: Sandbox, context: Path) -> None:
    text = BASE + "RUN echo 1 > /one\nRUN echo 2 > /two\n"
    build(sandbox, context, text, "--squash-all")
    layers = json.loads(sandbox.podman("image", "inspect", "localhost/t").stdout)[0]["RootFS"]["Layers"]
    assert len(layers) == 1
    ids = [build(sandbox, context, text, "--no-cache", "--timestamp=1000000000")[-1] for _ in range(2)]
    assert ids[0] == ids[1]


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        (BASE + "RUN exit 7\n", 7, "while running runtime: exit status 7"),
        ("FROM scratch\nCOPY nope /\n", 125, 'copier: stat: "/nope": no such file or directory'),
        ("FROM scratch\nFOO x\n", 125, 'Unknown instruction: "FOO"'),
        ("FROM scratch\nWORKDIR\n", 125, "WORKDIR requires exactly one argument"),
        ("FROM localhost/nosuch\n", 125, "localhost/nosuch"),
        ("FROM scratch\nCOPY --from=nosuch / /\n", 125, "nosuch: no stage or image found with that name"),
    ],
)
def test_failures_are_one_sentence_with_the_place(
    sandbox: Sandbox, context: Path, text: str, code: int, message: str
) -> None:
    (context / "Containerfile").write_text(text)
    done = sandbox.podman("build", "--network=none", "--pull=never", str(context), check=False)
    assert done.returncode == code
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert len(errors) == 1
    assert message in errors[0]
    if "nosuch" not in message:
        assert "Containerfile:" in errors[0]
    assert not sandbox.podman("ps", "--all", "--external", "--quiet").stdout.strip(), "a working container was left"


def test_buildah_from_run_commit(sandbox: Sandbox, context: Path) -> None:
    (context / "Containerfile").write_text(BASE)
    sandbox.buildah("bud", "-t", "localhost/base", "--network=none", str(context))
    name = sandbox.buildah("from", "localhost/base").stdout.strip()
    assert name == "base-working-container"
    sandbox.buildah("run", "--network=none", name, "sh", "-c", "echo changed > /file")
    failed = sandbox.buildah("run", "--network=none", name, "sh", "-c", "exit 3", check=False)
    assert failed.returncode == 3
    sandbox.buildah("commit", "--rm", name, "localhost/new")
    assert sandbox.buildah("containers", "--quiet").stdout == ""
    assert sandbox.podman("run", "--rm", "--network=none", "localhost/new", "cat", "/file").stdout == "changed\n"


def test_namespaces_and_names_of_run(sandbox: Sandbox, context: Path) -> None:
    text = BASE + "RUN (readlink /proc/self/ns/uts; readlink /proc/self/ns/ipc; hostname) > /seen\nCMD cat /seen\n"
    build(sandbox, context, text, "--uts=host", "--ipc=host", "--no-hostname", "--os-version=1.2", "--os-feature=f")
    uts, ipc, name = sandbox.podman("run", "--rm", "--network=none", "localhost/t").stdout.split()
    assert (uts, ipc) == tuple(os.readlink(f"/proc/self/ns/{kind}") for kind in ("uts", "ipc"))
    assert name == os.uname().nodename
    raw = sandbox.skopeo("inspect", "--config", "--raw", sandbox.storage_name("localhost/t:latest")).stdout
    config = json.loads(raw)
    assert (config["os.version"], config["os.features"]) == ("1.2", ["f"])


def test_copy_with_a_time(sandbox: Sandbox, context: Path) -> None:
    name = sandbox.buildah("from", "scratch").stdout.strip()
    sandbox.buildah("copy", "--timestamp=1000000000", name, context / "busybox", "/busybox")
    root = Path(sandbox.buildah("mount", name).stdout.strip())
    assert (root / "busybox").stat().st_mtime == 1_000_000_000
    sandbox.buildah("umount", name)
    sandbox.buildah("rm", name)
