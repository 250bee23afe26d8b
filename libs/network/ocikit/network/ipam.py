"""Addresses for containers: leases in ``ipam.db``, in the format that the Go tools write (spec: network.md, section 3).

``Leases`` is the content of the file as a value with the choosing on top; ``LeaseFile`` reads and writes it. Leases
survive a crash, because the file is replaced in one rename before anything is set up, and end with a reboot, because the
run directory is a tmpfs. The caller holds the network lock.
"""

from __future__ import annotations

from .address import Prefix, format_ip, pack, parse_ip, unpack
from .bolt import dump, load
from .errors import AddressError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .address import Address
    from .bolt import Bucket
    from .records import NetworkConfig, Subnet

_IDS = b"ids"
_LAST = b"lastIP"


def lease_range(subnet: Subnet) -> tuple[int, int]:
    """First and last address that may be given out in a subnet, as integers (gateway included)."""
    prefix = Prefix.parse(subnet.subnet)
    first, last = prefix.base + 1, prefix.last
    if prefix.version == 4 and prefix.length < 31:
        last -= 1
    if subnet.lease_start:
        first = max(parse_ip(subnet.lease_start)[1], first)
    if subnet.lease_end:
        last = parse_ip(subnet.lease_end)[1]
    return first, last


class Leases:
    """Who holds which address, as a value: nothing is written here."""

    __slots__ = ("root",)

    def __init__(self, root: Bucket | None = None) -> None:
        self.root: Bucket = {} if root is None else root

    def held(self, network: str, container_id: str) -> list[str]:
        """The addresses that a container holds on a network, in subnet order; ``[]`` for none."""
        from ocikit.common.jsonfast import loads

        raw = _child(_child(self.root, network.encode()), _IDS).get(container_id.encode())
        if not isinstance(raw, bytes):
            return []
        return [str(item) for item in loads(raw)]

    def allocate(self, config: NetworkConfig, container_id: str, wanted: Sequence[str] = ()) -> list[str]:
        """Gives the container one address in each subnet of the network, the wanted ones first; returns them in order.

        Raises AddressError when a wanted address is taken or in no subnet, or a range is full.
        """
        from ocikit.common.jsonfast import dumps

        self.release(config.name, container_id)  # what a crashed set-up of the same container left behind
        bucket = _child(self.root, config.name.encode(), create=True)
        requested = [(text, parse_ip(text)) for text in wanted]
        # an IPv4-mapped wish or one outside of every subnet is refused before anything is taken
        prefixes = [Prefix.parse(subnet.subnet) for subnet in config.subnets]
        for text, address in requested:
            if not any(address in prefix for prefix in prefixes):
                raise AddressError(f"requested static ip {text} not in any subnet on network {config.name}")
        given: list[str] = []
        for subnet, prefix in zip(config.subnets, prefixes, strict=True):
            leases = _child(bucket, str(prefix).encode(), create=True)
            mine = [address for _, address in requested if address in prefix]
            for address in mine:
                owner = leases.get(pack(address))
                if owner is not None and owner != container_id.encode():
                    taken = owner.decode() if isinstance(owner, bytes) else "?"
                    raise AddressError(
                        f"IPAM error: requested ip address {format_ip(address)} is already allocated "
                        f"to container ID {taken}"
                    )
            if not mine:
                mine = [self._choose(subnet, prefix, leases)]
                leases[_LAST] = pack(mine[0])
            for address in mine:
                leases[pack(address)] = container_id.encode()
                given.append(format_ip(address))
        _child(bucket, _IDS, create=True)[container_id.encode()] = dumps(given).encode()
        return given

    @staticmethod
    def _choose(subnet: Subnet, prefix: Prefix, leases: Bucket) -> Address:
        """The next free address after the one given last, wrapping round: freed addresses come back last."""
        first, last = lease_range(subnet)
        version = prefix.version
        gateway = parse_ip(subnet.gateway)[1] if subnet.gateway else -1
        raw = leases.get(_LAST)
        start = unpack(raw)[1] + 1 if isinstance(raw, bytes) else first
        if not first <= start <= last:
            start = first
        taken = {int.from_bytes(key, "big") for key in leases if key != _LAST}
        for low, high in ((start, last), (first, start - 1)):
            value = low
            while value <= high:
                if value != gateway and value not in taken:
                    return version, value
                value += 1
        span = f"{format_ip((version, first))} - {format_ip((version, last))}"
        raise AddressError(f"IPAM error: failed to find free IP in range: {span}")

    def release(self, network: str, container_id: str) -> list[str]:
        """Frees what the container holds on the network and returns it; nothing held is no error."""
        bucket = _child(self.root, network.encode())
        freed = self.held(network, container_id)
        owner = container_id.encode()
        for name, leases in bucket.items():
            if name == _IDS or not isinstance(leases, dict):
                continue
            for key in [key for key, value in leases.items() if value == owner and key != _LAST]:
                del leases[key]
        _child(bucket, _IDS).pop(owner, None)
        return freed

    def forget_network(self, network: str) -> None:
        """Drops everything known of a network that is removed."""
        self.root.pop(network.encode(), None)


class LeaseFile:
    """``ipam.db`` on disk: ``load``, change the value, ``save``. The caller holds the network lock throughout."""

    __slots__ = ("path",)

    def __init__(self, path: str) -> None:
        self.path = path

    def load(self) -> Leases:
        try:
            with open(self.path, "rb") as file:
                return Leases(load(file.read(), self.path))
        except FileNotFoundError:
            return Leases()

    def save(self, leases: Leases) -> None:
        from ocikit.common.files import atomic_write

        # no fsync: the directory is a tmpfs that a reboot empties anyway; the rename keeps a crash harmless
        atomic_write(self.path, dump(leases.root), 0o600, sync=False)


def _child(bucket: Bucket, key: bytes, *, create: bool = False) -> Bucket:
    found = bucket.get(key)
    if isinstance(found, dict):
        return found
    made: Bucket = {}
    if create:
        bucket[key] = made
    return made
