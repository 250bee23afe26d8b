"""The network files: one ``NAME.json`` each in the config directory, shared with Podman (spec: network.md, section 1)."""

from __future__ import annotations

import os

from .address import Prefix
from .errors import NetworkError, NetworkUnknown
from .records import DEFAULT_ID, DEFAULT_NAME, DEFAULT_SUBNET, NetworkConfig, Subnet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_FIRST = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
_NAME = frozenset(_FIRST + "_.-")


def valid_name(name: str) -> bool:
    """Whether the name matches ``[a-zA-Z0-9][a-zA-Z0-9_.-]*``."""
    return bool(name) and name[0] in _FIRST and _NAME.issuperset(name)


def now() -> str:
    """The present as RFC 3339 with nanoseconds and the local offset, as Go writes it."""
    import time

    stamp = time.time_ns()
    local = time.localtime(stamp // 1_000_000_000)
    fraction = f"{stamp % 1_000_000_000:09d}".rstrip("0")
    offset = local.tm_gmtoff // 60
    zone = "Z" if not offset else f"{'+' if offset > 0 else '-'}{abs(offset) // 60:02d}:{abs(offset) % 60:02d}"
    return time.strftime("%Y-%m-%dT%H:%M:%S", local) + (f".{fraction}" if fraction else "") + zone


class NetworkFiles:
    """The config directory. ``warn`` gets one sentence for each file that is skipped."""

    __slots__ = ("default_name", "default_subnet", "folder", "warn")

    def __init__(
        self,
        folder: str,
        default_name: str = DEFAULT_NAME,
        default_subnet: str = DEFAULT_SUBNET,
        warn: Callable[[str], None] | None = None,
    ) -> None:
        self.folder = folder
        self.default_name = default_name
        self.default_subnet = default_subnet
        self.warn = warn

    def default(self) -> NetworkConfig:
        """The default network, which has no file until the user makes one of its name."""
        prefix = Prefix.parse(self.default_subnet)
        from .address import format_ip

        gateway = format_ip((prefix.version, prefix.base + 1))
        return NetworkConfig(
            self.default_name,
            id=DEFAULT_ID,
            network_interface="podman0",
            created=now(),
            subnets=[Subnet(str(prefix), gateway)],
            ipv6_enabled=prefix.version == 6,
            ipam_options={"driver": "host-local"},
        )

    def names(self) -> list[str]:
        """The stems of the files, sorted."""
        try:
            entries = os.listdir(self.folder)
        except OSError:
            return []
        return sorted(entry[:-5] for entry in entries if entry.endswith(".json") and not entry.startswith("."))

    def load(self, name: str) -> NetworkConfig | None:
        """One file, None where it is missing or does not count (with a warning)."""
        from ocikit.common.files import read_small
        from ocikit.common.jsonfast import loads

        path = os.path.join(self.folder, f"{name}.json")
        try:
            doc = loads(read_small(path))
            config = NetworkConfig.from_json(doc)
            for subnet in config.subnets:
                Prefix.parse(subnet.subnet)
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError, AttributeError, NetworkError) as error:
            return self._skipped(f"Error loading network config file {path}: {error}")
        if config.name != name:
            return self._skipped(
                f'Network config name "{config.name}" does not match file name "{name}.json", skipping'
            )
        if not valid_name(name):
            return self._skipped(f'Network config "{name}.json" has invalid name: "{name}", skipping')
        if len(config.id) != 64:
            return self._skipped(f'Network config "{name}.json" could not be parsed, skipping: invalid network ID')
        return config

    def _skipped(self, text: str) -> NetworkConfig | None:
        if self.warn:
            self.warn(text)
        return None

    def all(self) -> list[NetworkConfig]:
        """Every network, the default one included, sorted by name."""
        found = {name: config for name in self.names() if (config := self.load(name))}
        if self.default_name not in found:
            found[self.default_name] = self.default()
        return [found[name] for name in sorted(found)]

    def get(self, name_or_id: str) -> NetworkConfig:
        """By name, id, or unique beginning of an id; raises NetworkUnknown."""
        if valid_name(name_or_id):
            config = self.load(name_or_id)
            if config:
                return config
            if name_or_id == self.default_name:
                return self.default()
            matches = [config for config in self.all() if config.id.startswith(name_or_id)]
            exact = [config for config in matches if config.id == name_or_id]
            if len(exact or matches) == 1:
                return (exact or matches)[0]
            if matches:
                raise NetworkError(f"more than one result for network ID {name_or_id}")
        raise NetworkUnknown(f"unable to find network with name or ID {name_or_id}: network not found")

    def write(self, config: NetworkConfig) -> None:
        """Writes the network's file, making the directory if need be."""
        from ocikit.common.files import atomic_write
        from ocikit.common.jsonfast import dumps_go

        try:
            os.makedirs(self.folder, 0o755, exist_ok=True)
            text = dumps_go(config.to_json(), indent="     ") + "\n"
            atomic_write(os.path.join(self.folder, f"{config.name}.json"), text.encode(), 0o644)
        except OSError as error:
            raise NetworkError(f"cannot write network {config.name} to {self.folder}: {error.strerror}") from None

    def delete(self, config: NetworkConfig) -> None:
        """Removes the network's file; the default network may have none."""
        try:
            os.unlink(os.path.join(self.folder, f"{config.name}.json"))
        except FileNotFoundError:
            pass
        except OSError as error:
            raise NetworkError(f"cannot remove network {config.name}: {error.strerror}") from None
