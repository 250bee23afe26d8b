"""What the network commands share: opening networks from the global flags, filters, printing."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from ocikit.common.cli.program import Context
    from ocikit.network import NetworkConfig, Networks

GO_INDENT = "     "


def open_networks(ctx: Context) -> Networks:
    """The networks that the global flags describe; no store and no database are opened for that."""
    from ocikit.common.config import is_rootless, load_containers_conf
    from ocikit.network import Networks

    graphroot = ctx.globals.root or ""
    rootless = is_rootless()
    if rootless and not graphroot and not ctx.globals.network_config_dir:
        from ocikit.storage.config import settle

        graphroot = settle().graphroot
    nets = Networks.open(
        ctx.globals.network_config_dir or None, conf=load_containers_conf(), rootless=rootless, graphroot=graphroot
    )
    nets.files.warn = ctx.warn
    return nets


def struct(config: NetworkConfig, *, full_id: bool = True) -> dict[str, Any]:
    """A network under the field names that Go templates use."""
    return {
        "Name": config.name,
        "ID": config.id if full_id else config.id[:12],
        "Driver": config.driver,
        "NetworkInterface": config.network_interface,
        "Created": config.created,
        "Subnets": [
            {
                "Subnet": subnet.subnet,
                "Gateway": subnet.gateway,
                "LeaseRange": {"StartIP": subnet.lease_start, "EndIP": subnet.lease_end},
            }
            for subnet in config.subnets
        ],
        "Routes": [
            {"Destination": route.destination, "Gateway": route.gateway, "Metric": route.metric}
            for route in config.routes
        ],
        "IPv6Enabled": config.ipv6_enabled,
        "Internal": config.internal,
        "DNSEnabled": config.dns_enabled,
        "NetworkDNSServers": config.network_dns_servers,
        "Labels": config.labels,
        "Options": config.options,
        "IPAMOptions": config.ipam_options,
    }


def matching(
    configs: Iterable[NetworkConfig], filters: Sequence[str], used: Iterable[str] = (), *, prune: bool = False
) -> list[NetworkConfig]:
    """The networks that pass every ``key=value``; values of one key are alternatives. ``used`` are names of networks that
    containers use (for ``dangling``). ``prune`` knows fewer keys, as podman-network-prune(1) says."""
    from ocikit.common.errors import UsageError

    known = ("label", "label!", "until") if prune else ("dangling", "driver", "id", "label", "label!", "name", "until")
    by_key: dict[str, list[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise UsageError(
                f'invalid argument "{text}" for "--filter" flag: {text} must be formatted as key=value', hint="-"
            )
        if key not in known:
            raise UsageError(f'invalid filter "{key}"', hint="-")
        by_key.setdefault(key, []).append(value)
    busy = set(used)
    return [config for config in configs if all(_passes(config, key, by_key[key], busy) for key in by_key)]


def _passes(config: NetworkConfig, key: str, values: list[str], used: set[str]) -> bool:
    if key == "driver":
        return config.driver in values
    if key == "id":
        return any(config.id.startswith(value) for value in values)
    if key == "name":
        import re

        return any(re.search(value, config.name) for value in values)
    if key == "until":
        return all(_seconds(config.created) < _moment(value) for value in values)
    if key == "dangling":
        return any((config.name not in used) == (value in ("true", "1")) for value in values)
    found = all(_labelled(config, value) for value in values)
    return found if key == "label" else not found


def _labelled(config: NetworkConfig, value: str) -> bool:
    name, equals, wanted = value.partition("=")
    return name in config.labels and (not equals or config.labels[name] == wanted)


def _seconds(created: str) -> float:
    """RFC 3339 with nanoseconds, which ``fromisoformat`` of Python 3.11 takes when cut to microseconds."""
    from datetime import datetime

    head, dot, rest = created.partition(".")
    if dot:
        end = next((i for i, c in enumerate(rest) if not c.isdigit()), len(rest))
        created = f"{head}.{rest[:end][:6]:0<6}{rest[end:]}"
    return datetime.fromisoformat(created).timestamp()


def _moment(value: str) -> float:
    """``10m`` ago, a Unix time, or a date."""
    import time
    from datetime import datetime

    from ocikit.common.errors import UsageError
    from ocikit.common.units import parse_duration

    try:
        return float(value)
    except ValueError:
        pass
    try:
        return time.time() - parse_duration(value)
    except ValueError:
        pass
    try:
        return datetime.fromisoformat(value).timestamp()
    except ValueError:
        raise UsageError(
            f'invalid filter until="{value}": use a duration (10m), a Unix time or a date', hint="-"
        ) from None


def go_json(documents: object) -> str:
    """As podman prints documents."""
    from ocikit.common.jsonfast import dumps_go

    return dumps_go(documents, indent=GO_INDENT) + "\n"


def complain(error: Exception) -> None:
    """One of several names failed: its sentence on stderr, the rest goes on."""
    sys.stdout.flush()
    sys.stderr.write(f"Error: {error}\n")
