"""What ``--network`` says (spec: network.md, section 7). Pure: names of networks and containers are not looked up here."""

from __future__ import annotations

from .address import parse_ip, parse_mac
from .errors import InvalidNetwork
from .records import PerNetwork

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BRIDGE, NONE, HOST, CONTAINER, NS, POD, SLIRP, PASTA = (
    "bridge",
    "none",
    "host",
    "container",
    "ns",
    "pod",
    "slirp4netns",
    "pasta",
)
_TAKES_VALUE = {
    CONTAINER: "must provide name or ID of a container when using container:",
    NS: "invalid config provided: namespace mode path requires a value",
}


class NetworkMode:
    """A parsed ``--network``.

    ``kind`` is one of the constants above; ``value`` the container of ``container:`` or the path of ``ns:``; ``options``
    the words behind ``slirp4netns:`` or ``pasta:``; ``networks`` (for BRIDGE) what is wanted of each network, by name or
    id, in order.
    """

    __slots__ = ("kind", "networks", "options", "value")

    def __init__(
        self,
        kind: str,
        value: str = "",
        options: Sequence[str] = (),
        networks: dict[str, PerNetwork] | None = None,
    ) -> None:
        self.kind = kind
        self.value = value
        self.options = list(options)
        self.networks = networks or {}

    @property
    def has_own_namespace(self) -> bool:
        """Whether a network namespace is made for the container."""
        return self.kind in (BRIDGE, NONE, SLIRP, PASTA)

    @property
    def can_publish(self) -> bool:
        """Whether ports can be published in this mode."""
        return self.kind in (BRIDGE, SLIRP, PASTA)

    def word(self) -> str:
        """As inspect shows it: ``bridge``, ``host``, ``container:ID``, ``ns:PATH``, ..."""
        return f"{self.kind}:{self.value}" if self.value else self.kind


def parse(
    words: Sequence[str],
    *,
    rootless: bool = False,
    default_network: str = "podman",
    default_mode: str = "",
    rootless_program: str = PASTA,
) -> NetworkMode:
    """Reads every ``--network`` word of a command line.

    ``default_mode`` is containers.conf's ``netns``, ``rootless_program`` its ``default_rootless_network_cmd``.
    Raises InvalidNetwork.
    """
    own = rootless_program if rootless else BRIDGE
    first, *others = words or ("",)
    if first in ("", "default"):
        first = default_mode if default_mode not in ("", "default") else "private"
    mode = _first(first, own, default_network)
    if mode.kind == PASTA and not rootless:
        raise InvalidNetwork(
            "pasta networking is only supported for rootless mode or when inside a nested userns: invalid argument"
        )
    if others and mode.kind != BRIDGE:
        raise InvalidNetwork(
            f"cannot set multiple networks without bridge network mode, selected mode {mode.kind}: invalid argument"
        )
    for word in others:
        name, _, options = word.partition(":")
        if not name:
            raise InvalidNetwork("network name cannot be empty: invalid argument")
        if name in (NONE, HOST, CONTAINER, NS, POD, SLIRP, PASTA, BRIDGE, "private", "default"):
            raise InvalidNetwork(
                f"can only set extra network names, selected mode {name} conflicts with bridge: invalid argument"
            )
        mode.networks.setdefault(name, parse_options(name, options))
    return mode


def _first(word: str, own: str, default_network: str) -> NetworkMode:
    name, colon, rest = word.partition(":")
    if word == "private":
        return _first(own, own, default_network)
    if name == BRIDGE:
        return NetworkMode(BRIDGE, networks={default_network: parse_options(default_network, rest)})
    if word in (NONE, HOST, POD):
        return NetworkMode(word)
    if name in _TAKES_VALUE:
        if not rest:
            raise InvalidNetwork(_TAKES_VALUE[name])
        return NetworkMode(name, rest)
    if name in (SLIRP, PASTA):
        return NetworkMode(name, options=[item for item in rest.split(",") if item] if colon else [])
    return NetworkMode(BRIDGE, networks={name: parse_options(name, rest)})


def parse_options(network: str, text: str) -> PerNetwork:
    """``ip=..,ip6=..,mac=..,alias=..,interface_name=..``; any other key goes to the network's driver."""
    per = PerNetwork()
    for item in text.split(","):
        if not item:
            continue
        key, equals, value = item.partition("=")
        if not equals and key in ("ip", "ip6", "mac", "alias", "interface_name"):
            raise InvalidNetwork(f"invalid option for network {network}: {key} needs a value")
        try:
            if key in ("ip", "ip6"):
                parse_ip(value)
                per.static_ips.append(value)
            elif key == "mac":
                per.static_mac = parse_mac(value).hex(":")
            elif key == "alias":
                if not value:
                    raise InvalidNetwork("alias cannot be empty")
                per.aliases.append(value)
            elif key == "interface_name":
                from .create import check_interface

                check_interface(value)
                per.interface_name = value
            else:
                per.options[key] = value
        except InvalidNetwork as error:
            raise InvalidNetwork(f"invalid option for network {network}: {error}") from None
    return per


def apply_single(mode: NetworkMode, *, ips: Sequence[str] = (), mac: str = "", aliases: Sequence[str] = ()) -> None:
    """``--ip``, ``--ip6``, ``--mac-address`` (one bridge network only) and ``--network-alias`` (all of them)."""
    for flag, value in (
        ("ip", any(":" not in ip for ip in ips)),
        ("ip6", any(":" in ip for ip in ips)),
        ("mac-address", bool(mac)),
    ):
        if not value:
            continue
        if mode.kind != BRIDGE:
            raise InvalidNetwork(f"--{flag} can only be set when the network mode is bridge: invalid argument")
        if len(mode.networks) != 1:
            raise InvalidNetwork(f"--{flag} can only be set for a single network: invalid argument")
    for ip in ips:
        parse_ip(ip)
    for per in mode.networks.values():
        per.static_ips = [*per.static_ips, *ips]
        if mac:
            per.static_mac = parse_mac(mac).hex(":")
        per.aliases = [*per.aliases, *aliases]
    if aliases and mode.kind != BRIDGE:
        raise InvalidNetwork("network aliases can only be set when the network mode is bridge: invalid argument")


def assign_interfaces(networks: dict[str, PerNetwork]) -> None:
    """Gives each network without one the first free ``ethN``, in order."""
    taken = {per.interface_name for per in networks.values()}
    number = 0
    for per in networks.values():
        if per.interface_name:
            continue
        while f"eth{number}" in taken:
            number += 1
        per.interface_name = f"eth{number}"
        taken.add(per.interface_name)
