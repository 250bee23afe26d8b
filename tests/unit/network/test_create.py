"""Making networks: what is chosen, what is refused. No privileges are needed for that."""

import pytest

from ocikit.common.errors import OcikitError
from ocikit.network import NetworkConfig, Networks, Route, Subnet
from ocikit.network import create as module


@pytest.fixture
def nets(tmp_path) -> Networks:
    return Networks(str(tmp_path / "networks"), str(tmp_path / "run"), str(tmp_path / "lock"))


def test_everything_left_open_is_chosen(nets: Networks) -> None:
    nets.default_pools = [("10.254.0.0/16", 24)]
    first, second = nets.create(NetworkConfig(dns_enabled=True)), nets.create(NetworkConfig("web", ipv6_enabled=True))
    assert first.name == first.network_interface and first.name.startswith("podman")
    assert first.subnets == [Subnet("10.254.0.0/24", "10.254.0.1")] and len(first.id) == 64
    assert second.subnets[0] == Subnet("10.254.1.0/24", "10.254.1.1")
    assert second.subnets[1].subnet.startswith("fd") and second.subnets[1].subnet.endswith("::/64")
    assert second.network_interface != first.network_interface
    assert nets.get("web") == second and [c.name for c in nets.list()] == sorted([first.name, "podman", "web"])
    nets.remove("web")
    assert not nets.exists("web")


def test_a_given_v6_subnet_comes_first(nets: Networks) -> None:
    config = nets.create(NetworkConfig("v6", ipv6_enabled=True, subnets=[Subnet("fd00:55::7/64")]))
    assert config.subnets[0].subnet == "fd00:55::/64" and ":" not in config.subnets[1].subnet


def test_options_are_normalised(nets: Networks) -> None:
    options = {
        "com.docker.network.driver.mtu": "1300",
        "com.docker.network.bridge.name": "dkbr0",
        "isolate": "1",
        "no_default_route": "t",
    }
    config = nets.create(NetworkConfig("o", options=options))
    assert config.options == {"mtu": "1300", "isolate": "true", "no_default_route": "true"}
    assert config.network_interface == "dkbr0"


def test_vlan_networks_may_share_a_subnet(nets: Networks) -> None:
    nets.create(NetworkConfig("a", subnets=[Subnet("10.251.0.0/24")]))
    config = nets.create(NetworkConfig("b", subnets=[Subnet("10.251.0.0/24")], options={"vlan": "7"}))
    assert config.subnets[0].subnet == "10.251.0.0/24"


def test_ipam_none(nets: Networks) -> None:
    config = nets.create(NetworkConfig("n", ipam_options={"driver": "none"}, dns_enabled=True))
    assert not config.subnets and not config.dns_enabled


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (NetworkConfig("podman"), "network name podman already used: network already exists"),
        (NetworkConfig("bad/name"), "network name bad/name invalid: names must match"),
        (NetworkConfig("n" * 300), "is too long: at most 250 characters"),
        (NetworkConfig("host"), 'cannot create network with name "host" because it conflicts with a valid network mode'),
        (NetworkConfig("x", options={"foo": "1"}), "unsupported bridge network option foo"),
        (NetworkConfig("x", options={"isolate": "maybe"}), 'failed to parse isolate option: strconv.ParseBool: parsing "maybe": invalid syntax'),
        (NetworkConfig("x", options={"mtu": "-1"}), "mtu -1 is less than zero"),
        (NetworkConfig("x", options={"mtu": "many"}), 'mtu "many" is no number'),
        (NetworkConfig("x", options={"vlan": "5000"}), "vlan ID 5000 must be between 0 and 4094"),
        (NetworkConfig("x", driver="nosuch"), 'failed to find driver or plugin "nosuch"'),
        (NetworkConfig("x", driver="ipvlan", ipam_options={"driver": "dhcp"}), "ipam driver dhcp is not supported with ipvlan"),
        (NetworkConfig("x", driver="macvlan", options={"parent": "nope"}), "parent interface nope does not exist"),
        (NetworkConfig("x", driver="macvlan", options={"mode": "odd"}), 'unknown macvlan mode "odd"'),
        (NetworkConfig("x", network_interface="a" * 20), "interface names must be 15 characters or less"),
        (NetworkConfig("x", subnets=[Subnet("10.9.9.300/24")]), "invalid CIDR address: 10.9.9.300/24"),
        (NetworkConfig("x", subnets=[Subnet("10.250.0.0/31")]), "subnet 10.250.0.0/31 is too small"),
        (NetworkConfig("x", subnets=[Subnet("10.88.3.0/24")]), "subnet 10.88.3.0/24 is already used on the host or by another config"),
        (NetworkConfig("x", subnets=[Subnet("127.0.0.0/24")]), "subnet 127.0.0.0/24 is already used on the host"),
        (NetworkConfig("x", subnets=[Subnet("10.250.0.0/24"), Subnet("10.250.0.0/25")]), "subnet 10.250.0.0/25 is already used"),
        (NetworkConfig("x", subnets=[Subnet("10.250.1.0/24", "10.91.2.254")]), "gateway 10.91.2.254 not in subnet 10.250.1.0/24"),
        (NetworkConfig("x", subnets=[Subnet("10.250.1.0/24", "", "10.99.0.1")]), "lease range start ip 10.99.0.1 not in subnet 10.250.1.0/24"),
        (NetworkConfig("x", network_dns_servers=["9.9.9.9"]), "cannot set NetworkDNSServers if DNS is not enabled"),
        (NetworkConfig("x", dns_enabled=True, network_dns_servers=["nine"]), 'invalid ip address "nine"'),
        (NetworkConfig("x", routes=[Route("192.0.2.1/24", "10.0.0.1")]), "route destination 192.0.2.1/24 invalid"),
        (NetworkConfig("x", ipam_options={"driver": "none"}, subnets=[Subnet("10.250.0.0/24")]), "none ipam driver is set but subnets are given"),
        (NetworkConfig("x", ipam_options={"driver": "odd"}), 'unsupported ipam driver "odd"'),
    ],
)  # fmt: skip
def test_refusals_are_one_sentence_and_leave_nothing(
    nets: Networks, tmp_path, config: NetworkConfig, text: str
) -> None:
    nets.files.write(nets.files.default())  # the default network's own subnet counts
    with pytest.raises(OcikitError) as caught:
        nets.create(config)
    assert text in str(caught.value) and "\n" not in str(caught.value) and caught.value.exit_code == 125
    assert [path.name for path in (tmp_path / "networks").iterdir()] == ["podman.json"]


def test_an_exhausted_pool(nets: Networks) -> None:
    nets.default_pools = [("10.253.0.0/24", 25)]
    nets.create(NetworkConfig("a"))
    nets.create(NetworkConfig("b"))
    with pytest.raises(OcikitError, match="could not find free subnet from subnet pools"):
        nets.create(NetworkConfig("c"))


def test_host_routes_are_avoided_quickly(nets: Networks) -> None:
    from ocikit.network.address import Prefix

    found = module._free_v4(nets, [Prefix.parse("10.0.0.0/9"), Prefix.parse("10.128.0.0/24")])
    assert str(found) == "10.128.1.0/24"


def test_the_default_network_stays(nets: Networks) -> None:
    with pytest.raises(OcikitError, match="default network podman cannot be removed"):
        nets.remove("podman")


def test_dns_servers_are_updated(nets: Networks) -> None:
    nets.create(NetworkConfig("web", dns_enabled=True))
    nets.set_dns_servers("web", ["9.9.9.9", "1.1.1.1"])
    assert nets.set_dns_servers("web", ["8.8.8.8"], ["9.9.9.9"]).network_dns_servers == ["1.1.1.1", "8.8.8.8"]
    assert nets.get("web").network_dns_servers == ["1.1.1.1", "8.8.8.8"]
