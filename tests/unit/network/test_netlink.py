"""Our encoders against pyroute2's: the same message, attribute by attribute."""

import errno
import socket

import pytest

from ocikit.network import netlink
from ocikit.network.address import Prefix, parse_ip
from ocikit.network.errors import NetlinkError

pytest.importorskip("pyroute2")
from pyroute2.netlink.rtnl.ifaddrmsg import ifaddrmsg
from pyroute2.netlink.rtnl.ifinfmsg import ifinfmsg
from pyroute2.netlink.rtnl.rtmsg import rtmsg

MAC = bytes.fromhex("aabbccddeeff")


def decode(kind, raw: bytes):
    """pyroute2's reading of a message of ours."""
    message = kind(raw)
    message.decode()
    return message


def attrs(message) -> dict:
    """Names and values, nested ones as dicts; what pyroute2 adds for its own use left out."""
    found = {}
    for name, value in message.get("attrs", []):
        found[name] = attrs(value) if hasattr(value, "get") and "attrs" in value else value
    return found


def test_bridge() -> None:
    message = decode(ifinfmsg, netlink.new_bridge("br7", mtu=1400, vlan_filtering=True, mac=MAC))
    found = attrs(message)
    assert found["IFLA_IFNAME"] == "br7" and found["IFLA_MTU"] == 1400 and found["IFLA_ADDRESS"] == "aa:bb:cc:dd:ee:ff"
    assert found["IFLA_LINKINFO"] == {"IFLA_INFO_KIND": "bridge", "IFLA_INFO_DATA": {"IFLA_BR_VLAN_FILTERING": 1}}
    assert message["header"]["type"] == netlink.RTM_NEWLINK
    assert message["header"]["flags"] == 0x605  # request, ack, excl, create


def test_veth_carries_its_peer() -> None:
    found = attrs(decode(ifinfmsg, netlink.new_veth("eth0", 9, master=5, host_name="vx", mac=MAC, mtu=1300)))
    assert found["IFLA_MASTER"] == 5 and found["IFLA_IFNAME"] == "vx" and found["IFLA_MTU"] == 1300
    peer = found["IFLA_LINKINFO"]["IFLA_INFO_DATA"]["VETH_INFO_PEER"]
    assert peer["IFLA_IFNAME"] == "eth0" and peer["IFLA_NET_NS_FD"] == 9 and peer["IFLA_MTU"] == 1300
    assert peer["IFLA_ADDRESS"] == "aa:bb:cc:dd:ee:ff"


def test_stacked_links() -> None:
    macvlan = attrs(decode(ifinfmsg, netlink.new_macvlan("eth0", 3, 9, mode="private", mac=MAC)))
    assert macvlan["IFLA_LINK"] == 3 and macvlan["IFLA_LINKINFO"]["IFLA_INFO_KIND"] == "macvlan"
    assert macvlan["IFLA_LINKINFO"]["IFLA_INFO_DATA"]["IFLA_MACVLAN_MODE"] == "private"
    ipvlan = attrs(decode(ifinfmsg, netlink.new_ipvlan("eth0", 3, 9, mode="l3")))
    assert ipvlan["IFLA_LINKINFO"]["IFLA_INFO_KIND"] == "ipvlan"


def test_set_link() -> None:
    message = decode(ifinfmsg, netlink.set_link(4, up=True, name="new", master=0))
    assert (message["index"], message["flags"], message["change"]) == (4, 1, 1)
    assert attrs(message) == {"IFLA_IFNAME": "new", "IFLA_MASTER": 0}
    assert decode(ifinfmsg, netlink.set_link(4, up=False))["change"] == 1
    assert decode(ifinfmsg, netlink.set_link(4, mtu=9000))["change"] == 0


@pytest.mark.parametrize(
    ("text", "length", "broadcast"),
    [("10.89.0.2", 24, "10.89.0.255"), ("10.89.0.2", 31, None), ("fd00::2", 64, None)],
)
def test_address(text: str, length: int, broadcast: str | None) -> None:
    message = decode(ifaddrmsg, netlink.new_addr(7, parse_ip(text), length))
    assert (message["index"], message["prefixlen"]) == (7, length)
    found = attrs(message)
    assert found["IFA_LOCAL"] == found["IFA_ADDRESS"] == text
    assert found.get("IFA_BROADCAST") == broadcast
    assert bool(message["flags"] & netlink.IFA_F_NODAD) == (":" in text)


@pytest.mark.parametrize(("destination", "gateway"), [("0.0.0.0/0", "10.89.0.1"), ("fd01::/64", "fd00::1")])
def test_route(destination: str, gateway: str) -> None:
    prefix = Prefix.parse(destination)
    message = decode(rtmsg, netlink.new_route(prefix, parse_ip(gateway), metric=100, oif=2))
    found = attrs(message)
    assert found["RTA_GATEWAY"] == gateway and found["RTA_PRIORITY"] == 100 and found["RTA_OIF"] == 2
    assert message["dst_len"] == prefix.length and message["proto"] == netlink.RTPROT_STATIC
    assert message["family"] == (socket.AF_INET6 if ":" in gateway else socket.AF_INET)
    assert ("RTA_DST" in found) == bool(prefix.length)


def test_the_kernel_answers() -> None:
    """No privileges are needed to ask."""
    with netlink.Netlink() as sock:
        lo = sock.link("lo")
        assert lo is not None and lo.index == 1 and lo.name in {link.name for link in sock.links()}
        assert sock.link("no-such-link") is None
        assert sock.link(index=1).name == "lo"
        assert all(length <= 128 for _, _, length in sock.addresses())
        sock.routes()


def test_a_refusal_names_the_step(monkeypatch: pytest.MonkeyPatch) -> None:
    with netlink.Netlink() as sock, pytest.raises(NetlinkError, match="delete interface x: ") as caught:
        sock.do("delete interface x", netlink.del_link(2**30))
    assert caught.value.errno in (errno.ENODEV, errno.EPERM)
    assert caught.value.exit_code == 126
