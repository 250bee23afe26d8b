"""Bridges in a net of their own: who reaches whom, by which address and name, and what is left afterwards."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from ocikit.network import NetworkConfig, PerNetwork, PortMapping, SetupRequest, Subnet, netns
from ocikit.network.dns import control
from ocikit.network.errors import AddressError, NetworkError, SetupFailed
from tests.support import machine
from tests.support.netlab import HOST_IP, REMOTE_IP, Lab, ask, resolve, wait_for

pytestmark = pytest.mark.root


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[Lab]:
    machine.skip(machine.why_not_root() or machine.why_not_tool("nft", "ip") or machine.why_not_link("bridge"))
    made = Lab(tmp_path)
    try:
        yield made
    finally:
        made.close()


def web(lab: Lab, name: str = "web", **more: object) -> NetworkConfig:
    options = {"dns_enabled": True, **more}
    return lab.host.run(lambda: lab.nets.create(NetworkConfig(name, **options)))  # type: ignore[arg-type]


def test_published_ports_from_everywhere(lab: Lab) -> None:
    web(lab)
    ports = [
        PortMapping("", 80, 8080),
        PortMapping("", 53, 5353, 1, "udp"),
        PortMapping("127.0.0.1", 81, 8081),
        PortMapping(HOST_IP, 80, 8082),
    ]
    server = lab.container("web", "server", ports)
    other = lab.container("web", "other")
    lab.serve(server, 80)
    lab.serve(server, 81)
    lab.serve(server, 53, udp=True)
    gateway = server.gateway()
    assert ask(lab.host, "127.0.0.1", 8080) == gateway
    assert ask(lab.host, HOST_IP, 8080)
    assert ask(lab.remote, HOST_IP, 8080) == REMOTE_IP
    assert ask(other, HOST_IP, 8080) and ask(other, gateway, 8080)
    assert ask(server, HOST_IP, 8080), "its own published port"
    assert ask(lab.remote, HOST_IP, 5353, udp=True) == REMOTE_IP
    assert ask(lab.host, "127.0.0.1", 5353, udp=True)
    assert ask(lab.host, "127.0.0.1", 8081) and not ask(lab.remote, HOST_IP, 8081, timeout=0.5)
    assert ask(lab.remote, HOST_IP, 8082) == REMOTE_IP and not ask(lab.host, "127.0.0.1", 8082, timeout=0.5)
    server.leave()
    assert not ask(lab.remote, HOST_IP, 8080, timeout=0.5)


def test_the_way_out_is_masqueraded(lab: Lab) -> None:
    web(lab)
    inside = lab.container("web")
    lab.serve(lab.remote, 9999)
    assert ask(inside, REMOTE_IP, 9999) == HOST_IP


def test_two_hundred_ports_in_one_range(lab: Lab) -> None:
    web(lab)
    server = lab.container("web", "", [PortMapping("", 9000, 9000, 200), PortMapping("", 100, 9500, 200)])
    for port in (9000, 9100, 9199, 100, 299):
        lab.serve(server, port)
    assert all(ask(lab.remote, HOST_IP, port) == REMOTE_IP for port in (9000, 9100, 9199, 9500, 9699))
    assert not ask(lab.remote, HOST_IP, 9200, timeout=0.5)


def test_both_families(lab: Lab) -> None:
    web(lab, ipv6_enabled=True)
    server = lab.container("web", "server", [PortMapping("", 80, 8080)])
    other = lab.container("web", "other")
    lab.serve(server, 80)
    lab.serve(server, 80, ip=server.ip(version=6))
    assert ask(other, server.ip(version=6), 80) == other.ip(version=6)
    assert ask(lab.host, "2001:db8::1", 8080) and ask(lab.remote, HOST_IP, 8080)
    assert resolve(other, other.gateway(), "server", "AAAA") == ("NOERROR", [server.ip(version=6)])


@pytest.mark.parametrize(
    ("first", "second", "open_"),
    [("", "", True), ("true", "", True), ("true", "true", False), ("strict", "", False), ("strict", "true", False)],
)
def test_isolation(lab: Lab, first: str, second: str, open_: bool) -> None:
    for name, value in (("a", first), ("b", second)):
        web(lab, name, options={"isolate": value} if value else {})
    a, b = lab.container("a", "", [PortMapping("", 80, 8080)]), lab.container("b")
    lab.serve(a, 80)
    lab.serve(b, 80)
    assert bool(ask(a, b.ip(), 80, timeout=1 if open_ else 0.3)) == open_
    assert bool(ask(b, a.ip(), 80, timeout=1 if open_ else 0.3)) == open_
    assert ask(b, HOST_IP, 8080), "what is published is published to isolated networks as well"
    twin = lab.container("a")
    assert ask(twin, a.ip(), 80) == twin.ip()


def test_internal_networks_are_closed(lab: Lab) -> None:
    web(lab, "hidden", internal=True)
    web(lab)
    inside, twin = lab.container("hidden", "one", [PortMapping("", 80, 8080)]), lab.container("hidden", "two")
    outside = lab.container("web", "out", [PortMapping("", 80, 8090)])
    for space in (inside, outside):
        lab.serve(space, 80)
        lab.serve(space, 53, udp=True)
    lab.serve(lab.remote, 9999)
    assert ask(twin, inside.ip(), 80) == twin.ip()
    assert ask(lab.host, inside.ip(), 80), "the host is on the bridge"
    assert not ask(inside, REMOTE_IP, 9999, timeout=0.3)
    assert not ask(inside, outside.ip(), 80, timeout=0.3) and not ask(outside, inside.ip(), 80, timeout=0.3)
    assert not ask(outside, inside.ip(), 53, udp=True, timeout=0.3)
    inside.shell(f"ip route add default via {inside.gateway()}")
    assert not ask(inside, REMOTE_IP, 9999, timeout=0.3) and not ask(inside, outside.ip(), 80, timeout=0.3)
    assert not ask(lab.remote, HOST_IP, 8080, timeout=0.3)
    assert resolve(twin, twin.gateway(), "one") == ("NOERROR", [inside.ip()])
    assert resolve(twin, twin.gateway(), "example.com")[0] == "NXDOMAIN"


def test_names(lab: Lab) -> None:
    web(lab)
    web(lab, "db")
    one = lab.container({"web": PerNetwork(["www", "0123456789ab"])}, "one")
    two = lab.container({"web": PerNetwork(), "db": PerNetwork(["store"])}, "two")
    three = lab.container("db", "three")
    server = one.gateway()
    assert resolve(one, server, "two") == ("NOERROR", [two.ip("web")])
    assert resolve(one, server, "TWO.dns.podman", tcp=True) == ("NOERROR", [two.ip("web")])
    assert resolve(two, server, "0123456789ab") == ("NOERROR", [one.ip()])
    assert sorted(resolve(two, server, "two")[1]) == sorted([two.ip("web"), two.ip("db")])
    assert resolve(two, server, "three") == ("NOERROR", [three.ip()]), "a container on both sees both"
    assert resolve(one, server, "three.dns.podman") == ("NXDOMAIN", [])
    assert resolve(one, server, "two", "AAAA") == ("NOERROR", [])
    assert resolve(one, server, "two", "MX") == ("NOERROR", [])
    reverse = ".".join(reversed(one.ip().split("."))) + ".in-addr.arpa"
    assert resolve(two, server, reverse, "PTR") == ("NOERROR", ["one.", "www.", "0123456789ab."])
    one.leave()
    assert resolve(two, server, "one.dns.podman") == ("NXDOMAIN", [])


def test_questions_are_forwarded(lab: Lab) -> None:
    import dnslib
    from dnslib.server import BaseResolver, DNSLogger, DNSServer

    class Upstream(BaseResolver):
        def resolve(self, request: dnslib.DNSRecord, handler: object) -> dnslib.DNSRecord:
            reply = request.reply()
            reply.add_answer(*dnslib.RR.fromZone(f"{request.q.qname} 60 A 203.0.113.7"))
            return reply

    web(lab, network_dns_servers=[REMOTE_IP])
    quiet = DNSLogger("-request,-reply,-truncated,-error,-recv,-send,-data")
    servers = [
        lab.remote.run(lambda t=t: DNSServer(Upstream(), address=REMOTE_IP, tcp=t, logger=quiet)) for t in (False, True)
    ]  # type: ignore[misc]
    for server in servers:
        server.start_thread()
    try:
        one = lab.container("web", "one")
        for tcp in (False, True):
            assert resolve(one, one.gateway(), "example.com", tcp=tcp) == ("NOERROR", ["203.0.113.7"])
        picky = lab.container("web", "picky", dns_servers=["203.0.113.99"])
        lab.host.shell("ip route add unreachable 203.0.113.99")
        assert resolve(picky, one.gateway(), "example.com")[0] == "SERVFAIL"
    finally:
        for server in servers:
            server.server.shutdown()
            server.server.server_close()


def test_one_server_comes_and_goes(lab: Lab) -> None:
    web(lab)
    web(lab, "db")
    assert not control.server_pid(lab.nets)
    one = lab.container("web", "one")
    pid = control.server_pid(lab.nets)
    two = lab.container("db", "two")
    assert pid and control.server_pid(lab.nets) == pid
    one.leave()
    assert control.server_pid(lab.nets) == pid
    os.kill(pid, 9)
    wait_for(lambda: not control.server_pid(lab.nets))
    lab.host.run(lambda: lab.nets.reload(two.request))
    assert resolve(two, two.gateway(), "two") == ("NOERROR", [two.ip()])
    pid = control.server_pid(lab.nets)
    two.leave()
    wait_for(lambda: not os.path.exists(f"/proc/{pid}"))
    assert not os.listdir(lab.folder / "run/aardvark-dns")


def test_nothing_is_left(lab: Lab) -> None:
    before, rules = lab.links(), lab.rules()
    web(lab)
    web(lab, "iso", options={"isolate": "strict"})
    for container in [
        lab.container("web", "one", [PortMapping("", 80, 8080)]),
        lab.container({"web": PerNetwork(), "iso": PerNetwork()}, "two", [PortMapping("", 80, 8081)]),
        lab.container("iso", "three", [PortMapping("127.0.0.1", 80, 8082)]),
    ]:
        container.leave()
    assert lab.links() == before and lab.rules() == rules == ""


def test_rules_come_back_after_a_flush(lab: Lab) -> None:
    web(lab)
    server = lab.container("web", "", [PortMapping("", 80, 8080)])
    lab.serve(server, 80)
    lab.host.shell("nft flush ruleset")
    assert not ask(lab.remote, HOST_IP, 8080, timeout=0.3)
    lab.host.run(lambda: lab.nets.reload(server.request))
    assert ask(lab.remote, HOST_IP, 8080) == REMOTE_IP
    lab.host.shell("nft flush ruleset")
    server.leave()  # teardown of what is gone is no error
    assert lab.rules() == ""


def test_a_port_of_a_killed_container_is_taken_over(lab: Lab) -> None:
    web(lab)
    gone = lab.container("web", "gone", [PortMapping("", 80, 8080), PortMapping("", 90, 8090)])
    netns.remove(gone.path)  # nobody tore it down
    server = lab.container("web", "server", [PortMapping("", 80, 8080)])
    lab.serve(server, 80)
    assert ask(lab.remote, HOST_IP, 8080) == REMOTE_IP
    lab.host.run(lambda: lab.nets.teardown(gone.path, gone.request))
    assert ask(lab.remote, HOST_IP, 8080) == REMOTE_IP, "late teardown takes only its own"


def test_forty_at_once(lab: Lab) -> None:
    web(lab)
    made: list[object] = []

    def work(number: int) -> None:
        import subprocess
        import sys

        script = (
            "import sys; from ocikit.network import *; from ocikit.network import netns\n"
            "nets = Networks(*sys.argv[1:4]); print(netns.create(sys.argv[5], '/run/netns'))\n"
            "request = SetupRequest(sys.argv[4], sys.argv[6], {'web': PerNetwork()})\n"
            "print(nets.setup('/run/netns/' + sys.argv[5], request)['web']['interfaces']['eth0']['subnets'][0]['ipnet'])"
        )
        cid, name = os.urandom(32).hex(), netns.new_name()
        folders = [str(lab.folder / word) for word in ("networks", "run", "lock")]
        done = lab.host.run(
            lambda: subprocess.run(
                [sys.executable, "-c", script, *folders, cid, name, f"c{number}"],
                capture_output=True,
                text=True,
                check=False,
            )
        )
        made.append((done, cid, name, number))

    from tests.support.netlab import Container

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    ips = {}
    for done, cid, name, number in made:  # type: ignore[misc]
        request = SetupRequest(cid, f"c{number}", {"web": PerNetwork()})
        lab.containers.append(Container(lab, f"/run/netns/{name}", request))
        assert done.returncode == 0, done.stderr
        ips[number] = done.stdout.split()[-1].split("/")[0]
    assert len(set(ips.values())) == 40
    first = lab.containers[0]
    for number, ip in ips.items():
        assert resolve(first, "10.89.0.1", f"c{number}") == ("NOERROR", [ip])
    for container, (_, _, _, number) in zip(lab.containers, made, strict=True):  # type: ignore[misc]
        lab.serve(container, 80)
        assert ask(lab.host, ips[number], 80) == "10.89.0.1"


def test_leases_survive_kill_9(lab: Lab) -> None:
    web(lab, subnets=[Subnet("10.97.0.0/29")])
    held = lab.container("web")
    path = netns.create()
    request = SetupRequest(os.urandom(32).hex(), "", {"web": PerNetwork()})
    pid = os.fork()
    if not pid:
        # dies in the middle of a set-up, after the lease and before the link
        from ocikit.network.drivers import bridge

        bridge.setup = lambda at: os.kill(os.getpid(), 9)
        lab.host.run(lambda: lab.nets.setup(path, request))
        os._exit(1)
    os.waitpid(pid, 0)
    netns.remove(path)
    lab.nets = lab.reopened()
    ips = {held.ip(), *(lab.container("web").ip() for _ in range(3))}
    assert len(ips) == 4
    with pytest.raises(AddressError, match="failed to find free IP in range"):
        lab.container("web")
    lab.host.run(lambda: lab.nets.teardown(path, request))  # of what never came to be
    assert lab.container("web").ip() not in ips


def test_a_failed_set_up_leaves_nothing(lab: Lab) -> None:
    web(lab)
    before = lab.links()
    with pytest.raises(AddressError, match="not in any subnet on network web"):
        lab.container({"web": PerNetwork(static_ips=["10.1.1.1"])})
    with pytest.raises(SetupFailed, match="interface lo already exists"):
        lab.container({"web": PerNetwork(interface_name="lo")})
    with pytest.raises(NetworkError, match="network not found"):
        lab.container("nope")
    assert lab.links() == before and lab.rules() == ""
    assert lab.container("web").ip() == "10.89.0.3", "the lease of the failed one was given back"


def test_chosen_addresses_and_options(lab: Lab) -> None:
    web(lab, options={"mtu": "1400", "metric": "50"}, subnets=[Subnet("10.89.7.0/24"), Subnet("10.89.8.0/24")])
    web(lab, "plain", options={"no_default_route": "true"})
    per = PerNetwork((), "net0", ["10.89.8.77"], "aa:bb:cc:00:11:22")
    one = lab.container({"web": per, "plain": PerNetwork()})
    shown = one.shell("ip -o addr show net0; ip -o link show net0; ip route show default")
    for word in (
        "10.89.7.2/24",
        "10.89.8.77/24",
        "aa:bb:cc:00:11:22",
        "mtu 1400",
        "default via 10.89.7.1 dev net0 proto static metric 50",
    ):
        assert word in shown
    assert shown.count("default") == 1 + shown.count("group default")
    assert one.shell("ip -o addr show eth0")


def test_without_a_firewall(lab: Lab) -> None:
    web(lab)
    lab.nets.firewall_driver = "none"
    one = lab.container("web", "", [PortMapping("", 80, 8080)])
    assert lab.rules() == "" and one.ip()
    lab.nets.firewall_driver = "iptables"
    with pytest.raises(NetworkError, match='firewall driver "iptables" is not supported'):
        lab.container("web")
    lab.nets.firewall_driver = "none"


def test_missing_nft_is_one_sentence(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    from ocikit.network import nft

    web(lab)
    before = lab.links()
    monkeypatch.setattr(nft, "_PATH", "/nowhere")
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SetupFailed, match="no nft program found: bridge networks need it"):
        lab.container("web")
    assert lab.links() == before


@pytest.mark.parametrize("mode", ["bridge", "private"])
def test_macvlan(lab: Lab, mode: str) -> None:
    machine.skip("" if "macvlan" in Path("/proc/kallsyms").read_text() else "no macvlan in this kernel")
    config = NetworkConfig(
        "mv", driver="macvlan", subnets=[Subnet("198.51.100.0/24", REMOTE_IP)], options={"parent": "up0", "mode": mode}
    )
    with pytest.raises(NetworkError, match="already used on the host"):
        lab.host.run(lambda: lab.nets.create(config))
    config.subnets = [Subnet("198.51.101.0/24", "198.51.101.1")]
    lab.host.run(lambda: lab.nets.create(config))
    lab.remote.shell("ip addr add 198.51.101.1/24 dev up0")
    lab.serve(lab.remote, 9999)
    one = lab.container("mv")
    assert ask(one, "198.51.101.1", 9999) == one.ip()
    assert "dns_server_ips" not in one.status["mv"]


def test_unmanaged_bridges_are_left_alone(lab: Lab) -> None:
    options = {"mode": "unmanaged"}
    web(lab, "un", options=options, network_interface="admin0", subnets=[Subnet("10.77.0.0/24")])
    with pytest.raises(SetupFailed, match="bridge admin0 of unmanaged network un does not exist"):
        lab.container("un")
    lab.host.shell("ip link add admin0 type bridge; ip addr add 10.77.0.1/24 dev admin0; ip link set admin0 up")
    one = lab.container("un")
    lab.serve(one, 80)
    assert ask(lab.host, one.ip(), 80) == "10.77.0.1" and lab.rules() == ""
    one.leave()
    assert "admin0" in lab.links()


@pytest.mark.parametrize("policy", ["DROP", "ACCEPT"])
def test_beside_an_iptables_firewall_that_drops(lab: Lab, policy: str) -> None:
    machine.skip(machine.why_not_tool("iptables"))
    lab.host.shell(f"iptables -P FORWARD {policy}; iptables -P INPUT {policy}; iptables -A INPUT -i up0 -j ACCEPT")
    before = lab.host.shell("iptables -S")
    web(lab)
    server = lab.container("web", "server", [PortMapping("", 80, 8080)])
    lab.serve(server, 80)
    lab.serve(lab.remote, 9999)
    assert ask(lab.remote, HOST_IP, 8080) == REMOTE_IP
    assert ask(server, REMOTE_IP, 9999) == HOST_IP
    assert resolve(server, server.gateway(), "server") == ("NOERROR", [server.ip()])
    assert (lab.host.shell("iptables -S") != before) == (policy == "DROP")
    server.leave()
    assert lab.host.shell("iptables -S") == before
