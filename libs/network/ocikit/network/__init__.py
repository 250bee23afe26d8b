"""Container networks: bridges, addresses, names, firewall, rootless. Usable without the rest of ocikit.

from ocikit.network import Networks, NetworkConfig, PerNetwork, PortMapping, SetupRequest, netns

nets = Networks.open()                                  # the networks that Podman sees, too
nets.create(NetworkConfig("web"))                       # bridge, free subnet, names
path = netns.create()                                   # /run/netns/netns-<uuid>
request = SetupRequest("c1" * 32, "server", {"web": PerNetwork(aliases=["www"])}, [PortMapping("", 80, 8080)])
status = nets.setup(path, request)                      # {"web": {"interfaces": {"eth0": ...}}}
nets.teardown(path, request); netns.remove(path)
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from . import errors, files, modes, netns, ports
    from .networks import Networks
    from .records import NetworkConfig, PerNetwork, PortMapping, Route, SetupRequest, Subnet

_WHERE = {
    "Networks": "networks",
    "NetworkConfig": "records",
    "PerNetwork": "records",
    "PortMapping": "records",
    "Route": "records",
    "SetupRequest": "records",
    "Subnet": "records",
}
_MODULES = ("errors", "files", "modes", "netns", "ports")

__all__ = [
    "NetworkConfig",
    "Networks",
    "PerNetwork",
    "PortMapping",
    "Route",
    "SetupRequest",
    "Subnet",
    "errors",
    "files",
    "modes",
    "netns",
    "ports",
]


def __getattr__(name: str) -> object:
    # __import__, because the module importlib is not loaded yet and would bring warnings along
    if name in _WHERE:
        return getattr(__import__(f"{__name__}.{_WHERE[name]}", fromlist=(name,)), name)
    if name in _MODULES:
        return __import__(f"{__name__}.{name}", fromlist=(name,))
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
