"""The distribution's podman with our monitor: same commands, same answers as with the C one."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

from ocikit.libpod import monitor
from tests.support import machine
from tests.support.sandbox import Sandbox, real
from tests.support.terminal import under_terminal


@pytest.fixture(scope="module")
def wrapper(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A program to pass as ``--conmon``: an editable install has its launcher elsewhere than a real one."""
    path = tmp_path_factory.mktemp("bin") / "conmon"
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -I -S {monitor.own_launcher()} "$@"\n')
    path.chmod(0o755)
    return path


class Podman:
    def __init__(self, sandbox: Sandbox, conmon: str, busybox: Path) -> None:
        self.sandbox = sandbox
        self.conmon = conmon
        self.run("pull", "-q", f"oci:{busybox}:latest")
        self.image = self.run("images", "-q").stdout.strip()

    def run(self, *words: str, **options: object):  # type: ignore[no-untyped-def]
        command = [real("podman"), *self.sandbox.podman_flags(), f"--conmon={self.conmon}", *words]
        return self.sandbox.run(command, **options)  # type: ignore[arg-type]


@pytest.fixture(params=["ours", "distribution"])
def podman(request: pytest.FixtureRequest, sandbox: Sandbox, wrapper: Path, busybox: Path) -> Podman:
    machine.skip(machine.why_not_tool("script"))
    real("podman")
    return Podman(sandbox, str(wrapper) if request.param == "ours" else real("conmon"), busybox)


def test_a_day_with_podman(podman: Podman) -> None:
    run, image = podman.run, podman.image
    base = ("run", "--rm", "--network=none")
    done = run(*base, image, "sh", "-c", "echo out; echo err >&2; exit 3", check=False)
    assert (done.returncode, done.stdout) == (3, "out\n")
    assert done.stderr.endswith("err\n")
    assert run(*base, "-i", image, "cat", input="hello\n").stdout == "hello\n"
    assert run(*base, image, "nosuch", check=False).returncode == 127
    assert run(*base, image, "/etc/passwd", check=False).returncode == 126
    assert run(*base, "--timeout=1", image, "sleep", "30", check=False).returncode == 255
    flags = " ".join(shlex.quote(word) for word in podman.sandbox.podman_flags())
    line = f"{real('podman')} {flags} --conmon={podman.conmon} run -it --rm --network=none {image} sh -c 'tty; echo hi'"
    code, shown = under_terminal(line, podman.sandbox.env)
    assert code == 0 and "/dev/pts/0\nhi\n" in shown

    run(
        "run",
        "-d",
        "--name=c",
        "--network=none",
        image,
        "sh",
        "-c",
        "echo up; trap 'exit 9' TERM; while :; do sleep 0.1; done",
    )
    assert run("exec", "c", "sh", "-c", "echo in; exit 7", check=False).returncode == 7
    assert run("exec", "-i", "c", "cat", input="x").stdout == "x"
    assert run("exec", "c", "nosuch", check=False).returncode == 127
    run("exec", "-d", "c", "touch", "/tmp/detached")
    assert run("logs", "c").stdout == "up\n"
    run("restart", "-t", "5", "c")
    assert run("logs", "c").stdout == "up\nup\n"
    run("stop", "-t", "5", "c")
    assert run("inspect", "--format", "{{.State.ExitCode}} {{.State.Status}}", "c").stdout == "9 exited\n"
    assert run("wait", "c").stdout == "9\n"
    run("rm", "c")


def test_attach_restart_policy_and_health(podman: Podman) -> None:
    run, image = podman.run, podman.image
    run("run", "-d", "--name=r", "--network=none", "--restart=on-failure:2", image, "sh", "-c", "echo again; exit 1")
    assert run("wait", "r").stdout in ("1\n", "0\n")
    for _ in range(100):
        if run("inspect", "--format", "{{.RestartCount}} {{.State.Status}}", "r").stdout == "2 exited\n":
            break
    else:
        raise AssertionError("it was not restarted twice")
    run("rm", "-f", "r")
    run(
        "run", "-d", "--name=h", "--network=none", "--health-cmd=test -f /tmp/ok", "--health-interval=disable",
        image, "sh", "-c", "touch /tmp/ok; sleep 60",
    )  # fmt: skip
    run("healthcheck", "run", "h")
    assert run("inspect", "--format", "{{.State.Healthcheck.Status}}", "h", check=False).stdout in ("healthy\n", "\n")
    run("rm", "-f", "-t", "0", "h")
    run("run", "-di", "--name=a", "--network=none", image, "sh", "-c", "read x; echo got $x")
    assert run("attach", "a", input="word\n").stdout.strip() == "got word"
    run("rm", "-f", "a")
