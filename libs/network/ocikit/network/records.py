"""The records of this library: a network as its JSON file says it, and what one container asks of networks.

Shapes follow the network files that Podman shares (spec: network.md, section 2). All are plain ``__slots__`` classes,
because every ``run`` loads them.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any, TypeAlias

    Json: TypeAlias = dict[str, Any]

DEFAULT_NAME = "podman"
DEFAULT_SUBNET = "10.88.0.0/16"
DEFAULT_ID = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"


class _Record:
    """Equality and repr from the slots."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(getattr(self, s) == getattr(other, s) for s in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{s}={getattr(self, s)!r}' for s in self.__slots__)})"


class Subnet(_Record):
    """One subnet of a network; ``gateway`` and the lease range are ``""`` when not set."""

    __slots__ = ("gateway", "lease_end", "lease_start", "subnet")

    def __init__(self, subnet: str, gateway: str = "", lease_start: str = "", lease_end: str = "") -> None:
        self.subnet = subnet
        self.gateway = gateway
        self.lease_start = lease_start
        self.lease_end = lease_end

    @classmethod
    def from_json(cls, doc: Json) -> Subnet:
        lease = doc.get("lease_range") or {}
        return cls(doc["subnet"], doc.get("gateway") or "", lease.get("start_ip") or "", lease.get("end_ip") or "")

    def to_json(self) -> Json:
        doc: Json = {"subnet": self.subnet}
        if self.gateway:
            doc["gateway"] = self.gateway
        if self.lease_start or self.lease_end:
            lease = {"start_ip": self.lease_start, "end_ip": self.lease_end}
            doc["lease_range"] = {key: value for key, value in lease.items() if value}
        return doc


class Route(_Record):
    """A static route of a network; ``metric`` is None when not set."""

    __slots__ = ("destination", "gateway", "metric")

    def __init__(self, destination: str, gateway: str, metric: int | None = None) -> None:
        self.destination = destination
        self.gateway = gateway
        self.metric = metric

    @classmethod
    def from_json(cls, doc: Json) -> Route:
        return cls(doc["destination"], doc["gateway"], doc.get("metric"))

    def to_json(self) -> Json:
        doc: Json = {"destination": self.destination, "gateway": self.gateway}
        if self.metric is not None:
            doc["metric"] = self.metric
        return doc


class NetworkConfig(_Record):
    """A network. Empty fields of one that is about to be created are filled in by ``Networks.create``."""

    __slots__ = (
        "created",
        "dns_enabled",
        "driver",
        "id",
        "internal",
        "ipam_options",
        "ipv6_enabled",
        "labels",
        "name",
        "network_dns_servers",
        "network_interface",
        "options",
        "routes",
        "subnets",
    )

    def __init__(
        self,
        name: str = "",
        *,
        id: str = "",
        driver: str = "bridge",
        network_interface: str = "",
        created: str = "",
        subnets: Iterable[Subnet] = (),
        routes: Iterable[Route] = (),
        ipv6_enabled: bool = False,
        internal: bool = False,
        dns_enabled: bool = False,
        network_dns_servers: Iterable[str] = (),
        labels: Mapping[str, str] | None = None,
        options: Mapping[str, str] | None = None,
        ipam_options: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.id = id
        self.driver = driver
        self.network_interface = network_interface
        self.created = created
        self.subnets = list(subnets)
        self.routes = list(routes)
        self.ipv6_enabled = ipv6_enabled
        self.internal = internal
        self.dns_enabled = dns_enabled
        self.network_dns_servers = list(network_dns_servers)
        self.labels = dict(labels or {})
        self.options = dict(options or {})
        self.ipam_options = dict(ipam_options or {})

    @classmethod
    def from_json(cls, doc: Json) -> NetworkConfig:
        """From the parsed network file; unknown fields are ignored, missing ones empty."""
        return cls(
            doc.get("name") or "",
            id=doc.get("id") or "",
            driver=doc.get("driver") or "",
            network_interface=doc.get("network_interface") or "",
            created=doc.get("created") or "",
            subnets=[Subnet.from_json(item) for item in doc.get("subnets") or ()],
            routes=[Route.from_json(item) for item in doc.get("routes") or ()],
            ipv6_enabled=bool(doc.get("ipv6_enabled")),
            internal=bool(doc.get("internal")),
            dns_enabled=bool(doc.get("dns_enabled")),
            network_dns_servers=doc.get("network_dns_servers") or (),
            labels=doc.get("labels"),
            options=doc.get("options"),
            ipam_options=doc.get("ipam_options"),
        )

    def to_json(self) -> Json:
        """Keys in the order of Podman's own files, empty optional ones left out."""
        doc: Json = {"name": self.name, "id": self.id, "driver": self.driver}
        if self.network_interface:
            doc["network_interface"] = self.network_interface
        doc["created"] = self.created
        if self.subnets:
            doc["subnets"] = [subnet.to_json() for subnet in self.subnets]
        if self.routes:
            doc["routes"] = [route.to_json() for route in self.routes]
        doc["ipv6_enabled"] = self.ipv6_enabled
        doc["internal"] = self.internal
        doc["dns_enabled"] = self.dns_enabled
        if self.network_dns_servers:
            doc["network_dns_servers"] = list(self.network_dns_servers)
        for key in ("labels", "options", "ipam_options"):
            value = getattr(self, key)
            if value:
                doc[key] = {name: value[name] for name in sorted(value)}
        return doc

    @property
    def ipam_driver(self) -> str:
        """``host-local``, ``dhcp`` or ``none``."""
        return self.ipam_options.get("driver") or "host-local"

    def option_int(self, key: str) -> int | None:
        """A numeric option, None when absent."""
        text = self.options.get(key)
        return int(text) if text and text.isdigit() else None

    def option_true(self, key: str) -> bool:
        """A Boolean option."""
        return self.options.get(key) in ("true", "1", "t", "T", "TRUE", "True")


class PortMapping(_Record):
    """Host ports published to a container; ``range`` ports from ``host_port`` on, ``protocol`` tcp, udp or sctp."""

    __slots__ = ("container_port", "host_ip", "host_port", "protocol", "range")

    def __init__(
        self, host_ip: str = "", container_port: int = 0, host_port: int = 0, range: int = 1, protocol: str = "tcp"
    ) -> None:
        self.host_ip = host_ip
        self.container_port = container_port
        self.host_port = host_port
        self.range = range
        self.protocol = protocol

    @classmethod
    def from_json(cls, doc: Json) -> PortMapping:
        return cls(
            doc.get("host_ip") or "",
            int(doc.get("container_port") or 0),
            int(doc.get("host_port") or 0),
            int(doc.get("range") or 1),
            doc.get("protocol") or "tcp",
        )

    def to_json(self) -> Json:
        return {
            "host_ip": self.host_ip,
            "container_port": self.container_port,
            "host_port": self.host_port,
            "range": self.range,
            "protocol": self.protocol,
        }


class PerNetwork(_Record):
    """What a container wants of one network; empty fields are chosen for it."""

    __slots__ = ("aliases", "interface_name", "options", "static_ips", "static_mac")

    def __init__(
        self,
        aliases: Iterable[str] = (),
        interface_name: str = "",
        static_ips: Iterable[str] = (),
        static_mac: str = "",
        options: Mapping[str, str] | None = None,
    ) -> None:
        self.aliases = list(aliases)
        self.interface_name = interface_name
        self.static_ips = list(static_ips)
        self.static_mac = static_mac
        self.options = dict(options or {})

    @classmethod
    def from_json(cls, doc: Json) -> PerNetwork:
        return cls(
            doc.get("aliases") or (),
            doc.get("interface_name") or "",
            doc.get("static_ips") or (),
            doc.get("static_mac") or "",
            doc.get("options"),
        )

    def to_json(self) -> Json:
        doc: Json = {}
        if self.static_ips:
            doc["static_ips"] = list(self.static_ips)
        if self.aliases:
            doc["aliases"] = list(self.aliases)
        if self.static_mac:
            doc["static_mac"] = self.static_mac
        doc["interface_name"] = self.interface_name
        if self.options:
            doc["options"] = dict(self.options)
        return doc


class SetupRequest(_Record):
    """Everything about one container that ``Networks.setup`` and ``teardown`` need.

    ``networks`` maps network names to what the container wants of each; their order is that of the interfaces.
    ``dns_servers`` are the upstream servers that the DNS server asks on behalf of this container.
    """

    __slots__ = ("container_hostname", "container_id", "container_name", "dns_servers", "networks", "ports")

    def __init__(
        self,
        container_id: str,
        container_name: str = "",
        networks: Mapping[str, PerNetwork] | None = None,
        ports: Iterable[PortMapping] = (),
        dns_servers: Iterable[str] = (),
        container_hostname: str = "",
    ) -> None:
        self.container_id = container_id
        self.container_name = container_name
        self.networks = dict(networks or {})
        self.ports = list(ports)
        self.dns_servers = list(dns_servers)
        self.container_hostname = container_hostname
