"""Containers and networks together: who uses what, connect and disconnect, reload (spec: network.md, section 7)."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.container.record import Container
    from ocikit.libpod.runtime import Runtime
    from ocikit.network import NetworkConfig, PerNetwork, SetupRequest

_LIVE = ("running", "initialized", "paused")


def used_networks(runtime: Runtime) -> dict[str, list[str]]:
    """Names of networks -> ids of the containers that are on them, running or not."""
    found: dict[str, list[str]] = {}
    for config, _ in runtime.state.containers():
        for name in config.get("newNetworks") or ():
            found.setdefault(name, []).append(config["id"])
    return found


def attached(runtime: Runtime, network: str) -> dict[str, Any]:
    """The containers that run on a network, as ``network inspect`` shows them."""
    found = {}
    for config, state in runtime.state.containers():
        status = (state.get("networkStatus") or {}).get(network)
        if status:
            found[config["id"]] = {"name": config["name"], "interfaces": status.get("interfaces") or {}}
    return found


def remove_network(runtime: Runtime, name: str, *, force: bool = False, timeout_s: int | None = None) -> None:
    """Removes a network; with ``force`` the containers on it first. Raises NetworkInUse (exit code 2) without."""
    from ocikit.network.errors import NetworkInUse

    nets = runtime.networks
    config = nets.get(name)
    users = used_networks(runtime).get(config.name, []) if config.name != nets.default_name else []
    if users and not force:
        raise NetworkInUse(
            f'"{name}" has associated containers with it. '
            "Use -f to forcibly delete containers and pods: network is being used"
        )
    for user in users:
        runtime.containers.by_id(user).remove(force=True, timeout_s=timeout_s)
    nets.remove(config.name)
    runtime.events.write("network", "remove", {}, Name=config.name, Network=config.name)


def connect(runtime: Runtime, container_name: str, network: str, per: PerNetwork) -> None:
    """Puts a container on one more network; a running one gets the interface at once, and its files the new lines."""
    container = runtime.containers.get(container_name)
    config = runtime.networks.get(network)
    with container.locked():
        container.reload()
        networks = _networks(container)
        live = container.status in _LIVE
        if config.name in networks:
            if live:
                raise OcikitError(
                    f"container {container.id} is already connected to network {config.name}: "
                    "network is already connected"
                )
            return
        taken = {entry.get("interface_name") for entry in networks.values()}
        number = 0
        while f"eth{number}" in taken:
            number += 1
        per.interface_name = per.interface_name or f"eth{number}"
        if container.id[:12] not in per.aliases:
            per.aliases.append(container.id[:12])
        before = dict(networks)
        container.config["newNetworks"] = {**networks, config.name: per.to_json()}
        if live:
            _attach(container, config, publish=runtime.networks.publisher(before) == "")
        runtime.state.save_config(container.config)
        if live:
            container.save()
    _event(container, "connect", config.name)


def _attach(container: Container, config: NetworkConfig, *, publish: bool) -> None:
    request = _request(container, [config.name], publish=publish)
    status = container.runtime.networks.setup(str(container.state["netns"]), request)
    old = container.state.get("networkStatus") or {}
    container.state["networkStatus"] = {**old, **status}
    from ocikit.libpod.container.network import hostname_of
    from ocikit.network import files

    servers = [server for server in files.status_servers(status)[0] if server not in files.status_servers(old)[0]]
    _edit(container, "/etc/resolv.conf", lambda text: files.edit_nameservers(text, add=servers))
    names = f"{hostname_of(container)} {container.name}"
    lines = "".join(f"{ip}\t{names}\n" for ip, _ in files.status_addresses(status))
    _edit(container, "/etc/hosts", lambda text: text + lines)
    if not old:
        _move_relay(container)


def _move_relay(container: Container) -> None:
    """Tells the port relay of a container without root its new address."""
    from ocikit.libpod.container.rootlessnet import relay_control

    path = relay_control(container)
    if container.runtime.rootless and container.state.get("networkStatus") and os.path.exists(path):
        from ocikit.network.rootless import ports, shared

        ports.change_target(path, shared.relay_target(container.state["networkStatus"]))


def disconnect(runtime: Runtime, container_name: str, network: str, *, force: bool = False) -> None:
    """Takes a container off a network; a running one loses the interface at once."""
    from ocikit.libpod.errors import NoSuchContainer

    try:
        container = runtime.containers.get(container_name)
    except NoSuchContainer:
        if force:
            return
        raise
    config = runtime.networks.get(network)
    with container.locked():
        container.reload()
        networks = _networks(container)
        if config.name not in networks:
            if force:
                return
            raise OcikitError(f"container {container.name} is not connected to network {config.name}")
        if container.status in _LIVE:
            _detach(container, config, networks)
            container.save()
        container.config["newNetworks"] = {name: entry for name, entry in networks.items() if name != config.name}
        runtime.state.save_config(container.config)
    _event(container, "disconnect", config.name)


def _detach(container: Container, config: NetworkConfig, networks: dict[str, Any]) -> None:
    from ocikit.network import files

    nets = container.runtime.networks
    publishes = nets.publisher(networks) == config.name
    path = str(container.state["netns"])
    nets.teardown(path, _request(container, [config.name], publish=publishes))
    status = dict(container.state.get("networkStatus") or {})
    gone = {config.name: status.pop(config.name, {})}
    container.state["networkStatus"] = status
    others = [name for name in networks if name != config.name]
    if publishes and others:
        nets.reload(_request(container, others, publish=True))
    _move_relay(container)
    kept = files.status_servers(status)[0]
    servers = [server for server in files.status_servers(gone)[0] if server not in kept]
    _edit(container, "/etc/resolv.conf", lambda text: files.edit_nameservers(text, drop=servers))
    ips = tuple(f"{ip}\t" for ip, _ in files.status_addresses(gone))
    if ips:
        _edit(container, "/etc/hosts", lambda text: "".join(x for x in text.splitlines(True) if not x.startswith(ips)))


def reload(container: Container) -> None:
    """Makes rules, names and links of a running container's networks whole again."""
    with container.locked():
        container.reload()
        networks = _networks(container)
        if container.status not in _LIVE:
            raise OcikitError(f"container {container.id} is not running: its networks cannot be reloaded")
        container.runtime.networks.reload(_request(container, list(networks), publish=True))


def _networks(container: Container) -> dict[str, Any]:
    """The networks of a container on bridges; raises for other modes."""
    mode = str(container.config.get("networkMode") or "").partition(":")[0]
    if mode not in ("", "bridge") or not container.config.get("createNetNS"):
        raise OcikitError(f'"{mode}" is not supported: invalid network mode')
    return dict(container.config.get("newNetworks") or {})


def _request(container: Container, names: Sequence[str], *, publish: bool) -> SetupRequest:
    """The container's request cut down to some networks."""
    from ocikit.libpod.container.network import request

    whole = request(container)
    whole.networks = {name: whole.networks[name] for name in names}
    if not publish or container.runtime.rootless:
        whole.ports = []
    # addresses that it holds are asked for again, so that nothing moves
    status = container.state.get("networkStatus") or {}
    for name, per in whole.networks.items():
        held = [
            s["ipnet"].split("/")[0]
            for i in (status.get(name, {}).get("interfaces") or {}).values()
            for s in i["subnets"]
        ]
        per.static_ips = held or per.static_ips
    return whole


def _edit(container: Container, path: str, change: Any) -> None:
    """Rewrites one of the container's files in place: it is bind-mounted, so the inode must stay."""
    file = (container.state.get("bindMounts") or {}).get(path)
    if not file or not os.path.exists(file):
        return
    with open(file, "r+", encoding="utf-8", errors="surrogateescape") as stream:
        text = change(stream.read())
        stream.seek(0)
        stream.truncate()
        stream.write(text)


def _event(container: Container, status: str, network: str) -> None:
    container.runtime.events.write(
        "network", status, {}, ID=container.id, Name=container.name, Network=network, Type="network"
    )
