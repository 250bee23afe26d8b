"""The face of the library: networks, and containers' attachments to them."""

from __future__ import annotations

import os

from . import lock
from .errors import NetworkError
from .records import DEFAULT_NAME, DEFAULT_SUBNET
from .store import NetworkFiles

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

    from .background import SetupJob
    from .records import Json, NetworkConfig, SetupRequest

ROOT_CONFIG_DIR = "/etc/containers/networks"
ROOT_RUN_DIR = "/run/containers/networks"
PLUGIN_DIRS = (
    "/usr/local/libexec/netavark",
    "/usr/libexec/netavark",
    "/usr/local/lib/netavark",
    "/usr/lib/netavark",
)


class Networks:
    """Networks of one config directory. ``Networks.open()`` finds the usual places.

    Every method that reads and changes does so under the lock that the Go tools use as well.
    """

    __slots__ = (
        "default_pools",
        "dns_port",
        "files",
        "firewall_driver",
        "lock",
        "plugin_dirs",
        "rootless",
        "rootless_program",
        "run_dir",
    )

    def __init__(self, config_dir: str, run_dir: str, lock_path: str, *, rootless: bool = False) -> None:
        self.files = NetworkFiles(config_dir)
        self.run_dir = run_dir
        self.lock = lock.NetworkLock(lock_path)
        self.rootless = rootless
        self.firewall_driver = ""
        self.dns_port = 53
        self.rootless_program = ""
        self.default_pools: list[tuple[str, int]] = []
        self.plugin_dirs: tuple[str, ...] = PLUGIN_DIRS

    @classmethod
    def open(
        cls,
        config_dir: str | None = None,
        run_dir: str | None = None,
        conf: Any = None,
        rootless: bool = False,
        graphroot: str = "",
    ) -> Networks:
        """Networks in the usual or the given directories.

        ``conf`` is a ``ContainersConf`` (or anything with a ``network`` of the same attributes, containers.conf(5)).
        A user's networks (``rootless``) lie in ``<graphroot>/networks`` and under ``$XDG_RUNTIME_DIR``.
        """
        network = getattr(conf, "network", None)

        def setting(key: str, default: Any) -> Any:
            return getattr(network, key, None) or default

        config_dir = config_dir or setting("network_config_dir", "")
        if rootless:
            data = os.environ.get("XDG_DATA_HOME") or os.path.join(os.environ.get("HOME", "/"), ".local/share")
            config_dir = config_dir or os.path.join(graphroot or f"{data}/containers/storage", "networks")
            runtime = os.environ.get("XDG_RUNTIME_DIR") or f"/run/user/{os.getuid()}"
            run_dir = run_dir or os.path.join(runtime, "containers/networks")
            lock_path = os.path.join(config_dir, "netavark.lock")
        else:
            config_dir = config_dir or ROOT_CONFIG_DIR
            run_dir = run_dir or ROOT_RUN_DIR
            lock_path = lock.ROOT_LOCK
        self = cls(config_dir, run_dir, lock_path, rootless=rootless)
        self.files.default_name = setting("default_network", DEFAULT_NAME)
        self.files.default_subnet = setting("default_subnet", DEFAULT_SUBNET)
        self.firewall_driver = setting("firewall_driver", "")
        self.rootless_program = setting("default_rootless_network_cmd", "")
        self.dns_port = int(setting("dns_bind_port", 53))
        self.default_pools = [(str(pool["base"]), int(pool["size"])) for pool in setting("default_subnet_pools", ())]
        self.plugin_dirs = tuple(setting("netavark_plugin_dirs", PLUGIN_DIRS))
        return self

    @property
    def default_name(self) -> str:
        """The name of the network that containers join when told nothing else."""
        return self.files.default_name

    def list(self) -> list[NetworkConfig]:
        """Every network, sorted by name."""
        with self.lock:
            return self.files.all()

    def get(self, name_or_id: str) -> NetworkConfig:
        """One network by name, id or unique beginning of an id; raises NetworkUnknown."""
        return self.files.get(name_or_id)

    def exists(self, name_or_id: str) -> bool:
        """Whether there is such a network."""
        try:
            self.files.get(name_or_id)
        except NetworkError:
            return False
        return True

    def create(self, config: NetworkConfig, *, ignore_existing: bool = False) -> NetworkConfig:
        """Makes a network: fills in what is empty (id, name, bridge name, subnets), checks the rest, writes the file.

        Raises InvalidNetwork, NetworkExists or SubnetInUse, each naming the value at fault; nothing is written then.
        """
        from .create import create

        with self.lock:
            return create(self, config, ignore_existing=ignore_existing)

    def remove(self, name_or_id: str) -> NetworkConfig:
        """Removes a network's file and leases. That no container uses it is the caller's to know."""
        from .ipam import LeaseFile

        with self.lock:
            config = self.files.get(name_or_id)
            if config.name == self.default_name:
                raise NetworkError(f"default network {config.name} cannot be removed")
            self.files.delete(config)
            leases = LeaseFile(self.lease_path)
            if os.path.exists(leases.path):
                value = leases.load()
                if config.name.encode() in value.root:
                    value.forget_network(config.name)
                    leases.save(value)
            return config

    def set_dns_servers(self, name_or_id: str, add: Iterable[str] = (), drop: Iterable[str] = ()) -> NetworkConfig:
        """Adds and removes upstream DNS servers of a network, for containers that run as well."""
        from .create import update_dns_servers

        with self.lock:
            return update_dns_servers(self, name_or_id, list(add), list(drop))

    @property
    def lease_path(self) -> str:
        return os.path.join(self.run_dir, "ipam.db")

    def setup(self, netns_path: str, request: SetupRequest) -> dict[str, Json]:
        """Attaches a container's namespace to its networks and publishes its ports.

        Returns the status of each network, as Podman keeps it: ``{"br1": {"interfaces": {"eth0": {"mac_address": ..,
        "subnets": [{"ipnet": "10.89.0.2/24", "gateway": "10.89.0.1"}]}}, "dns_server_ips": [..],
        "dns_search_domains": [..]}}``. When anything fails, everything is taken back and SetupFailed (exit code 126)
        or a relative of it is raised.
        """
        from .attach import setup

        return setup(self, netns_path, request)

    def start_setup(self, netns_path: str, request: SetupRequest, *, make_netns: bool = False) -> SetupJob:
        """As ``setup``, in a forked child while the caller goes on; ``job.join()`` gives the same result or error.

        With ``make_netns`` the child first makes the namespace at that path.
        """
        from .background import start

        def work() -> dict[str, Json]:
            if make_netns:
                from . import netns

                netns.create(os.path.basename(netns_path), os.path.dirname(netns_path))
            return self.setup(netns_path, request)

        return start(work)

    def reload(self, request: SetupRequest) -> None:
        """Makes the rules, the bridges and the names of a running container whole again, after somebody flushed the
        firewall or killed the DNS server. Its links, addresses and connections stay as they are."""
        from .attach import reload

        if not self.rootless:
            reload(self, request)
            return
        from .rootless import shared

        def work() -> dict[str, Json]:
            reload(self, request)
            return {}

        with self.lock:
            shared.attach(self, work, 0)

    def publisher(self, names: Iterable[str]) -> str:
        """Of a container's networks, in order, the one that its published ports lead through; ``""`` for none."""
        from .attach import has_rules

        for name in names:
            config = self.files.get(name)
            if has_rules(self, config) and not config.internal:
                return config.name
        return ""

    def start_teardown(self, netns_path: str, request: SetupRequest, *, remove_netns: bool = True) -> SetupJob:
        """As ``teardown`` (and ``netns.remove``), in a forked child while the caller unmounts and removes files: the
        kernel takes some 20 ms to let go of each link. ``job.join()`` returns ``{}`` or raises."""
        from .background import start

        def work() -> dict[str, Json]:
            try:
                self.teardown(netns_path, request)
            finally:
                if remove_netns:
                    from . import netns

                    netns.remove(netns_path)
            return {}

        return start(work)

    def teardown(self, netns_path: str, request: SetupRequest) -> None:
        """Detaches the container again; whatever is gone already is no error.

        Goes through all steps even when one fails, then raises the first failure.
        """
        from .attach import teardown

        teardown(self, netns_path, request)


def collect(steps: Iterable[Callable[[], object]]) -> None:
    """Runs all steps and raises the first error at the end."""
    first: Exception | None = None
    for step in steps:
        try:
            step()
        except (NetworkError, OSError) as error:
            first = first or error
    if first:
        raise first
