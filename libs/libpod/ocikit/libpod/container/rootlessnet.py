"""Networks of containers without root: pasta or slirp4netns beside the container, bridges in the shared namespace."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.container.record import Container
    from ocikit.network.records import PortMapping


def _ports(container: Container) -> list[PortMapping]:
    from ocikit.network.records import PortMapping

    return [PortMapping.from_json(record) for record in container.config.get("newPortMappings") or ()]


def setup_user_mode(container: Container, netns: str, kind: str) -> list[int]:
    """Starts pasta or slirp4netns for the namespace; descriptors that the monitor has to keep open."""
    options = (container.config.get("network_options") or {}).get(kind) or []
    conf = container.runtime.conf
    if kind == "pasta":
        from ocikit.network.rootless import pasta

        result = pasta.start(netns, _ports(container), options, configured=conf.network.get("pasta_options") or ())
        container.state["userNet"] = {
            "dns": result.dns_forwarders,
            "host": result.map_guest,
            "own": result.own,
        }
        return []
    from ocikit.network.rootless import slirp4netns

    words = [*(conf.engine.get("network_cmd_options") or ()), *options]
    parsed = slirp4netns.parse_options(words)
    api = f"{container.runtime.paths.tmpdir}/{container.id}.net"
    started = slirp4netns.start(
        netns,
        parsed,
        _ports(container),
        api_socket=api,
        program=container.runtime.options.network_cmd_path or conf.engine.get("network_cmd_path") or "",
    )
    container.state["userNet"] = {"dns": [started.dns], "host": "10.0.2.2", "own": [started.address]}
    keep = [started.exit_fd]
    if _ports(container) and parsed.port_handler != "slirp4netns":
        keep += _relay(container, netns, started.address)
    return keep


def relay_control(container: Container) -> str:
    """The socket on which a port relay takes a new address of the container."""
    return f"{container.runtime.paths.tmpdir}/rp/{container.id}"


def _relay(container: Container, netns: str, target: str, control: str = "") -> list[int]:
    """Published ports by a relay process, which ends with the monitor."""
    from ocikit.network.rootless import ports

    relay = ports.start(netns, target, _ports(container), control=control)
    return [relay.exit_fd]


def teardown_user_mode(container: Container) -> None:
    """Both programs end with the namespace or the monitor; here only the note is dropped."""
    container.state.pop("userNet", None)
    try:
        os.unlink(f"{container.runtime.paths.tmpdir}/{container.id}.net")
    except OSError:
        pass


def setup_bridge(container: Container, netns: str) -> tuple[dict[str, Any], list[int]]:
    """Joins bridges in the user's shared network namespace: (status, descriptors that the monitor has to keep open)."""
    from ocikit.libpod.container.network import request
    from ocikit.network.rootless import shared

    asked = request(container)
    ports, asked.ports = asked.ports, []  # the relay reaches the container directly: no rules for them
    status: dict[str, Any] = container.runtime.networks.setup(netns, asked)
    keep: list[int] = []
    if ports and status:
        try:
            keep = _relay(container, netns, shared.relay_target(status), relay_control(container))
        except OcikitError:
            container.runtime.networks.teardown(netns, asked)
            raise
    return status, keep


def teardown_bridge(container: Container, netns: str) -> None:
    """Leaves them."""
    from ocikit.libpod.container.network import request

    asked = request(container)
    asked.ports = []
    container.runtime.networks.teardown(netns, asked)
