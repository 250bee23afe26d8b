"""One host, two tool sets: the distribution's podman (netavark, aardvark-dns) and ours share networks, leases and names.

Everything happens on an island: mount, network and process namespaces of its own, with an own /run and /etc/containers.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.island import Island

pytestmark = pytest.mark.root


@pytest.fixture
def island(tmp_path: Path, busybox: Path) -> Iterator[Island]:
    reason = machine.why_not_containers() or machine.why_not_tool("nsenter", "nft", "iptables", "/usr/bin/podman")
    machine.skip(reason or ("" if os.path.exists("/usr/lib/podman/netavark") else "not installed: netavark"))
    made = Island(tmp_path)
    try:
        for tool in (made.ours, made.real):
            tool("pull", "-q", f"oci:{busybox}:latest")
        yield made
    finally:
        made.close()


def image(tool: object) -> str:
    return str(tool("images", "-q").split()[0])  # type: ignore[operator]


SERVE = "mkdir -p /w; echo {0} > /w/index.html; exec httpd -f -p 80 -h /w"


def test_each_reads_the_others_networks(island: Island) -> None:
    island.ours(
        "network", "create", "--ipv6", "--label", "a=b", "-o", "mtu=1400", "--route", "192.0.2.0/24,10.89.0.9", "mine"
    )
    island.real("network", "create", "--internal", "--subnet", "10.93.0.0/24", "--ip-range", "10.93.0.128/25", "theirs")
    assert island.ours("network", "ls", "-q") == island.real("network", "ls", "-q") == "mine\npodman\ntheirs\n"
    for name in ("mine", "theirs"):
        ours, real = (json.loads(tool("network", "inspect", name))[0] for tool in (island.ours, island.real))
        ours.pop("containers")
        ours.pop("routes", None)  # the distribution's podman is older than routes
        assert ours == real
    assert island.real("network", "create").strip() != island.ours("network", "create").strip()
    for tool in (island.ours, island.real):
        assert "10.89.0.0/24" not in tool("network", "inspect", tool("network", "create").strip())


def test_containers_of_both_meet(island: Island) -> None:
    island.real("network", "create", "mix")
    island.real("run", "-d", "--name", "r1", "--network", "mix", image(island.real), "sh", "-c", SERVE.format("real"))
    island.ours(
        "run",
        "-d",
        "--name",
        "o1",
        "--network",
        "mix",
        "-p",
        "8080:80",
        image(island.ours),
        "sh",
        "-c",
        SERVE.format("ours"),
    )
    island.real("run", "-d", "--name", "r2", "--network", "mix", image(island.real), "sleep", "1000")
    ips = {}
    for tool, name in ((island.real, "r1"), (island.ours, "o1"), (island.real, "r2")):
        ips[name] = tool("inspect", name, "--format", '{{(index .NetworkSettings.Networks "mix").IPAddress}}').strip()
    assert len(set(ips.values())) == 3
    assert island.ours("exec", "o1", "wget", "-qO-", f"http://{ips['r1']}/") == "real\n"
    assert island.real("exec", "r2", "wget", "-qO-", f"http://{ips['o1']}/") == "ours\n"
    assert ips["r1"] in island.ours("exec", "o1", "nslookup", "r1.dns.podman")
    assert ips["o1"] in island.real("exec", "r1", "nslookup", "o1.dns.podman")
    # whoever leaves last takes the bridge and the DNS server along
    island.real("rm", "-f", "-t", "0", "r1", "r2")
    assert "podman1" in island.run("ip", "-br", "link")
    island.ours("rm", "-f", "-t", "0", "o1")
    assert "podman1" not in island.run("ip", "-br", "link")
    assert not island.run("sh", "-c", "ls /run/containers/networks/aardvark-dns | grep -v aardvark.pid", check=False)


def test_our_dns_server_serves_theirs(island: Island) -> None:
    island.ours("network", "create", "mix")
    island.ours("run", "-d", "--name", "o1", "--network", "mix", image(island.ours), "sleep", "1000")
    assert "network/dns" in island.run(
        "sh", "-c", "tr '\\0' ' ' < /proc/$(cat /run/containers/networks/aardvark-dns/aardvark.pid)/cmdline"
    )
    island.real("run", "-d", "--name", "r1", "--network", "mix", image(island.real), "sleep", "1000")
    assert "10.89.0.3" in island.ours("exec", "o1", "nslookup", "r1.dns.podman")
    assert "10.89.0.2" in island.real("exec", "r1", "nslookup", "o1.dns.podman")
