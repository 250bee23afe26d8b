"""podman's network commands, and networks of containers, from the command line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.island import Island

pytestmark = pytest.mark.root
SERVE = "mkdir -p /w; echo hello > /w/index.html; exec httpd -f -p 80 -h /w"


@pytest.fixture
def island(tmp_path: Path, busybox: Path) -> Iterator[Island]:
    machine.skip(machine.why_not_containers() or machine.why_not_tool("nsenter", "nft"))
    made = Island(tmp_path)
    try:
        made.ours("pull", "-q", f"oci:{busybox}:latest")
        yield made
    finally:
        made.close()


def run(island: Island, name: str, *words: str) -> None:
    image = island.ours("images", "-q").split()[0]
    flags = words[:-1] if words else ()
    island.ours("run", "-d", "--name", name, *flags, image, "sh", "-c", words[-1] if words else "exec sleep 1000")


def test_the_life_of_a_network(island: Island) -> None:
    assert island.ours("network", "create", "--label", "a=b", "--ipv6", "web") == "web\n"
    assert island.ours("network", "create", "--ignore", "web") == "web\n"
    assert (
        island.ours("network", "create", "-d", "macvlan", "-o", "parent=lo", "--subnet", "10.99.0.0/24", "mv") == "mv\n"
    )
    table = island.ours("network", "ls").splitlines()
    assert table[0].split() == ["NETWORK", "ID", "NAME", "DRIVER"] and [line.split()[1] for line in table[1:]] == [
        "mv",
        "podman",
        "web",
    ]
    assert island.ours("network", "ls", "-q", "-f", "driver=bridge", "-f", "label=a=b") == "web\n"
    assert (
        island.ours("network", "ls", "--noheading", "--format", "{{.Name}} {{.Driver}} {{.Labels}}", "-f", "name=web")
        == "web bridge a=b\n"
    )
    assert json.loads(island.ours("network", "ls", "--format", "json"))[2]["name"] == "web"
    shown = json.loads(island.ours("network", "inspect", "web"))[0]
    assert (
        shown["labels"] == {"a": "b"}
        and shown["ipv6_enabled"]
        and len(shown["subnets"]) == 2
        and shown["containers"] == {}
    )
    assert island.ours("network", "inspect", "web", "--format", "{{range .Subnets}}{{.Gateway}} {{end}}").startswith(
        "10.89.0.1 fd"
    )
    assert island.ours("network", "update", "web", "--dns-add", "192.0.2.53") == "web\n"
    assert json.loads(island.ours("network", "inspect", "web"))[0]["network_dns_servers"] == ["192.0.2.53"]
    island.ours("network", "exists", "web")
    assert island.ours("network", "prune", "-f", "--filter", "label=c") == ""
    assert sorted(island.ours("network", "prune", "-f").split()) == ["mv", "web"]
    assert island.fails("network", "exists", "web") == (1, "")


def test_run_connect_disconnect(island: Island) -> None:
    for name in ("web", "db"):
        island.ours("network", "create", name)
    run(island, "s1", "--network", "web", "--network-alias", "www", "-p", "8080:80", SERVE)
    run(island, "s2", "--network", "web:alias=two,ip=10.89.0.77", "exec sleep 1000")
    assert island.ours("exec", "s2", "wget", "-qO-", "http://10.89.0.2/") == "hello\n"
    assert "10.89.0.2" in island.ours("exec", "s2", "nslookup", "www.dns.podman")
    assert island.run("wget", "-qO-", "http://127.0.0.1:8080/") == "hello\n"
    hosts = island.ours("exec", "s2", "cat", "/etc/hosts")
    assert "10.89.0.77\t" in hosts and "10.89.0.1\thost.containers.internal host.docker.internal" in hosts
    island.ours("network", "connect", "--alias", "store", "db", "s2")
    assert "10.89.1.2/24" in island.ours("exec", "s2", "ip", "addr", "show", "eth1")
    assert "nameserver 10.89.1.1\nnameserver 10.89.0.1\n" in island.ours("exec", "s2", "cat", "/etc/resolv.conf")
    assert "10.89.1.2" in island.ours("exec", "s2", "nslookup", "store.dns.podman", "10.89.1.1")
    code, text = island.fails("network", "connect", "db", "s2")
    assert code == 125 and "is already connected to network db: network is already connected" in text
    island.ours("network", "disconnect", "web", "s2")
    assert "eth0" not in island.ours("exec", "s2", "ip", "link")
    assert "10.89.0.77" not in island.ours("exec", "s2", "cat", "/etc/hosts")
    assert island.fails("network", "disconnect", "web", "s2") == (
        125,
        "Error: container s2 is not connected to network web\n",
    )
    island.run("nft", "flush", "ruleset")
    assert len(island.ours("network", "reload", "--all").split()) == 2
    assert island.run("wget", "-qO-", "http://127.0.0.1:8080/") == "hello\n"
    code, text = island.fails("network", "rm", "web")
    assert code == 2 and "has associated containers with it. Use -f to forcibly delete" in text
    assert island.ours("network", "rm", "-f", "-t", "0", "web") == "web\n"
    assert island.ours("ps", "-a", "--format", "{{.Names}}") == "s2\n"
    island.ours("rm", "-f", "-t", "0", "s2")
    links = island.run("ip", "-br", "link").split()
    assert not any(word.startswith(("podman", "veth")) for word in links) and island.run("nft", "list", "ruleset") == ""


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (
            "network create --subnet 10.88.0.0/24 x",
            125,
            "subnet 10.88.0.0/24 is already used on the host or by another config",
        ),
        ("network create --gateway 10.0.0.1 x", 125, "cannot set gateway or range without subnet"),
        ("network create -d nosuch x", 125, 'failed to find driver or plugin "nosuch"'),
        ("network create -o foo=1 x", 125, "unsupported bridge network option foo"),
        ("network create --route 1.2.3.4 x", 125, "invalid route: 1.2.3.4: Format: --route"),
        (
            "network create host",
            125,
            'cannot create network with name "host" because it conflicts with a valid network mode',
        ),
        ("network inspect nope", 125, "network nope: unable to find network with name or ID nope: network not found"),
        ("network rm nope", 1, "unable to find network with name or ID nope: network not found"),
        ("network rm podman", 125, "default network podman cannot be removed"),
        ("network ls -f foo=1", 125, 'invalid filter "foo"'),
        ("network connect podman nope", 125, "nope"),
        ("network update podman", 125, "nothing to change"),
    ],
)
def test_bad_input_is_one_sentence(tmp_path: Path, words: str, code: int, text: str) -> None:
    machine.skip(machine.why_not_containers() or machine.why_not_tool("nsenter"))
    island = Island(tmp_path)
    try:
        got, error = island.fails(*words.split())
        assert got == code and text in error and error.startswith("Error: ") and "Traceback" not in error
        assert island.ours("network", "ls", "-q") == "podman\n"
    finally:
        island.close()


def test_runs_that_fail_leave_nothing(island: Island) -> None:
    image = island.ours("images", "-q").split()[0]
    run(island, "first", "-p", "8080:80", "exec sleep 1000")
    before = island.run("ip", "-br", "link").count("veth")
    code, text = island.fails("run", "--rm", "-p", "8080:80", image, "true")
    assert code == 126 and "cannot listen on the TCP port: listen tcp4 :8080: bind: address already in use" in text
    code, text = island.fails("run", "--rm", "--network", "bogus", image, "true")
    assert code == 125 and "unable to find network with name or ID bogus: network not found" in text
    code, text = island.fails("run", "--rm", "--ip", "10.1.1.1", image, "true")
    assert code == 126 and "requested static ip 10.1.1.1 not in any subnet on network podman" in text
    assert island.run("ip", "-br", "link").count("veth") == before
    assert len(island.run("ls", "/run/netns").split()) == 1
