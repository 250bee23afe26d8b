"""What bridge, macvlan and ipvlan links have in common inside the container's namespace."""

from __future__ import annotations

from .. import netns, sysctl
from ..address import Prefix, format_mac, parse_ip
from ..errors import SetupFailed
from ..netlink import new_addr, new_route, set_link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..netlink import Link
    from ..records import Json
    from . import Attachment

DEFAULT_METRIC = 100
EVERYTHING = {4: Prefix(4, 0, 0), 6: Prefix(6, 0, 0)}


def find_inside(at: Attachment) -> Link:
    """The container's end of the link."""
    link = at.inside.link(at.interface)
    if link is None:
        raise SetupFailed(f"interface {at.interface} has vanished from the container's network namespace")
    return link


def configure(at: Attachment, link: Link, *, default_route: bool, accept_router: bool = False) -> None:
    """Addresses, up, default route through each gateway, the network's own routes."""
    config = at.config
    key = f"net/ipv6/conf/{at.interface}"
    six = any(":" in ip for ip in at.ips)

    def settings() -> None:
        if not accept_router:
            sysctl.write(f"{key}/autoconf", "0", optional=True)
        if six:
            sysctl.write(f"{key}/accept_dad", "0", optional=True)
        # neighbours learn at once that an address has moved here from a container that is gone
        sysctl.write(f"net/ipv4/conf/{at.interface}/arp_notify", "1", optional=True)

    netns.run_in(at.ns_fd, settings)
    messages = []
    for subnet, ip in zip(config.subnets, at.ips, strict=False):
        messages.append(new_addr(link.index, parse_ip(ip), Prefix.parse(subnet.subnet).length))
    at.inside.do(f"add addresses {', '.join(at.ips)} to {at.interface}", *messages, set_link(link.index, up=True))
    routes = []
    if default_route:
        metric = config.option_int("metric") or DEFAULT_METRIC
        seen: set[int] = set()
        for subnet in config.subnets:
            version = 6 if ":" in subnet.subnet else 4
            if subnet.gateway and version not in seen:
                seen.add(version)
                via = parse_ip(subnet.gateway)
                routes.append(new_route(EVERYTHING[version], via, metric=metric, oif=link.index))
    for route in config.routes:
        target = Prefix.parse(route.destination)
        metric = route.metric if route.metric is not None else DEFAULT_METRIC
        routes.append(new_route(target, parse_ip(route.gateway), metric=metric))
    if routes:
        try:
            at.inside.do(f"add routes of network {config.name}", *routes)
        except Exception as error:
            if getattr(error, "errno", 0) != 17:  # EEXIST: a second network's default route of the same metric
                raise


def interface_json(at: Attachment, link: Link) -> Json:
    """The ``interfaces`` of the status."""
    return {at.interface: {"mac_address": format_mac(link.mac), "subnets": at.subnets_json()}}
