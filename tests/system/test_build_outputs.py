"""Where results of a build go, and flags that change every step."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.sandbox import OURS, Sandbox

BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'


@pytest.fixture
def context(sandbox: Sandbox, tmp_path: Path) -> Path:
    (tmp_path / "busybox").write_bytes(Path(str(machine.find("busybox"))).read_bytes())
    (tmp_path / "busybox").chmod(0o755)
    (tmp_path / "Containerfile").write_text("FROM scratch\nCOPY --chown=5 busybox /b/busybox\n")
    return tmp_path


def test_output_to_a_directory_and_tars(sandbox: Sandbox, context: Path) -> None:
    out = context / "out"
    sandbox.podman("build", f"--output={out}", f"--output=type=tar,dest={context}/out.tar", context)
    assert (out / "b/busybox").stat().st_uid == 5
    with tarfile.open(context / "out.tar") as tar:
        assert tar.getmember("b/busybox").uid == 5
    words = [str(OURS / "podman"), *sandbox.podman_flags(), "build", "--quiet", "--output=-", str(context)]
    done = subprocess.run(words, env=sandbox.env, capture_output=True, check=True, timeout=60)
    with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
        assert "b/busybox" in tar.getnames()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("type=foo,dest=x", 'invalid type "foo" selected for build output options'),
        ("type=tar,x=y", "accepted keys are"),
    ],
)
def test_wrong_outputs(sandbox: Sandbox, context: Path, text: str, message: str) -> None:
    done = sandbox.podman("build", "--output", text, context, check=False)
    assert done.returncode == 125 and message in done.stderr


def test_several_platforms_in_a_list(sandbox: Sandbox, context: Path) -> None:
    (context / "Containerfile").write_text("FROM scratch\nARG TARGETARCH\nCOPY busybox /$TARGETARCH\n")
    done = sandbox.podman("build", "--platform=linux/amd64,linux/arm64", "--manifest=localhost/list", context)
    assert "[linux/arm64/v8] STEP 3/3: COPY busybox /$TARGETARCH" in done.stdout
    shown = json.loads(sandbox.podman("manifest", "inspect", "localhost/list").stdout)
    assert sorted(m["platform"]["architecture"] for m in shown["manifests"]) == ["amd64", "arm64"]
    two = sandbox.podman("build", "--platform=linux/amd64,linux/arm64", f"--iidfile={context}/i", context, check=False)
    assert "can only be used to store one image ID" in two.stderr


def test_layer_labels_and_standard_input(sandbox: Sandbox, context: Path) -> None:
    (context / "Containerfile").write_text(
        'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "sh", "-c", "busybox cat > /in"]\nENV A=1\n'
    )
    done = sandbox.podman(
        "build", "--network=none", "--layer-label=step=yes", "--stdin", "-t", "x", context, input="from the keyboard"
    )
    step = next(line.split()[1] for line in done.stdout.splitlines() if line.startswith("--> "))
    assert json.loads(sandbox.podman("image", "inspect", step).stdout)[0]["Labels"]["step"] == "yes"
    assert "step" not in json.loads(sandbox.podman("image", "inspect", "x").stdout)[0]["Labels"]
    ran = sandbox.podman("run", "--rm", "--network=none", "x", "/bin/busybox", "cat", "/in")
    assert ran.stdout == "from the keyboard"


def test_history_of_a_working_container(sandbox: Sandbox, context: Path) -> None:
    (context / "Containerfile").write_text(BASE)
    sandbox.buildah("bud", "--network=none", "-t", "x", context)
    sandbox.buildah("from", "--name=w", "x")
    sandbox.buildah("run", "--add-history", "--network=none", "w", "touch", "/new")
    image = sandbox.buildah("commit", "--quiet", "w").stdout.strip()
    history = json.loads(sandbox.podman("image", "inspect", image).stdout)[0]["History"]
    assert history[-2]["created_by"] == "/bin/sh -c touch /new" and history[-2]["empty_layer"]


def test_agent_of_ssh(sandbox: Sandbox, context: Path) -> None:
    import socket

    (context / "Containerfile").write_text(
        BASE + "RUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo $SSH_AUTH_SOCK\nRUN test -z $SSH_AUTH_SOCK\n"
    )
    with socket.socket(socket.AF_UNIX) as agent:
        agent.bind(str(context / "agent"))
        done = sandbox.podman("build", "--network=none", f"--ssh=default={context}/agent", context)
    assert "/run/buildkit/ssh_agent.0" in done.stdout
    wrong = sandbox.podman("build", f"--ssh=default={context}/busybox", context, check=False)
    assert wrong.returncode == 125 and "only agents can be given" in wrong.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_ended_leaves_nothing(sandbox: Sandbox, context: Path, number: signal.Signals) -> None:
    (context / "Containerfile").write_text(BASE + "RUN echo started && sleep 600\n")
    words = [str(OURS / "podman"), *sandbox.podman_flags(), "build", "--network=none", str(context)]

    def heed() -> None:
        # A test run in the background has SIGINT ignored, and so would all that it starts.
        signal.signal(number, signal.SIG_DFL)

    with subprocess.Popen(
        words, env=sandbox.env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, preexec_fn=heed
    ) as build:
        try:
            assert build.stdout is not None
            assert any(line == "started\n" for line in build.stdout)
            build.send_signal(number)
            assert build.wait(30) in (-number, 128 + number)
        finally:
            build.kill()
    assert sandbox.podman("ps", "--all", "--external", "--quiet").stdout == ""
