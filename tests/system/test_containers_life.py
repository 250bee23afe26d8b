"""The life of a container through the podman command: run, exec, logs, stop, kill, restart, rm, and what is left: nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox import OURS, Sandbox

IMAGE = "localhost/bb:latest"


@pytest.fixture
def box(sandbox: Sandbox, busybox: Path) -> Iterator[Sandbox]:
    """A sandbox with the image in its store."""
    sandbox.podman("pull", "-q", f"oci:{busybox}:latest")
    image = sandbox.podman("images", "-q").stdout.split()[0]
    sandbox.podman("tag", image, IMAGE)
    yield sandbox
    sandbox.podman("rm", "-f", "-a", "-t", "0", check=False)


def run(box: Sandbox, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    return box.podman("run", "--network", "none", *words, check=check)


def test_foreground_output_and_exit_code(box: Sandbox) -> None:
    done = run(box, "--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7", check=False)
    assert (done.returncode, done.stdout, done.stderr) == (7, "out\n", "err\n")
    assert box.podman("ps", "-aq").stdout == ""


@pytest.mark.parametrize(
    ("command", "code", "text"),
    [
        (
            ["nocmd"],
            127,
            "executable file not found in $PATH: OCI runtime attempted to invoke a command that was not found",
        ),
        (["/etc/passwd"], 126, "permission denied: OCI permission denied"),
    ],
)
def test_commands_that_cannot_run(box: Sandbox, command: list[str], code: int, text: str) -> None:
    done = run(box, "--rm", IMAGE, *command, check=False)
    assert done.returncode == code
    assert done.stderr.startswith("Error: runc: runc create failed") and text in done.stderr
    assert box.podman("ps", "-aq").stdout == ""


def test_detached_life(box: Sandbox) -> None:
    cid = run(box, "-d", "--name", "c1", IMAGE, "sh", "-c", "echo hi; sleep 60").stdout.strip()
    assert len(cid) == 64
    assert box.podman("ps", "--format", "{{.Names}} {{.State}}").stdout == "c1 running\n"
    done = box.podman("exec", "-e", "A=1", "c1", "sh", "-c", "echo $A; exit 4", check=False)
    assert (done.returncode, done.stdout) == (4, "1\n")
    assert box.podman("logs", "c1").stdout == "hi\n"
    document = json.loads(box.podman("inspect", "c1").stdout)[0]
    assert document["State"]["Running"] is True and document["Path"] == "sh"
    assert box.podman("stop", "-t", "0", "c1").stdout == "c1\n"
    assert box.podman("ps", "-a", "--format", "{{.State}} {{.ExitCode}}").stdout == "exited 137\n"
    box.podman("start", "c1")
    box.podman("pause", "c1")
    assert box.podman("ps", "--filter", "status=paused", "-q").stdout.strip() == cid[:12]
    box.podman("unpause", "c1")
    box.podman("restart", "-t", "0", "c1")
    assert box.podman("rm", "c1", check=False).returncode == 2
    assert box.podman("rm", "-f", "-t", "0", "c1").stdout == "c1\n"


def test_rm_of_a_detached_container_that_ends(box: Sandbox) -> None:
    run(box, "-d", "--rm", IMAGE, "sleep", "0.2")
    deadline = time.monotonic() + 20
    while box.podman("ps", "-aq").stdout and time.monotonic() < deadline:
        time.sleep(0.1)
    assert box.podman("ps", "-aq").stdout == ""


def test_wait_and_restart_policy(box: Sandbox) -> None:
    run(box, "-d", "--name", "w", "--restart", "on-failure:2", IMAGE, "sh", "-c", "exit 3")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = box.podman("ps", "-a", "--format", "{{.State}} {{.Restarts}}").stdout
        if state == "exited 2\n":
            break
        time.sleep(0.1)
    assert state == "exited 2\n"
    assert box.podman("wait", "w").stdout == "3\n"


def test_volumes_and_mounts(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "f").write_text("host")
    words = ["--rm", "-v", f"{tmp_path}:/h:ro", "-v", "data:/data", "--tmpfs", "/t:size=1m", IMAGE]
    assert run(box, *words, "sh", "-c", "cat /h/f; echo x > /data/y; touch /h/z", check=False).stdout == "host"
    assert run(box, *words, "cat", "/data/y").stdout == "x\n"
    assert not (tmp_path / "z").exists()


def test_users_limits_and_capabilities(box: Sandbox) -> None:
    words = ["--rm", "-u", "1234:99", "--hostname", "hh", "-w", "/tmp", "--ulimit", "nofile=100:200", "--read-only"]
    done = run(box, *words, IMAGE, "sh", "-c", "id -u; id -g; hostname; pwd; ulimit -n; grep CapEff /proc/self/status; touch /x", check=False)  # fmt: skip
    assert done.stdout.split() == ["1234", "99", "hh", "/tmp", "100", "CapEff:", "0" * 16]
    assert "Read-only file system" in done.stderr


def test_terminal(box: Sandbox) -> None:
    assert run(box, "--rm", "-t", IMAGE, "sh", "-c", "tty; echo $TERM").stdout.split() == ["/dev/pts/0", "xterm"]


def test_copies(box: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "f").write_text("deep")
    run(box, "-d", "--name", "c", IMAGE, "sleep", "60")
    box.podman("cp", str(tmp_path / "d"), "c:/tmp")
    assert box.podman("exec", "c", "cat", "/tmp/d/f").stdout == "deep"
    box.podman("cp", "c:/tmp/d/.", str(tmp_path / "out"))
    assert (tmp_path / "out" / "f").read_text() == "deep"
    done = box.podman("cp", "c:/nope", str(tmp_path), check=False)
    assert done.stderr == 'Error: "/nope" could not be found on container c: no such file or directory\n'


def test_a_link_in_a_container_leads_nowhere_else(box: Sandbox, tmp_path: Path) -> None:
    run(box, "-d", "--name", "c", IMAGE, "sh", "-c", f"ln -s {tmp_path} /out; sleep 60")
    time.sleep(0.3)
    (tmp_path / "f").write_text("x")
    assert box.podman("cp", str(tmp_path / "f"), "c:/out/g", check=False).returncode == 125
    assert not (tmp_path / "g").exists()


def test_events_tell_the_story(box: Sandbox) -> None:
    run(box, "--name", "e", "--label", "k=v", IMAGE, "true")
    box.podman("rm", "e")
    lines = box.podman("events", "--stream=false", "--filter", "container=e", "--format", "{{.Status}}").stdout.split()
    assert lines == ["create", "init", "attach", "start", "died", "cleanup", "remove"]


def test_health_checks(box: Sandbox) -> None:
    run(box, "-d", "--name", "h", "--health-cmd", "test -f /tmp/ok", IMAGE, "sleep", "60")
    done = box.podman("healthcheck", "run", "h", check=False)
    assert (done.returncode, done.stdout) == (1, "unhealthy\n")
    box.podman("exec", "h", "touch", "/tmp/ok")
    assert box.podman("healthcheck", "run", "h").returncode == 0
    assert "(healthy)" in box.podman("ps", "--format", "{{.Status}}").stdout


def test_a_killed_client_is_survived(box: Sandbox) -> None:
    """kill -9 of podman at several moments of a run: ps answers, rm -f removes, nothing stays."""
    for delay in (0.05, 0.1, 0.15, 0.2, 0.3):
        command = [OURS / "podman", *box.podman_flags(), "run", "--network", "none", IMAGE, "sleep", "30"]
        process = subprocess.Popen(command, env=box.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert box.podman("ps", "-a").returncode == 0
        box.podman("rm", "-f", "-a", "-t", "0")
        assert box.podman("ps", "-aq").stdout == ""


def test_a_killed_monitor_is_noticed(box: Sandbox) -> None:
    run(box, "-d", "--name", "m", IMAGE, "sleep", "60")
    pids = box.podman("inspect", "m", "--format", "{{.State.ConmonPid}} {{.State.Pid}}").stdout.split()
    for pid in pids:
        os.kill(int(pid), signal.SIGKILL)
    time.sleep(0.2)
    assert box.podman("ps", "-a", "--format", "{{.State}}").stdout == "exited\n" or (
        box.podman("ps", "-a", "--format", "{{.State}}").stdout == "stopped\n"
    )
    box.podman("rm", "-f", "m")


def test_the_library_runs_containers(box: Sandbox) -> None:
    """The Python API, as somebody else's test fixture would use it."""
    code = (
        "from ocikit.libpod import Runtime\n"
        "import sys\n"
        f"with Runtime.open(root={str(box.root)!r}, runroot={str(box.runroot)!r}, tmpdir={str(box.tmpdir)!r}, storage_driver='overlay') as r:\n"
        f"    result = r.containers.run(image={IMAGE!r}, command=['cat'], network=['none'], rm=True, stdin=b'abc')\n"
        "    print(result.exit_code, result.stdout)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=box.env, capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "0 b'abc'\n"


def test_events_and_inspect_know_who_it_was(box: Sandbox) -> None:
    """The login uid of whoever issued the command is on its events, in inspect, and on the container's own process."""
    script = (
        "echo 4321 > /proc/self/loginuid || exit 77\n"
        f"exec {OURS / 'podman'} {' '.join(box.podman_flags())} run -d --network none --name who {IMAGE} sleep 60\n"
    )
    done = box.run(["sh", "-c", script], check=False)
    if done.returncode == 77:
        pytest.skip("this kernel does not let the login uid be set")
    pid = box.podman("inspect", "who", "--format", "{{.State.Pid}}").stdout.strip()
    assert Path(f"/proc/{pid}/loginuid").read_text() == "4321"
    assert box.podman("inspect", "who", "--format", "{{.Audit.LoginUID}}").stdout == "4321\n"
    words = [
        "events",
        "--stream=false",
        "--filter",
        "loginuid=4321",
        "--filter",
        "container=who",
        "--format",
        "{{.Status}}",
    ]
    assert box.podman(*words).stdout.split() == ["create", "init", "start"]


def test_many_at_once_leave_nothing(box: Sandbox) -> None:
    command = [OURS / "podman", *box.podman_flags(), "run", "--rm", "--network", "none", IMAGE, "sh", "-c"]
    running = [
        subprocess.Popen([*command, f"exit {number % 7}"], env=box.env, stdin=subprocess.DEVNULL)
        for number in range(12)
    ]
    assert [process.wait(120) for process in running] == [number % 7 for number in range(12)]
    assert box.podman("ps", "-aq").stdout == ""
    assert sorted(name for name in os.listdir(box.root / "overlay-containers") if len(name) == 64) == []
