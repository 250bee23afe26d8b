"""Addresses and prefixes as integers.

The standard ``ipaddress`` costs 14 ms to import, half of what a whole network set-up takes here, and every container
start needs a handful of address sums only. An address is a pair ``(version, value)`` with version 4 or 6.
"""

from __future__ import annotations

from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton

from .errors import InvalidNetwork

TYPE_CHECKING = False
if TYPE_CHECKING:
    Address = tuple[int, int]


def bits(version: int) -> int:
    """Width of an address of that version in bits: 32 or 128."""
    return 32 if version == 4 else 128


def parse_ip(text: str) -> Address:
    """``"10.88.0.1"`` -> ``(4, 173539329)``; raises InvalidNetwork naming the text."""
    version = 6 if ":" in text else 4
    try:
        raw = inet_pton(AF_INET6 if version == 6 else AF_INET, text)
    except (OSError, ValueError, UnicodeError):
        raise InvalidNetwork(f'invalid ip address "{text}"') from None
    return version, int.from_bytes(raw, "big")


def is_ip(text: str) -> bool:
    """Whether the text is an IPv4 or IPv6 address (without zone or prefix)."""
    try:
        parse_ip(text)
    except InvalidNetwork:
        return False
    return True


def pack(address: Address) -> bytes:
    """Network byte order, 4 or 16 bytes."""
    version, value = address
    return value.to_bytes(4 if version == 4 else 16, "big")


def unpack(raw: bytes) -> Address:
    """The reverse of ``pack``."""
    return (4 if len(raw) == 4 else 6), int.from_bytes(raw, "big")


def format_ip(address: Address) -> str:
    """The usual text of an address (IPv6 compressed, lower case)."""
    return inet_ntop(AF_INET if address[0] == 4 else AF_INET6, pack(address))


class Prefix:
    """A network: version, first address as an integer, prefix length."""

    __slots__ = ("base", "length", "version")

    def __init__(self, version: int, base: int, length: int) -> None:
        self.version = version
        self.base = base
        self.length = length

    @classmethod
    def parse(cls, text: str, *, strict: bool = False) -> Prefix:
        """``"10.88.0.7/16"`` -> 10.88.0.0/16 (host bits cleared, or refused when ``strict``)."""
        ip, slash, length_text = text.partition("/")
        try:
            version, value = parse_ip(ip)
            if not slash or not length_text.isascii() or not length_text.isdigit():
                raise InvalidNetwork("")
            length = int(length_text)
            if length > bits(version):
                raise InvalidNetwork("")
        except InvalidNetwork:
            raise InvalidNetwork(f"invalid CIDR address: {text}") from None
        host = (1 << (bits(version) - length)) - 1
        if strict and value & host:
            raise InvalidNetwork(f"{text} has host bits set: a network address ends in zero bits")
        return cls(version, value & ~host, length)

    @property
    def last(self) -> int:
        """The last address (for IPv4 the broadcast address)."""
        return self.base | ((1 << (bits(self.version) - self.length)) - 1)

    def __contains__(self, address: Address) -> bool:
        return address[0] == self.version and self.base <= address[1] <= self.last

    def overlaps(self, other: Prefix) -> bool:
        """Whether the two share an address."""
        return self.version == other.version and self.base <= other.last and other.base <= self.last

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Prefix) and (self.version, self.base, self.length) == (
            other.version,
            other.base,
            other.length,
        )

    def __hash__(self) -> int:
        return hash((self.version, self.base, self.length))

    def __str__(self) -> str:
        return f"{format_ip((self.version, self.base))}/{self.length}"

    def __repr__(self) -> str:
        return f"Prefix({self})"


def parse_mac(text: str) -> bytes:
    """``"aa:bb:cc:dd:ee:ff"`` (or with ``-``, or ``aabb.ccdd.eeff``) -> six bytes."""
    digits = text.replace(":", "").replace("-", "").replace(".", "")
    try:
        raw = bytes.fromhex(digits)
    except ValueError:
        raw = b""
    if len(raw) != 6 or len(text) not in (14, 17):
        raise InvalidNetwork(f"address {text}: invalid MAC address")
    return raw


def format_mac(raw: bytes) -> str:
    """Six bytes -> ``"aa:bb:cc:dd:ee:ff"``."""
    return raw.hex(":")
