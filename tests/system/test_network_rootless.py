"""Without root: pasta, slirp4netns, the port relay, and bridges in the shared namespace, as a user with nothing but
unprivileged user namespaces. Runs in process, mount and network namespaces of its own, with an own /dev/net/tun."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.support import machine

pytestmark = pytest.mark.root

ROOT = Path(__file__).resolve().parents[2]
PRELUDE = """
import json, os, socket, subprocess, sys, threading, time
from ocikit.network import NetworkConfig, Networks, PerNetwork, PortMapping, SetupRequest, netns
from ocikit.network.errors import NetworkError
from ocikit.network.netlink import Netlink, set_link
from ocikit.network.rootless import pasta, ports, shared, slirp4netns

def space():
    path = netns.create()
    fd = os.open(path, os.O_RDONLY)
    def up():
        with Netlink() as sock:
            sock.do("lo", set_link(1, up=True))
    netns.run_in(fd, up)
    return path, fd

def serve(fd, port):
    server = netns.run_in(fd, lambda: socket.socket())
    server.setsockopt(1, 2, 1); server.bind(("", port)); server.listen()
    def loop():
        while True:
            connection, peer = server.accept()
            connection.sendall(peer[0].encode()); connection.close()
    threading.Thread(target=loop, daemon=True).start()

def ask(port, ip="127.0.0.1"):
    with socket.create_connection((ip, port), 5) as client:
        return client.recv(100).decode()

def refused(work):
    try:
        work()
    except NetworkError as error:
        return str(error)

out = {}
"""


def run_as_user(tmp_path: Path, body: str) -> dict:
    """Runs the body; what it puts into ``out``."""
    machine.skip(
        machine.why_not_root() or machine.why_not_tool("setpriv", "nft", "ip") or machine.why_not_link("bridge")
    )
    machine.skip("" if os.path.exists("/dev/net/tun") else "no /dev/net/tun")
    machine.skip("" if os.path.exists("/usr/bin/python3") else "no interpreter that every user may run")
    runtime = tmp_path / "runtime"
    runtime.mkdir(mode=0o700)
    os.chown(runtime, 65534, 65534)
    for folder in [tmp_path, *tmp_path.parents[:2]]:
        folder.chmod(0o755)
    script = tmp_path / "script.py"
    script.write_text(f"{PRELUDE}{body}\nprint(json.dumps(out))\n")
    paths = f"{ROOT}/libs/network:{ROOT}/libs/common"
    shell = (
        f"mknod {tmp_path}/tun c 10 200; chmod 666 {tmp_path}/tun; mount --bind {tmp_path}/tun /dev/net/tun; "
        "ip link set lo up; ip link add up0 type veth peer name far0; ip link set up0 up; ip link set far0 up; "
        "ip addr add 198.51.100.2/24 dev up0; ip route add default via 198.51.100.1; "
        f"exec env XDG_RUNTIME_DIR={runtime} HOME={runtime} _CONTAINERS_ROOTLESS_UID=65534 PYTHONDONTWRITEBYTECODE=1 "
        f"PYTHONPATH={paths} setpriv --reuid 65534 --regid 65534 --clear-groups unshare -Urm /usr/bin/python3 {script}"
    )
    words = ["timeout", "-s", "KILL", "60", "unshare", "-m", "-n", "-p", "--fork", "--kill-child", "--mount-proc"]
    with open(tmp_path / "out", "w+") as out, open(tmp_path / "err", "w+") as err:
        # files, not pipes: helpers in the background would keep a pipe open
        done = subprocess.run(
            [*words, "sh", "-ec", shell], stdin=subprocess.DEVNULL, stdout=out, stderr=err, check=False
        )
    assert done.returncode == 0, (tmp_path / "err").read_text()
    return json.loads((tmp_path / "out").read_text().splitlines()[-1])


def test_pasta(tmp_path: Path) -> None:
    machine.skip(machine.why_not_tool("pasta"))
    out = run_as_user(
        tmp_path,
        """
path, fd = space()
result = pasta.start(path, [PortMapping("", 80, 18080)])
serve(fd, 80)
out.update(own=result.own, dns=result.dns_forwarders, answer=ask(18080))
out["taken"] = refused(lambda: pasta.start(space()[0], [PortMapping("", 80, 18080)]))
out["option"] = refused(lambda: pasta.start(space()[0], [], ["--no-such-option"]))
""",
    )
    assert out["own"] == ["198.51.100.2"] and out["dns"] == ["169.254.1.1"] and out["answer"]
    for key in ("taken", "option"):
        assert out[key].startswith("pasta failed with exit code 1: ") and "\n" not in out[key]


def test_slirp4netns_and_the_relay(tmp_path: Path) -> None:
    machine.skip(machine.why_not_tool("slirp4netns"))
    out = run_as_user(
        tmp_path,
        """
path, fd = space()
first = slirp4netns.start(path, slirp4netns.parse_options([]))
serve(fd, 80)
control = os.environ["XDG_RUNTIME_DIR"] + "/rp/ctr"
relay = ports.start(path, first.address, [PortMapping("", 80, 18080)], control=control)
out.update(four=ask(18080), six=ask(18080, "::1"))
out["taken"] = refused(lambda: ports.start(path, first.address, [PortMapping("", 80, 18080)]))
out["privileged"] = refused(lambda: ports.start(path, first.address, [PortMapping("", 80, 80)]))
out["sctp"] = refused(lambda: ports.start(path, first.address, [PortMapping("", 80, 81, 1, "sctp")]))
ports.change_target(control, "127.0.0.1")
out["moved"] = ask(18080)
os.close(relay.exit_fd); os.close(first.exit_fd)
out["ended"] = [os.waitpid(pid, 0)[1] for pid in (relay.pid, first.pid)]
path, fd = space()
api = os.environ["XDG_RUNTIME_DIR"] + "/api"
options = slirp4netns.parse_options(["port_handler=slirp4netns", "cidr=10.3.0.0/24"])
second = slirp4netns.start(path, options, [PortMapping("", 80, 18081)], api_socket=api)
serve(fd, 80)
out["own"] = [second.address, ask(18081)]
os.close(second.exit_fd); os.waitpid(second.pid, 0)
""",
    )
    assert out["four"] == out["six"] == "10.0.2.100" and out["moved"] == "127.0.0.1"
    assert "bind: address already in use" in out["taken"] and out["sctp"] == "can't forward protocol: sctp"
    assert out["privileged"].startswith("rootlessport cannot expose privileged port 80, you can add")
    assert out["own"] == ["10.3.0.100", "10.3.0.2"] and out["ended"][0] == 0


def test_bridges_in_the_shared_namespace(tmp_path: Path) -> None:
    machine.skip(machine.why_not_tool("pasta"))
    out = run_as_user(
        tmp_path,
        """
nets = Networks.open(os.environ["HOME"] + "/networks", rootless=True)
nets.create(NetworkConfig("web", dns_enabled=True))
made = []
for name in ("one", "two"):
    path, fd = space()
    request = SetupRequest(name.encode().hex().ljust(64, "0"), name, {"web": PerNetwork()})
    made.append((path, fd, request, nets.setup(path, request)))
path, fd, request, status = made[0]
serve(fd, 80)
target = shared.relay_target(status)
relay = ports.start(path, target, [PortMapping("", 80, 18080)])
out.update(target=target, answer=ask(18080))
def resolve():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(3)
        client.sendto(b"\\0\\1\\1\\0\\0\\1\\0\\0\\0\\0\\0\\0\\3two\\0\\0\\1\\0\\1", ("10.89.0.1", 53))
        return list(client.recv(512)[-4:])
out["name"] = netns.run_in(fd, resolve)
out["count"] = open(nets.run_dir + "/rootless-netns/ref-count").read()
out["command"] = shared.run_command(nets, ["ip", "link", "show", "podman1"])
os.close(relay.exit_fd)
for path, fd, request, status in made:
    nets.teardown(path, request)
    netns.remove(path)
time.sleep(0.3)
out["left"] = [os.path.exists(nets.run_dir + "/rootless-netns"), os.listdir(nets.run_dir + "/aardvark-dns")]
def alive(pid):
    try:
        return open(f"/proc/{pid}/stat").read().split()[2] != "Z"
    except OSError:
        return False
words = [open(f"/proc/{p}/cmdline").read() for p in os.listdir("/proc") if p.isdigit() and alive(p)]
out["processes"] = [word for word in words if "pasta" in word or "network/dns" in word]
""",
    )
    assert out["target"] == out["answer"] == "10.89.0.2" and out["name"] == [10, 89, 0, 3]
    assert out["count"] == "2" and out["command"] == 0
    assert out["left"] == [False, []] and out["processes"] == []


def test_neither_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ocikit.network.errors import SetupFailed
    from ocikit.network.rootless import programs

    monkeypatch.setattr(programs.os, "access", lambda *_: False)
    with pytest.raises(
        SetupFailed, match="could not find pasta or slirp4netns: networking without root needs one"
    ) as caught:
        programs.default_program()
    assert "install the package" in caught.value.hint
    assert programs.default_program("pasta") == "pasta"
