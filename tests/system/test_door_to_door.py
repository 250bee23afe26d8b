"""From a registry to a running container and back, as root and as an ordinary user: every piece is the real one."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import images, leaks, machine
from tests.support.registry import Registry
from tests.support.sandbox import OURS, Sandbox
from tests.support.terminal import under_terminal
from tests.support.users import User

SERVER = ("sh", "-c", "mkdir /w && echo hello > /w/index.html && httpd -f -p 80 -h /w")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def fetch(address: str, port: int, wait_s: float = 10) -> str:
    """The body of an HTTP answer, asked for until the server inside has started."""
    deadline = time.monotonic() + wait_s
    while True:
        try:
            with socket.create_connection((address, port), timeout=2) as connection:
                connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
                answer = b"".join(iter(lambda: connection.recv(4096), b""))
                if answer:
                    return answer.partition(b"\r\n\r\n")[2].decode()
        except OSError:
            pass
        if time.monotonic() > deadline:
            return ""
        time.sleep(0.05)


@pytest.fixture
def image(sandbox: Sandbox, busybox: Path) -> str:
    """The busybox image in the sandbox's store, as ``localhost/bb``."""
    pulled = sandbox.podman("pull", "-q", f"oci:{busybox}:latest").stdout.strip()
    sandbox.podman("tag", pulled, "localhost/bb")
    return "localhost/bb"


def test_registry_layout_and_directory(sandbox: Sandbox, registry: Registry, busybox: Path, tmp_path: Path) -> None:
    remote = f"docker://{registry.host}/door/busybox:1"
    sandbox.skopeo("copy", "--dest-tls-verify=false", f"oci:{busybox}:latest", remote)
    seen = json.loads(sandbox.skopeo("inspect", "--tls-verify=false", remote).stdout)
    assert seen["RepoTags"] == ["1"] and seen["Os"] == "linux"
    sandbox.skopeo("copy", "--src-tls-verify=false", remote, f"dir:{tmp_path}/dir")
    sandbox.skopeo("copy", f"dir:{tmp_path}/dir", f"oci:{tmp_path}/oci:back")
    digests = [
        sandbox.skopeo("inspect", "--format={{.Digest}}", name).stdout
        for name in (f"oci:{busybox}:latest", f"oci:{tmp_path}/oci:back")
    ]
    assert digests[0] == digests[1]


def test_pull_run_and_remove(sandbox: Sandbox, registry: Registry, busybox: Path) -> None:
    name = f"{registry.host}/door/pulled:latest"
    sandbox.skopeo("copy", "--dest-tls-verify=false", f"oci:{busybox}:latest", f"docker://{name}")
    pulled = sandbox.podman("pull", "-q", "--tls-verify=false", name).stdout.strip()
    assert re.fullmatch(r"[0-9a-f]{64}", pulled)
    assert name.removesuffix(":latest") in sandbox.podman("images").stdout
    done = sandbox.podman(
        "run", "--rm", "-e", "GREETING=hi there", name, "sh", "-c", 'echo "$GREETING"; exit 3', check=False
    )
    assert (done.returncode, done.stdout) == (3, "hi there\n")
    assert json.loads(sandbox.podman("inspect", name).stdout)[0]["Id"] == pulled
    sandbox.podman("rmi", name)
    assert sandbox.podman("images", "-q").stdout == ""


def test_a_detached_container_and_its_port(sandbox: Sandbox, image: str, tmp_path: Path) -> None:
    (tmp_path / "given").write_text("from the host\n")
    port = free_port()
    container = sandbox.podman(
        "run", "-d", "--name=web", "-p", f"{port}:80", "-v", f"{tmp_path}:/host:ro", image, *SERVER
    ).stdout.strip()
    assert fetch("127.0.0.1", port) == "hello\n"
    listed = sandbox.podman("ps", "--format={{.ID}} {{.Names}} {{.Ports}}").stdout
    assert listed == f"{container[:12]} web 0.0.0.0:{port}->80/tcp\n"
    assert sandbox.podman("exec", "web", "cat", "/host/given").stdout == "from the host\n"
    assert sandbox.podman("exec", "web", "touch", "/host/x", check=False).returncode == 1
    state = json.loads(sandbox.podman("inspect", "web").stdout)[0]
    address = state["NetworkSettings"]["IPAddress"]
    assert state["State"]["Running"] and fetch(address, 80) == "hello\n"
    sandbox.podman("exec", "web", "sh", "-c", "echo logged > /proc/1/fd/1")
    assert sandbox.podman("logs", "web").stdout == "logged\n"
    sandbox.podman("stop", "--time=0", "web")
    assert sandbox.podman("ps", "-q").stdout == "" and container[:12] in sandbox.podman("ps", "-aq").stdout
    assert fetch("127.0.0.1", port, wait_s=0) == ""
    sandbox.podman("rm", "web")
    assert sandbox.podman("ps", "-aq").stdout == ""


def test_a_terminal(sandbox: Sandbox, image: str) -> None:
    """``run -it`` under a real terminal: input is typed, the size arrives, the exit code comes back."""
    machine.skip(machine.why_not_tool("script"))
    command = f"{OURS / 'podman'} {' '.join(sandbox.podman_flags())} run --rm -it --network=none {image} sh"
    code, shown = under_terminal(
        f"stty rows 33 cols 99; {command}", sandbox.env | {"TERM": "dumb"}, "stty size; tty; exit 5\n"
    )
    assert code == 5, shown
    assert "33 99" in shown and "/dev/pts/" in shown


@pytest.fixture
def user(busybox: Path) -> Iterator[User]:
    machine.skip(machine.why_not_containers() or machine.why_not_tool("newuidmap"))
    made = User()
    try:
        made.open_tun()
        layout = made.folder / "layout"
        images.busybox_layout(layout)
        subprocess.run(["chmod", "-R", "a+rX", str(layout)], check=True)
        pulled = made.tool("podman", "pull", "-q", f"oci:{layout}:latest").stdout.strip()
        made.tool("podman", "tag", pulled, "localhost/bb")
        yield made
    finally:
        made.tool("podman", "rm", "--all", "--force", "--time=0", check=False)
        deadline = time.monotonic() + 5
        while leaks.processes_with(str(made.folder)) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = made.close()
    assert not left, left


def test_an_ordinary_user(user: User) -> None:
    port = free_port()
    ran = user.tool(
        "podman", "run", "--rm", "--network=none", "localhost/bb", "sh", "-c", "id -u; cat /proc/self/uid_map"
    )
    first, mapping = ran.stdout.split("\n", 1)
    assert first == "0" and mapping.split()[:3] == ["0", str(user.uid), "1"]
    user.tool("podman", "run", "-d", "--name=web", "-p", f"127.0.0.1:{port}:80", "localhost/bb", *SERVER)
    assert fetch("127.0.0.1", port) == "hello\n"
    assert "web" in user.tool("podman", "ps").stdout
    assert user.tool("podman", "exec", "web", "cat", "/w/index.html").stdout == "hello\n"
    user.tool("podman", "stop", "--time=0", "web")
    user.tool("podman", "rm", "web")
    user.tool("podman", "rmi", "localhost/bb", check=False)
    assert user.tool("podman", "ps", "-aq").stdout == ""


# -- bad input: one sentence, Podman's exit code, nothing half-made -------------------------------------------------------


def sentence(done: subprocess.CompletedProcess[str]) -> str:
    """The one error line; the test fails when there are more, or a traceback."""
    lines = [line for line in done.stderr.splitlines() if line.startswith(("Error:", "time="))]
    assert len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr
    return lines[0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["run", "--pull=never", "localhost/nosuch", "true"], 125, "localhost/nosuch"),
        (["nosuch"], 125, "unrecognized command `podman nosuch`"),
        (["ps", "--nosuch"], 125, "unknown flag: --nosuch"),
        (["run", "--network=none", "localhost/bb", "nosuch"], 127, "nosuch"),
        (["run", "--network=none", "localhost/bb", "/etc"], 126, "ermission denied"),
        (["run", "--runtime=/nonexistent/runc", "--network=none", "localhost/bb", "true"], 125, "/nonexistent/runc"),
        (["inspect", "nosuch"], 125, "nosuch"),
        (["rm", "nosuch"], 1, "nosuch"),
        (["run", "--network=nosuch", "localhost/bb", "true"], 125, "nosuch"),
        (["run", "-v", "/nonexistent:/x", "--network=none", "localhost/bb", "true"], 125, "/nonexistent"),
        (["run", "-p", "x:y", "localhost/bb", "true"], 125, "port"),
    ],
)
def test_bad_words(sandbox: Sandbox, image: str, words: list[str], code: int, said: str) -> None:
    done = sandbox.podman(*words, check=False)
    assert done.returncode == code, done.stderr
    assert said in sentence(done)
    sandbox.podman("rm", "--all", "--force", "--time=0")
    assert len(sandbox.podman("images", "-q").stdout.split()) == 1


def test_no_runtime(sandbox: Sandbox, image: str) -> None:
    done = sandbox.podman("--runtime=/nonexistent/runc", "run", "--network=none", image, "true", check=False)
    assert done.returncode == 125 and "/nonexistent/runc" in sentence(done)
    env = {"PATH": "/nonexistent", "CONTAINERS_CONF": "/dev/null"}
    empty = sandbox.folder / "empty.conf"
    empty.write_text('[engine]\nruntime = "norunc"\n')
    done = sandbox.podman(
        "run", "--network=none", image, "true", check=False, env=env | {"CONTAINERS_CONF": str(empty)}
    )
    assert done.returncode == 125 and "norunc" in sentence(done)


def test_unreachable_registry(sandbox: Sandbox) -> None:
    name = f"127.0.0.1:{free_port()}/x/y:latest"
    done = sandbox.podman("pull", "--retry=0", name, check=False)
    assert done.returncode == 125 and "connection refused" in sentence(done)
    assert sandbox.podman("images", "-aq").stdout == ""


def test_self_signed_certificate(sandbox: Sandbox, make_registry: object, busybox: Path) -> None:
    server: Registry = make_registry(tls=True)  # type: ignore[operator]
    name = f"{server.host}/x/y:latest"
    sandbox.skopeo("copy", "--dest-tls-verify=false", f"oci:{busybox}:latest", f"docker://{name}")
    done = sandbox.podman("pull", "--retry=0", name, check=False)
    assert done.returncode == 125 and "certificate" in sentence(done)
    assert "--tls-verify=false" in done.stderr, "the hint says what to do"
    folder = sandbox.folder / "certs"
    folder.mkdir()
    (folder / "ca.crt").write_bytes(server.certificate.read_bytes())
    sandbox.podman("pull", "-q", f"--cert-dir={folder}", name)


@pytest.mark.parametrize("damage", ["truncated", "wrong"])
def test_damaged_blob(sandbox: Sandbox, registry: Registry, busybox: Path, damage: str) -> None:
    name = f"{registry.host}/door/{damage}:latest"
    sandbox.skopeo(
        "copy", "--dest-tls-verify=false", "--dest-compress-format=zstd", f"oci:{busybox}:latest", f"docker://{name}"
    )
    manifest = json.loads(sandbox.skopeo("inspect", "--raw", "--tls-verify=false", f"docker://{name}").stdout)
    blob = registry.blob_path(manifest["layers"][0]["digest"])
    data = blob.read_bytes()
    try:
        blob.write_bytes(data[: len(data) // 2] if damage == "truncated" else b"x" + data[1:])
        done = sandbox.podman("pull", "-q", "--retry=0", "--tls-verify=false", name, check=False)
    finally:
        blob.write_bytes(data)
    assert done.returncode == 125
    sentence(done)
    assert sandbox.podman("images", "-aq").stdout == ""
    records = sandbox.root / "overlay-layers/layers.json"
    assert not records.exists() or json.loads(records.read_text() or "[]") == []
    trees = [path for path in sandbox.root.glob("overlay/*") if re.fullmatch(r"[0-9a-f]{64}", path.name)]
    assert trees == []


def test_no_root_and_no_subordinate_ids() -> None:
    machine.skip(machine.why_not_root() or machine.why_not_tool("newuidmap"))
    made = User(subids=())
    try:
        done = made.tool("podman", "images", check=False)
        assert done.returncode == 125
        line = sentence(done)
        assert "subuid" in line + done.stderr and made.name in done.stderr
    finally:
        assert not made.close()


def test_a_killed_podman_leaves_a_container_that_can_be_removed(sandbox: Sandbox, image: str) -> None:
    started = subprocess.Popen(
        [str(OURS / "podman"), *sandbox.podman_flags(), "run", "--name=victim", "--network=none", image, "sleep", "100"],
        env=sandbox.env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and "Up" not in sandbox.podman("ps", "--format={{.Status}}").stdout:
        time.sleep(0.05)
    os.kill(started.pid, 9)
    started.wait()
    assert "Up" in sandbox.podman("ps", "--format={{.Status}}").stdout
    sandbox.podman("rm", "--force", "--time=0", "victim")
    assert sandbox.podman("ps", "-aq").stdout == ""
