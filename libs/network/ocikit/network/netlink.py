"""The one place for rtnetlink: encoders for the messages that networks need, and the socket that sends them.

pyroute2 is the comfortable library for this, but importing it takes 180 ms, more than a whole container start; the
messages of the hot path are a dozen, so they are packed here (and compared with pyroute2's bytes in the unit tests).
Encoders are pure functions named after the message; ``Netlink`` sends them and raises NetlinkError.
Layouts: rtnetlink(7), netlink(7), linux/if_link.h, linux/rtnetlink.h, linux/if_bridge.h.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, AF_NETLINK, AF_UNSPEC, SOCK_CLOEXEC, SOCK_RAW, socket
from struct import Struct

from .address import Prefix, pack
from .errors import NetlinkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from .address import Address

NETLINK_ROUTE = 0
SOL_NETLINK, NETLINK_EXT_ACK, NETLINK_CAP_ACK = 270, 11, 10

RTM_NEWLINK, RTM_DELLINK, RTM_GETLINK, RTM_SETLINK = 16, 17, 18, 19
RTM_NEWADDR, RTM_DELADDR, RTM_GETADDR = 20, 21, 22
RTM_NEWROUTE, RTM_DELROUTE, RTM_GETROUTE = 24, 25, 26
NLMSG_ERROR, NLMSG_DONE = 2, 3
NLM_F_REQUEST, NLM_F_ACK, NLM_F_DUMP, NLM_F_EXCL, NLM_F_CREATE = 0x1, 0x4, 0x300, 0x200, 0x400
AF_BRIDGE = 7

IFF_UP = 1
IFLA_ADDRESS, IFLA_IFNAME, IFLA_MTU, IFLA_LINK, IFLA_MASTER = 1, 3, 4, 5, 10
IFLA_PROTINFO, IFLA_LINKINFO, IFLA_NET_NS_FD, IFLA_AF_SPEC = 12, 18, 28, 26
IFLA_INFO_KIND, IFLA_INFO_DATA = 1, 2
IFLA_BR_VLAN_FILTERING = 7
IFLA_BRPORT_MODE = 4
IFLA_BRIDGE_VLAN_INFO, BRIDGE_VLAN_INFO_PVID, BRIDGE_VLAN_INFO_UNTAGGED = 2, 2, 4
VETH_INFO_PEER = 1
IFLA_MACVLAN_MODE, IFLA_MACVLAN_BC_CUTOFF = 1, 9
IFLA_IPVLAN_MODE = 1
MACVLAN_MODES = {"private": 1, "vepa": 2, "bridge": 4, "passthru": 8}
IPVLAN_MODES = {"l2": 0, "l3": 1, "l3s": 2}
IFA_ADDRESS, IFA_LOCAL, IFA_BROADCAST = 1, 2, 4
IFA_F_NODAD = 0x02
RTA_DST, RTA_OIF, RTA_GATEWAY, RTA_PRIORITY, RTA_TABLE = 1, 4, 5, 6, 15
RT_TABLE_MAIN, RTPROT_STATIC, RT_SCOPE_UNIVERSE, RT_SCOPE_LINK, RTN_UNICAST = 254, 4, 0, 253, 1
NLA_F_NESTED = 0x8000

_HEADER = Struct("=IHHII")  # length, type, flags, sequence, port
_ATTR = Struct("=HH")
_LINK = Struct("=BxHiII")  # family, type, index, flags, change
_ADDR = Struct("=BBBBI")  # family, prefix length, flags, scope, index
_ROUTE = Struct("=BBBBBBBBI")  # family, dst len, src len, tos, table, protocol, scope, type, flags
_U32 = Struct("=I")
_U16 = Struct("=H")
_S32 = Struct("=i")


def attr(kind: int, data: bytes) -> bytes:
    """One attribute, padded to four bytes."""
    return _ATTR.pack(4 + len(data), kind) + data + b"\0" * (-len(data) % 4)


def nested(kind: int, *parts: bytes) -> bytes:
    """An attribute that holds attributes."""
    return attr(kind | NLA_F_NESTED, b"".join(parts))


def _u32(kind: int, value: int) -> bytes:
    return attr(kind, _U32.pack(value))


def _name(kind: int, value: str) -> bytes:
    return attr(kind, value.encode() + b"\0")


def message(kind: int, flags: int, body: bytes, sequence: int = 0) -> bytes:
    """A whole netlink message that asks for an acknowledgement."""
    return _HEADER.pack(_HEADER.size + len(body), kind, flags | NLM_F_REQUEST, sequence, 0) + body


def _family(address: Address) -> int:
    return int(AF_INET if address[0] == 4 else AF_INET6)


def _new_link(*attributes: bytes, index: int = 0) -> bytes:
    body = _LINK.pack(AF_UNSPEC, 0, index, 0, 0) + b"".join(attributes)
    return message(RTM_NEWLINK, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body)


def _link_info(kind: str, *data: bytes) -> bytes:
    parts = [attr(IFLA_INFO_KIND, kind.encode())]
    if data:
        parts.append(nested(IFLA_INFO_DATA, *data))
    return nested(IFLA_LINKINFO, *parts)


def new_bridge(name: str, *, mtu: int = 0, vlan_filtering: bool = False, mac: bytes = b"") -> bytes:
    """Creates a bridge; a given ``mac`` stays for good, else it follows the lowest port's."""
    parts = [_name(IFLA_IFNAME, name)]
    if mac:
        parts.append(attr(IFLA_ADDRESS, mac))
    if mtu:
        parts.append(_u32(IFLA_MTU, mtu))
    data = [attr(IFLA_BR_VLAN_FILTERING, b"\1")] if vlan_filtering else []
    return _new_link(*parts, _link_info("bridge", *data))


def new_veth(
    peer: str, peer_ns_fd: int, *, master: int = 0, host_name: str = "", mac: bytes = b"", mtu: int = 0
) -> bytes:
    """Creates a veth pair: the host side under ``master`` (the kernel picks ``vethN`` unless named), the peer already
    in the namespace of ``peer_ns_fd`` under its final name."""
    inner = [_name(IFLA_IFNAME, peer), _u32(IFLA_NET_NS_FD, peer_ns_fd)]
    outer = []
    if mac:
        inner.append(attr(IFLA_ADDRESS, mac))
    if mtu:
        inner.append(_u32(IFLA_MTU, mtu))
        outer.append(_u32(IFLA_MTU, mtu))
    if host_name:
        outer.append(_name(IFLA_IFNAME, host_name))
    if master:
        outer.append(_u32(IFLA_MASTER, master))
    peer_body = _LINK.pack(AF_UNSPEC, 0, 0, 0, 0) + b"".join(inner)
    return _new_link(*outer, _link_info("veth", attr(VETH_INFO_PEER | NLA_F_NESTED, peer_body)))


def new_macvlan(
    name: str,
    parent: int,
    ns_fd: int,
    *,
    mode: str = "bridge",
    mtu: int = 0,
    mac: bytes = b"",
    bclim: int | None = None,
) -> bytes:
    """Creates a macvlan link on ``parent``, directly in the namespace of ``ns_fd``."""
    data = [_u32(IFLA_MACVLAN_MODE, MACVLAN_MODES[mode])]
    if bclim is not None:
        data.append(attr(IFLA_MACVLAN_BC_CUTOFF, _S32.pack(bclim)))
    return _new_link(*_stacked(name, parent, ns_fd, mtu, mac), _link_info("macvlan", *data))


def new_ipvlan(name: str, parent: int, ns_fd: int, *, mode: str = "l2", mtu: int = 0) -> bytes:
    """Creates an ipvlan link on ``parent``, directly in the namespace of ``ns_fd``."""
    data = attr(IFLA_IPVLAN_MODE, _U16.pack(IPVLAN_MODES[mode]))
    return _new_link(*_stacked(name, parent, ns_fd, mtu, b""), _link_info("ipvlan", data))


def _stacked(name: str, parent: int, ns_fd: int, mtu: int, mac: bytes) -> list[bytes]:
    parts = [_name(IFLA_IFNAME, name), _u32(IFLA_LINK, parent), _u32(IFLA_NET_NS_FD, ns_fd)]
    if mtu:
        parts.append(_u32(IFLA_MTU, mtu))
    if mac:
        parts.append(attr(IFLA_ADDRESS, mac))
    return parts


def set_link(
    index: int, *, up: bool | None = None, name: str = "", mac: bytes = b"", mtu: int = 0, master: int | None = None
) -> bytes:
    """Changes a link: up or down, name, MAC, MTU, master (0 takes it out of its bridge or VRF)."""
    parts = []
    if name:
        parts.append(_name(IFLA_IFNAME, name))
    if mac:
        parts.append(attr(IFLA_ADDRESS, mac))
    if mtu:
        parts.append(_u32(IFLA_MTU, mtu))
    if master is not None:
        parts.append(_u32(IFLA_MASTER, master))
    flags, change = (IFF_UP if up else 0), (IFF_UP if up is not None else 0)
    body = _LINK.pack(AF_UNSPEC, 0, index, flags, change) + b"".join(parts)
    return message(RTM_SETLINK, NLM_F_ACK, body)


def set_hairpin(index: int, on: bool = True) -> bytes:
    """Lets a bridge port send a frame back out of the port it came from."""
    info = nested(IFLA_PROTINFO, attr(IFLA_BRPORT_MODE, b"\1" if on else b"\0"))
    return message(RTM_SETLINK, NLM_F_ACK, _LINK.pack(AF_BRIDGE, 0, index, 0, 0) + info)


def set_port_vlan(index: int, vlan: int) -> bytes:
    """Makes a VLAN the untagged one of a bridge port."""
    info = _U16.pack(BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED) + _U16.pack(vlan)
    body = _LINK.pack(AF_BRIDGE, 0, index, 0, 0) + nested(IFLA_AF_SPEC, attr(IFLA_BRIDGE_VLAN_INFO, info))
    return message(RTM_SETLINK, NLM_F_ACK, body)


def del_link(index: int) -> bytes:
    """Deletes a link; a veth takes its peer along."""
    return message(RTM_DELLINK, NLM_F_ACK, _LINK.pack(AF_UNSPEC, 0, index, 0, 0))


def new_addr(index: int, address: Address, length: int) -> bytes:
    """Gives a link an address; IPv4 with its broadcast address, IPv6 without duplicate detection."""
    raw = pack(address)
    parts = [attr(IFA_LOCAL, raw), attr(IFA_ADDRESS, raw)]
    flags = 0
    if address[0] == 4:
        if length < 31:
            host = (1 << (32 - length)) - 1
            parts.append(attr(IFA_BROADCAST, pack((4, address[1] | host))))
    else:
        flags = IFA_F_NODAD  # the addresses are ours to give, and a tentative one cannot be bound for a second
    body = _ADDR.pack(_family(address), length, flags, RT_SCOPE_UNIVERSE, index) + b"".join(parts)
    return message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, body)


def _route(kind: int, flags: int, dst: Prefix, gateway: Address | None, metric: int | None, oif: int) -> bytes:
    parts = []
    if dst.length:
        parts.append(attr(RTA_DST, pack((dst.version, dst.base))))
    if gateway is not None:
        parts.append(attr(RTA_GATEWAY, pack(gateway)))
    if metric is not None:
        parts.append(_u32(RTA_PRIORITY, metric))
    if oif:
        parts.append(_u32(RTA_OIF, oif))
    family = int(AF_INET if dst.version == 4 else AF_INET6)
    scope = RT_SCOPE_UNIVERSE if gateway is not None else RT_SCOPE_LINK
    head = _ROUTE.pack(family, dst.length, 0, 0, RT_TABLE_MAIN, RTPROT_STATIC, scope, RTN_UNICAST, 0)
    return message(kind, flags, head + b"".join(parts))


def new_route(dst: Prefix, gateway: Address | None, *, metric: int | None = None, oif: int = 0) -> bytes:
    """A static route in the main table; ``dst`` of length 0 is the default route."""
    return _route(RTM_NEWROUTE, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL, dst, gateway, metric, oif)


def del_route(dst: Prefix, gateway: Address | None, *, metric: int | None = None, oif: int = 0) -> bytes:
    """Removes what ``new_route`` made with the same arguments."""
    return _route(RTM_DELROUTE, NLM_F_ACK, dst, gateway, metric, oif)


def get_link(*, name: str = "", index: int = 0) -> bytes:
    """Asks for one link."""
    body = _LINK.pack(AF_UNSPEC, 0, index, 0, 0) + (_name(IFLA_IFNAME, name) if name else b"")
    return message(RTM_GETLINK, 0, body)


class Link:
    """What the kernel says of a link. ``mac`` is raw bytes; ``kind`` is ``""`` for hardware; ``parent`` and ``master``
    are indexes, 0 for none."""

    __slots__ = ("flags", "index", "kind", "mac", "master", "mtu", "name", "parent")

    def __init__(self, body: bytes) -> None:
        _, _, self.index, self.flags, _ = _LINK.unpack_from(body)
        self.name = self.kind = ""
        self.mac = b""
        self.mtu = self.master = self.parent = 0
        for kind, data in attributes(body, _LINK.size):
            if kind == IFLA_IFNAME:
                self.name = data.rstrip(b"\0").decode(errors="replace")
            elif kind == IFLA_ADDRESS:
                self.mac = data
            elif kind == IFLA_MTU:
                (self.mtu,) = _U32.unpack(data)
            elif kind == IFLA_MASTER:
                (self.master,) = _U32.unpack(data)
            elif kind == IFLA_LINK:
                (self.parent,) = _U32.unpack(data)
            elif kind == IFLA_LINKINFO:
                for inner, value in attributes(data, 0):
                    if inner == IFLA_INFO_KIND:
                        self.kind = value.rstrip(b"\0").decode()

    @property
    def up(self) -> bool:
        return bool(self.flags & IFF_UP)


def attributes(body: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """The attributes of a message body as (kind without flags, data)."""
    end = len(body)
    while offset + 4 <= end:
        length, kind = _ATTR.unpack_from(body, offset)
        if length < 4 or offset + length > end:
            return
        yield kind & 0x3FFF, body[offset + 4 : offset + length]
        offset += (length + 3) & ~3


class Netlink:
    """A netlink socket of the network namespace in which it was opened, whatever the thread joins afterwards."""

    __slots__ = ("_sequence", "_socket")

    def __init__(self, protocol: int = NETLINK_ROUTE) -> None:
        self._socket = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol)
        self._sequence = 0

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Netlink:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def do(self, what: str, *messages: bytes) -> None:
        """Sends messages that only need an acknowledgement, in one system call.

        The first refusal raises NetlinkError(``what``); the kernel has then carried out the other messages as well.
        """
        base = self._sequence
        out = bytearray()
        for number, raw in enumerate(messages, 1):
            out += raw[:8] + _U32.pack(base + number) + raw[12:]
        self._sequence = base + len(messages)
        self._socket.sendall(out)
        failed = 0
        waiting = len(messages)
        while waiting:
            for kind, sequence, body in self._receive():
                if kind == NLMSG_ERROR and base < sequence <= self._sequence:
                    waiting -= 1
                    (code,) = _S32.unpack_from(body)
                    failed = failed or -code
        if failed:
            raise NetlinkError(what, failed)

    def ask(self, raw: bytes) -> bytes | None:
        """Sends one request and returns the body of its answer, None where the object does not exist."""
        self._sequence += 1
        self._socket.sendall(raw[:8] + _U32.pack(self._sequence) + raw[12:])
        while True:
            for kind, sequence, body in self._receive():
                if sequence != self._sequence:
                    continue
                if kind != NLMSG_ERROR:
                    return body
                (code,) = _S32.unpack_from(body)
                if code in (-19, -2):  # ENODEV, ENOENT
                    return None
                if code:
                    raise NetlinkError("netlink request", -code)

    def dump(self, kind: int, body: bytes) -> Iterator[bytes]:
        """The bodies of all objects of a kind."""
        self._sequence += 1
        raw = message(kind, NLM_F_DUMP, body, self._sequence)
        self._socket.sendall(raw)
        while True:
            for answer, sequence, data in self._receive():
                if sequence != self._sequence:
                    continue
                if answer == NLMSG_DONE:
                    return
                if answer == NLMSG_ERROR:
                    raise NetlinkError("netlink dump", -_S32.unpack_from(data)[0])
                yield data

    def _receive(self) -> list[tuple[int, int, bytes]]:
        data = self._socket.recv(65536)
        found = []
        offset = 0
        while offset + _HEADER.size <= len(data):
            length, kind, _, sequence, _ = _HEADER.unpack_from(data, offset)
            if length < _HEADER.size:
                break
            found.append((kind, sequence, data[offset + _HEADER.size : offset + length]))
            offset += (length + 3) & ~3
        return found

    # what callers ask most

    def link(self, name: str = "", index: int = 0) -> Link | None:
        """The link of that name or index, None when there is none."""
        body = self.ask(get_link(name=name, index=index))
        return Link(body) if body is not None else None

    def links(self) -> list[Link]:
        """Every link of the namespace."""
        return [Link(body) for body in self.dump(RTM_GETLINK, _LINK.pack(AF_UNSPEC, 0, 0, 0, 0))]

    def ports(self, master: int) -> list[int]:
        """The indexes of the links under a bridge."""
        body = _LINK.pack(AF_UNSPEC, 0, 0, 0, 0) + _u32(IFLA_MASTER, master)
        return [link.index for link in map(Link, self.dump(RTM_GETLINK, body)) if link.master == master]

    def addresses(self) -> list[tuple[int, Address, int]]:
        """(link index, address, prefix length) of every address of the namespace."""
        found = []
        for body in self.dump(RTM_GETADDR, _ADDR.pack(AF_UNSPEC, 0, 0, 0, 0)):
            _, length, _, _, index = _ADDR.unpack_from(body)
            raws = dict(attributes(body, _ADDR.size))
            raw = raws.get(IFA_LOCAL) or raws.get(IFA_ADDRESS)
            if raw:
                found.append((index, (4 if len(raw) == 4 else 6, int.from_bytes(raw, "big")), length))
        return found

    def routes(self) -> list[tuple[Prefix, int, Address | None, int]]:
        """(destination, link index, gateway, metric) of every unicast route of the main table, both families."""
        found = []
        for body in self.dump(RTM_GETROUTE, _ROUTE.pack(AF_UNSPEC, 0, 0, 0, 0, 0, 0, 0, 0)):
            family, length, _, _, table, _, _, kind, _ = _ROUTE.unpack_from(body)
            raws = dict(attributes(body, _ROUTE.size))
            if RTA_TABLE in raws:
                (table,) = _U32.unpack(raws[RTA_TABLE])
            if table != RT_TABLE_MAIN or kind != RTN_UNICAST:
                continue
            version = 4 if family == AF_INET else 6
            base = int.from_bytes(raws.get(RTA_DST, b""), "big")
            gateway = raws.get(RTA_GATEWAY)
            index = _U32.unpack(raws[RTA_OIF])[0] if RTA_OIF in raws else 0
            metric = _U32.unpack(raws[RTA_PRIORITY])[0] if RTA_PRIORITY in raws else 0
            via = (version, int.from_bytes(gateway, "big")) if gateway else None
            found.append((Prefix(version, base, length), index, via, metric))
        return found
