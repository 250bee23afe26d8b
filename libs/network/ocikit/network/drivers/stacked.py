"""macvlan and ipvlan: links on top of one of the host's, straight into the container (spec: network.md, section 5)."""

from __future__ import annotations

import os

from ..address import parse_mac
from ..errors import NetlinkError, SetupFailed
from ..netlink import del_link, new_ipvlan, new_macvlan, set_link
from . import common

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..netlink import Link, Netlink
    from ..records import Json
    from . import Attachment

EEXIST, EOPNOTSUPP = 17, 95


def setup(at: Attachment) -> Json:
    """Attaches the container; returns the ``interfaces`` of the status."""
    config = at.config
    if config.ipam_driver == "dhcp":
        raise SetupFailed(
            f"network {config.name} gets its addresses by DHCP, which needs the netavark-dhcp-proxy service",
            hint="create the network with --subnet, or with --ipam-driver none and an address set inside",
        )
    parent = parent_link(at.host, config.network_interface, config.name)
    try:
        at.host.do(f"create {config.driver} interface {at.interface}", _message(at, at.interface, parent))
    except NetlinkError as error:
        if error.errno == EOPNOTSUPP:
            raise SetupFailed(
                f"this kernel has no {config.driver} links: network {config.name} cannot be set up",
                hint=f"load the kernel module: modprobe {config.driver}",
            ) from None
        if error.errno != EEXIST:
            raise
        # the kernel first looks the name up on the host: take another, and rename inside
        name = f"mv-{os.urandom(5).hex()}"
        at.host.do(f"create {config.driver} interface {name}", _message(at, name, parent))
        link = at.inside.link(name)
        if link is None:
            raise SetupFailed(f"interface {name} has vanished") from None
        at.inside.do(f"rename {name} to {at.interface}", set_link(link.index, name=at.interface))
    link = common.find_inside(at)
    default = not config.internal and not config.option_true("no_default_route")
    try:
        common.configure(at, link, default_route=default, accept_router=config.ipam_driver == "none")
    except BaseException:
        at.inside.do(f"delete interface {at.interface}", del_link(link.index))
        raise
    return common.interface_json(at, link)


def _message(at: Attachment, name: str, parent: Link) -> bytes:
    config = at.config
    mtu = config.option_int("mtu") or 0
    if config.driver == "ipvlan":
        return new_ipvlan(name, parent.index, at.ns_fd, mode=config.options.get("mode", "l2"), mtu=mtu)
    mac = parse_mac(at.per.static_mac) if at.per.static_mac else b""
    limit = config.options.get("bclim")
    return new_macvlan(
        name,
        parent.index,
        at.ns_fd,
        mode=config.options.get("mode", "bridge"),
        mtu=mtu,
        mac=mac,
        bclim=int(limit) if limit else None,
    )


def parent_link(host: Netlink, name: str, network: str) -> Link:
    """The link to build on: the named one, else that of the default route."""
    if not name:
        routes = [route for route in host.routes() if route[0].length == 0 and route[1]]
        found = host.link(index=min(routes, key=lambda route: route[3])[1]) if routes else None
        if found is None:
            raise SetupFailed(f"network {network} names no parent interface and the host has no default route")
        return found
    found = host.link(name)
    if found is None:
        raise SetupFailed(f"parent interface {name} of network {network} does not exist")
    return found


def teardown(inside: Netlink | None, interface: str) -> None:
    """Removes the container's link."""
    link = inside.link(interface) if inside else None
    if inside and link:
        inside.do(f"delete interface {interface}", del_link(link.index))
