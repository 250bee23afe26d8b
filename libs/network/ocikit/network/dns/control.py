"""What set-up and teardown tell the DNS server."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..networks import Networks
    from ..records import NetworkConfig, PerNetwork, SetupRequest


def add(nets: Networks, config: NetworkConfig, request: SetupRequest, per: PerNetwork, ips: Sequence[str]) -> None:
    """Makes a container's names known on a network."""


def remove(nets: Networks, config: NetworkConfig, container_id: str) -> None:
    """Forgets a container's names on a network."""


def ensure(nets: Networks) -> None:
    """Starts the server where it isn't running."""
