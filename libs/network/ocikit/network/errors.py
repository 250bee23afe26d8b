"""What may go wrong in networking, each one sentence (see ocikit.common.errors).

NetworkError (125)
├─ InvalidNetwork      a name, address, option or subnet that cannot be used
├─ NetworkExists       the name is taken
├─ NetworkUnknown (1)  no network of that name or id
├─ NetworkInUse (2)    containers are attached
├─ SubnetInUse         the subnet belongs to another network or to the host
├─ SetupFailed (126)   the kernel, nft or a helper refused a step of a container's set-up
│  ├─ AddressError     no free address, or the requested one is taken
│  └─ PortInUse        the host port is taken
└─ NetlinkError        the kernel's answer to one message, with errno
"""

from __future__ import annotations

from ocikit.common.errors import NameInUse, NotFound, OcikitError


class NetworkError(OcikitError):
    """The base of all of them."""


class InvalidNetwork(NetworkError):
    """A name, address, option or subnet that cannot be used."""


class NetworkExists(NetworkError, NameInUse):
    """The network's name is taken."""


class NetworkUnknown(NetworkError, NotFound):
    """No network of that name or id."""

    exit_code = 125


class NetworkInUse(NetworkError):
    """Containers are attached to the network."""

    exit_code = 2


class SubnetInUse(NetworkError):
    """The subnet overlaps another network or an address of the host."""


class SetupFailed(NetworkError):
    """A container's network could not be set up; nothing of it is left."""

    exit_code = 126


class AddressError(SetupFailed):
    """No free address in the range, or the requested one is taken."""


class PortInUse(SetupFailed):
    """A host port that is to be published is taken by another program."""


class NetlinkError(NetworkError):
    """The kernel refused a netlink request; ``errno`` says why."""

    exit_code = 126

    def __init__(self, what: str, errno: int) -> None:
        from os import strerror

        super().__init__(f"{what}: {strerror(errno)}")
        self.errno = errno
