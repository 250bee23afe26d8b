"""What makes a network's links: one module for each driver, loaded when a network of that driver is set up."""

from __future__ import annotations

import os

from ..errors import SetupFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..netlink import Netlink
    from ..records import Json, NetworkConfig, PerNetwork


class Attachment:
    """One container on one network: what a driver is given.

    ``host`` and ``inside`` are netlink sockets of the host's and of the container's namespace, ``ns_fd`` is the latter;
    ``ips`` are the addresses in the order of the network's subnets (empty without IPAM); ``has_ports`` says that ports
    are published, ``uses_dns`` that the network's own DNS server is to be told to the container.
    """

    __slots__ = ("config", "has_ports", "host", "inside", "interface", "ips", "mtu", "ns_fd", "per")

    def __init__(
        self,
        config: NetworkConfig,
        per: PerNetwork,
        interface: str,
        ips: Sequence[str],
        host: Netlink,
        inside: Netlink,
        ns_fd: int,
        has_ports: bool,
    ) -> None:
        self.config = config
        self.per = per
        self.interface = interface
        self.ips = list(ips)
        self.host = host
        self.inside = inside
        self.ns_fd = ns_fd
        self.has_ports = has_ports

    def subnets_json(self) -> list[Json]:
        """The ``subnets`` of the status: address with prefix length, and gateway where there is one."""
        found: list[Json] = []
        for subnet, ip in zip(self.config.subnets, self.ips, strict=False):
            entry: Json = {"ipnet": f"{ip}/{subnet.subnet.rpartition('/')[2]}"}
            if subnet.gateway:
                entry["gateway"] = subnet.gateway
            found.append(entry)
        return found


def free_interface(inside: Netlink, taken: Sequence[str]) -> str:
    """The first ``ethN`` that is neither in the namespace nor about to be."""
    number = 0
    while f"eth{number}" in taken or inside.link(f"eth{number}"):
        number += 1
    return f"eth{number}"


def plugin(driver: str, folders: Sequence[str]) -> str:
    """The executable of a driver that is not built in; raises SetupFailed."""
    for folder in folders:
        path = os.path.join(folder, driver)
        if "/" not in driver and os.access(path, os.X_OK):
            return path
    raise SetupFailed(f'failed to find driver or plugin "{driver}"')
