"""The bridge driver: one bridge per network on the host, one veth pair per container (spec: network.md, section 5)."""

from __future__ import annotations

import os

from .. import sysctl
from ..address import Prefix, parse_ip, parse_mac
from ..errors import NetlinkError, SetupFailed
from ..netlink import del_link, new_addr, new_bridge, new_veth, set_hairpin, set_link, set_port_vlan
from . import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..netlink import Link, Netlink
    from ..records import Json, NetworkConfig
    from . import Attachment

EEXIST, ENODEV, EOPNOTSUPP = 17, 19, 95


def managed(config: NetworkConfig) -> bool:
    """Whether we make the bridge ourselves (``-o mode=unmanaged`` uses one of the administrator's)."""
    return config.options.get("mode", "managed") != "unmanaged"


def setup(at: Attachment) -> Json:
    """Attaches the container; returns the ``interfaces`` of the status."""
    config = at.config
    bridge = ensure_bridge(at.host, config)
    mac = parse_mac(at.per.static_mac) if at.per.static_mac else b""
    host_name = at.per.options.get("host_interface_name", "")
    mtu = config.option_int("mtu") or 0
    try:
        at.host.do(
            f"create veth pair for interface {at.interface}",
            new_veth(at.interface, at.ns_fd, master=bridge.index, host_name=host_name, mac=mac, mtu=mtu),
        )
    except NetlinkError as error:
        if error.errno == EEXIST:
            raise SetupFailed(f"interface {at.interface} already exists in the container's namespace") from None
        raise
    link = common.find_inside(at)
    try:
        _configure(at, bridge, link)
    except BaseException:
        at.inside.do(f"delete interface {at.interface}", del_link(link.index))
        raise
    return common.interface_json(at, link)


def _configure(at: Attachment, bridge: Link, link: Link) -> None:
    """Brings both ends of a new pair up, with all that belongs to them."""
    config = at.config
    port = link.parent  # IFLA_LINK of a veth end is the index of the other, in its own namespace
    six = any(":" in ip for ip in at.ips)
    if six:
        name = at.host.link(index=port)
        if name:
            sysctl.write(f"net/ipv6/conf/{name.name}/accept_dad", "0", optional=True)
    messages = [set_link(port, up=True)]
    if at.has_ports and sysctl.read("net/bridge/bridge-nf-call-iptables") == "1":
        # br_netfilter translates frames while they are bridged: a container that asks for its own published port gets
        # its frame sent back where it came from, which a port refuses unless in hairpin mode
        messages.append(set_hairpin(port))
    at.host.do(f"attach interface {at.interface} to bridge {bridge.name}", *messages)
    vlan = config.option_int("vlan")
    if vlan:
        _need_vlan(at.host, set_port_vlan(port, vlan), bridge.name)
    default = not config.internal and not config.option_true("no_default_route")
    common.configure(at, link, default_route=default, accept_router=not managed(config))
    if at.has_ports and managed(config) and not config.internal:
        sysctl.write(f"net/ipv4/conf/{bridge.name}/route_localnet", "1")


def _need_vlan(host: Netlink, message: bytes, bridge: str) -> None:
    try:
        host.do(f"set VLAN on a port of bridge {bridge}", message)
    except NetlinkError as error:
        if error.errno != EOPNOTSUPP:
            raise
        raise SetupFailed(
            f"this kernel cannot filter VLANs on bridge {bridge}",
            hint="CONFIG_BRIDGE_VLAN_FILTERING is missing; create the network without -o vlan",
        ) from None


def ensure_bridge(host: Netlink, config: NetworkConfig) -> Link:
    """The network's bridge, made and brought up where it is missing."""
    name = config.network_interface
    found = host.link(name)
    if not managed(config):
        if found is None:
            raise SetupFailed(f"bridge {name} of unmanaged network {config.name} does not exist")
        if found.kind != "bridge":
            raise SetupFailed(f"interface {name} of unmanaged network {config.name} is no bridge")
        return found
    six = any(":" in subnet.subnet for subnet in config.subnets)
    if not config.internal:
        sysctl.write("net/ipv4/ip_forward", "1")
        if six:
            sysctl.write("net/ipv6/conf/all/forwarding", "1")
    if found is None:
        # a fixed address from the start: a bridge otherwise takes the lowest of its ports', and changes it with them
        raw = bytearray(os.urandom(6))
        raw[0] = raw[0] & 0xFC | 0x02
        vlan = bool(config.option_int("vlan"))
        message = new_bridge(name, mtu=config.option_int("mtu") or 0, vlan_filtering=vlan, mac=bytes(raw))
        try:
            host.do(f"create bridge {name}", message)
        except NetlinkError as error:
            if vlan and error.errno == EOPNOTSUPP:
                _need_vlan(host, message, name)
            if error.errno != EEXIST:  # another tool was faster
                raise
        found = host.link(name)
    if found is None or found.kind != "bridge":
        raise SetupFailed(f"interface {name} exists but is no bridge: network {config.name} needs that name")
    for version in ("ipv4", "ipv6") if six else ("ipv4",):
        if config.internal:
            sysctl.write(f"net/{version}/conf/{name}/forwarding", "0", optional=True)
    if six:
        for key in ("accept_dad", "accept_ra"):
            sysctl.write(f"net/ipv6/conf/{name}/{key}", "0", optional=True)
    vrf = config.options.get("vrf")
    if vrf:
        master = host.link(vrf)
        if master is None or master.kind != "vrf":
            raise SetupFailed(f"vrf {vrf} of network {config.name} does not exist")
        if found.master != master.index:
            host.do(f"add bridge {name} to vrf {vrf}", set_link(found.index, master=master.index))
    for subnet in config.subnets:
        if not subnet.gateway:
            continue
        try:
            length = Prefix.parse(subnet.subnet).length
            host.do(f"add {subnet.gateway} to {name}", new_addr(found.index, parse_ip(subnet.gateway), length))
        except NetlinkError as error:
            if error.errno != EEXIST:
                raise
    if not found.up:
        host.do(f"bring bridge {name} up", set_link(found.index, up=True))
    return found


def is_last(host: Netlink, inside: Netlink | None, config: NetworkConfig, interface: str) -> bool:
    """Whether nobody but this container is on the network's bridge: then the bridge goes with it."""
    if not managed(config):
        return False
    found = host.link(config.network_interface)
    if found is None:
        return True
    if found.kind != "bridge":
        return False
    link = inside.link(interface) if inside else None
    return all(link is not None and port == link.parent for port in host.ports(found.index))


def teardown(host: Netlink, inside: Netlink | None, config: NetworkConfig, interface: str, last: bool) -> None:
    """Removes the container's link, and the bridge if that was its last port."""
    link = inside.link(interface) if inside else None
    if inside and link:
        inside.do(f"delete interface {interface}", del_link(link.index))
    found = host.link(config.network_interface) if last else None
    if found is not None and found.kind == "bridge":
        try:
            host.do(f"delete bridge {found.name}", del_link(found.index))
        except NetlinkError as error:
            if error.errno != ENODEV:
                raise
