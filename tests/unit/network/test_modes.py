"""What --network and -p say."""

import pytest

from ocikit.network import modes, ports
from ocikit.network.errors import InvalidNetwork, PortInUse
from ocikit.network.records import PerNetwork, PortMapping


@pytest.mark.parametrize(
    ("words", "rootless", "kind", "networks"),
    [
        ([], False, "bridge", ["podman"]),
        ([], True, "pasta", []),
        (["private"], False, "bridge", ["podman"]),
        (["bridge"], True, "bridge", ["podman"]),
        (["host"], False, "host", []),
        (["none"], True, "none", []),
        (["web", "db"], False, "bridge", ["web", "db"]),
        (["web", "web:alias=x"], False, "bridge", ["web"]),
        (["slirp4netns:mtu=1500,cidr=10.3.0.0/24"], False, "slirp4netns", []),
    ],
)
def test_kinds(words: list[str], rootless: bool, kind: str, networks: list[str]) -> None:
    mode = modes.parse(words, rootless=rootless)
    assert (mode.kind, list(mode.networks)) == (kind, networks)


def test_values_and_options() -> None:
    assert modes.parse(["container:abc"]).word() == "container:abc"
    assert modes.parse(["ns:/run/x"]).value == "/run/x"
    assert modes.parse(["pasta:-T,8080"], rootless=True).options == ["-T", "8080"]
    per = modes.parse(["web:ip=10.0.0.5,ip6=fd00::5,mac=AA:BB:CC:00:00:01,alias=a,alias=b,foo=bar"]).networks["web"]
    assert per == PerNetwork(["a", "b"], "", ["10.0.0.5", "fd00::5"], "aa:bb:cc:00:00:01", {"foo": "bar"})


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["host", "web"], "cannot set multiple networks without bridge network mode, selected mode host"),
        (["web", "none"], "can only set extra network names, selected mode none conflicts with bridge"),
        (["ns:"], "invalid config provided: namespace mode path requires a value"),
        (["pasta"], "pasta networking is only supported for rootless mode"),
        (["br1:ip=10.89.0.300"], 'invalid option for network br1: invalid ip address "10.89.0.300"'),
        (["br1:mac=zz"], "invalid option for network br1: address zz: invalid MAC address"),
        (["br1:interface_name=aaaaaaaaaaaaaaaaaaaa"], "15 characters or less"),
    ],
)
def test_refusals(words: list[str], text: str) -> None:
    with pytest.raises(InvalidNetwork) as caught:
        modes.parse(words)
    assert text in str(caught.value) and caught.value.exit_code == 125


def test_single_network_flags() -> None:
    with pytest.raises(InvalidNetwork, match="--ip can only be set for a single network"):
        modes.apply_single(modes.parse(["a", "b"]), ips=["10.0.0.1"])
    with pytest.raises(InvalidNetwork, match="--ip can only be set when the network mode is bridge"):
        modes.apply_single(modes.parse(["host"]), ips=["10.0.0.1"])
    mode = modes.parse(["a"])
    modes.apply_single(mode, ips=["10.0.0.1"], mac="aa:bb:cc:00:00:01", aliases=["x"])
    assert mode.networks["a"] == PerNetwork(["x"], "", ["10.0.0.1"], "aa:bb:cc:00:00:01")


def test_interfaces_fill_the_gaps() -> None:
    networks = {"a": PerNetwork(), "b": PerNetwork(interface_name="eth0"), "c": PerNetwork()}
    modes.assign_interfaces(networks)
    assert [per.interface_name for per in networks.values()] == ["eth1", "eth0", "eth2"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("80", [PortMapping("", 80, 0)]),
        ("8080:80", [PortMapping("", 80, 8080)]),
        ("127.0.0.1:8080:80/udp", [PortMapping("127.0.0.1", 80, 8080, 1, "udp")]),
        ("[::1]:8080:80", [PortMapping("::1", 80, 8080)]),
        ("127.0.0.1::80", [PortMapping("127.0.0.1", 80, 0)]),
        ("9000-9002:90-92/sctp", [PortMapping("", 90, 9000, 3, "sctp")]),
        ("53:53/udp,tcp", [PortMapping("", 53, 53, 1, "udp"), PortMapping("", 53, 53)]),
    ],
)
def test_publish(text: str, expected: list[PortMapping]) -> None:
    assert ports.parse_publish(text) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("80/icmp", 'unrecognized protocol "icmp" in port mapping'),
        ("80:90-91", "host and container port ranges have different lengths: 1 vs 2"),
        (":8080:80", "must provide a non-empty container host IP to publish"),
        ("0:80", "parsing host port: port numbers must be between 1 and 65535 (inclusive), got 0"),
        ("70000:80", "got 70000"),
        ("9.9.9.999:1:2", 'cannot parse "9.9.9.999" as an IP address'),
        ("65535-65536:1-2", "got 65536"),
        ("a:80", 'cannot parse "a"'),
    ],
)
def test_publish_refusals(text: str, error: str) -> None:
    with pytest.raises(InvalidNetwork) as caught:
        ports.parse_publish(text)
    assert error in str(caught.value)


def test_choosing_joins_neighbours_and_refuses_conflicts() -> None:
    chosen = ports.choose([PortMapping("", 81, 8081), PortMapping("", 80, 8080), PortMapping("", 80, 8080)])
    assert chosen == [PortMapping("", 80, 8080, 2)]
    with pytest.raises(InvalidNetwork, match="conflicting port mappings for host port 8080"):
        ports.choose([PortMapping("", 80, 8080), PortMapping("", 81, 8080)])
    free = ports.choose([PortMapping("127.0.0.1", 80)], ["80/tcp", "53/udp"])
    assert all(port.host_port for port in free) and len(free) == 2


def test_reserving_finds_a_taken_port() -> None:
    import os

    (port,) = ports.choose([PortMapping("127.0.0.1", 80)])
    held = ports.reserve([port])
    try:
        with pytest.raises(PortInUse, match=r"bind: address already in use") as caught:
            ports.reserve([port])
        assert str(caught.value).startswith("cannot listen on the TCP port: listen tcp4 127.0.0.1:")
        assert caught.value.exit_code == 126
    finally:
        for fd in held:
            os.close(fd)
