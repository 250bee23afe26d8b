"""Setting up and tearing down one container's networks: leases, links, rules, names, in that order."""

from __future__ import annotations

import os

from . import firewall, netns
from .drivers import Attachment, bridge, free_interface, plugin
from .errors import InvalidNetwork, NetworkError
from .ipam import LeaseFile
from .netlink import Netlink, set_link

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .dns.control import Starting
    from .networks import Networks
    from .nft import Transaction
    from .records import Json, NetworkConfig, PerNetwork, SetupRequest

LOOPBACK = 1
LINK_DRIVERS = ("macvlan", "ipvlan")


def uses_leases(config: NetworkConfig) -> bool:
    """Whether addresses of the network are kept in ``ipam.db``."""
    return bool(config.subnets) and config.ipam_driver == "host-local"


def has_rules(nets: Networks, config: NetworkConfig) -> bool:
    """Whether the firewall knows the network."""
    return config.driver == "bridge" and bridge.managed(config) and nets.firewall_driver != "none"


def network_rules(nets: Networks, config: NetworkConfig) -> firewall.NetworkRules:
    """A network as the firewall sees it."""
    isolate = config.options.get("isolate", "")
    isolation = ""
    if config.internal:
        isolation = firewall.INTERNAL
    elif isolate == "strict":
        isolation = firewall.STRICT
    elif config.option_true("isolate"):
        isolation = firewall.ISOLATE
    subnets = [(subnet.subnet, subnet.gateway) for subnet in config.subnets]
    port = nets.dns_port if config.dns_enabled else 53
    return firewall.NetworkRules(config.id, config.network_interface, subnets, isolation, port)


def check_firewall(nets: Networks) -> None:
    """Refuses a firewall driver that we are not."""
    if nets.firewall_driver not in ("", "nftables", "none"):
        raise InvalidNetwork(
            f'firewall driver "{nets.firewall_driver}" is not supported',
            hint='set firewall_driver="nftables" (or "none") in the [network] table of containers.conf',
        )


def setup(nets: Networks, netns_path: str, request: SetupRequest) -> dict[str, Json]:
    """See ``Networks.setup``."""
    check_firewall(nets)
    if not nets.rootless or not request.networks:
        return _setup(nets, netns_path, request)
    from .rootless import shared

    with nets.lock:  # the child that joins the shared namespace works under our lock
        return shared.attach(nets, lambda: _setup(nets, netns_path, request), len(request.networks))


def _setup(nets: Networks, netns_path: str, request: SetupRequest) -> dict[str, Json]:
    ns_fd = netns.open_fd(netns_path)
    try:
        inside = netns.run_in(ns_fd, Netlink)
        try:
            inside.do("bring loopback up", set_link(LOOPBACK, up=True))
            if not request.networks:
                return {}
            with nets.lock:
                configs = [nets.files.get(name) for name in request.networks]
                return _setup_locked(nets, configs, request, inside, ns_fd, netns_path)
        finally:
            inside.close()
    finally:
        os.close(ns_fd)


def _setup_locked(
    nets: Networks,
    configs: list[NetworkConfig],
    request: SetupRequest,
    inside: Netlink,
    ns_fd: int,
    netns_path: str,
) -> dict[str, Json]:
    os.makedirs(nets.run_dir, 0o700, exist_ok=True)
    ips = _lease(nets, configs, request)
    host = Netlink()
    transaction: Transaction | None = None
    starting: Starting | None = None
    status: dict[str, Json] = {}
    try:
        # names first: a server that has to start, and nft, work while the links are made
        starting = _names_up(nets, configs, request, ips)
        lines = _rules_up(nets, configs, request, ips)
        if lines:
            from .nft import Transaction

            transaction = Transaction(lines)
        names = [per.interface_name for per in request.networks.values()]
        fresh = [c.name for c in configs if has_rules(nets, c) and host.link(c.network_interface) is None]
        for config, (_, per) in zip(configs, request.networks.items(), strict=True):
            interface = per.interface_name or free_interface(inside, names)
            names.append(interface)
            at = Attachment(config, per, interface, ips[config.name], host, inside, ns_fd, bool(request.ports))
            status[config.name] = _driver_setup(nets, at, netns_path, request)
            if config.dns_enabled:
                status[config.name]["dns_server_ips"] = [subnet.gateway for subnet in config.subnets if subnet.gateway]
                status[config.name]["dns_search_domains"] = ["dns.podman"]
        if transaction:
            waiting, transaction = transaction, None
            _applied(waiting, lines)
        for config in configs:
            if config.name in fresh:
                from .coexist import let_through

                let_through(nets.run_dir, network_rules(nets, config))
        if starting:
            ready, starting = starting, None
            ready.wait()
    except BaseException:
        for unfinished in (transaction, starting):
            try:
                if unfinished:
                    unfinished.wait()
            except NetworkError:
                pass
        try:
            _teardown_locked(nets, configs, request, host, inside, netns_path, linked=set(status))
        except (NetworkError, OSError):
            pass  # the first failure is the one to tell
        raise
    finally:
        host.close()
    return status


def _applied(transaction: Transaction, lines: list[str]) -> None:
    """Waits for the rules. Where a port still leads to a container that was killed without a teardown, it is taken over:
    whoever has reserved the port (``ports.reserve``) owns it."""
    from . import nft
    from .errors import SetupFailed

    try:
        transaction.wait()
    except SetupFailed:
        stale = nft.conflicting(lines)
        if not stale:
            raise
        nft.apply([*stale, *lines])


def _lease(nets: Networks, configs: Sequence[NetworkConfig], request: SetupRequest) -> dict[str, list[str]]:
    """Addresses on every network, on disk before anything is set up."""
    ips: dict[str, list[str]] = {config.name: [] for config in configs}
    wanted = dict(zip([config.name for config in configs], request.networks.values(), strict=True))
    if not any(uses_leases(config) for config in configs):
        return ips
    file = LeaseFile(nets.lease_path)
    leases = file.load()
    for config in configs:
        if uses_leases(config):
            ips[config.name] = leases.allocate(config, request.container_id, wanted[config.name].static_ips)
    file.save(leases)
    return ips


def _driver_setup(nets: Networks, at: Attachment, netns_path: str, request: SetupRequest) -> Json:
    driver = at.config.driver
    if driver == "bridge":
        return {"interfaces": bridge.setup(at)}
    if driver in LINK_DRIVERS:
        from .drivers import stacked

        return {"interfaces": stacked.setup(at)}
    from .drivers import external

    return external.setup(plugin(driver, nets.plugin_dirs), netns_path, at, request)


def _rules_up(
    nets: Networks, configs: Sequence[NetworkConfig], request: SetupRequest, ips: dict[str, list[str]]
) -> list[str]:
    lines: list[str] = []
    ports = request.ports
    for config in configs:
        if not has_rules(nets, config):
            continue
        rules = network_rules(nets, config)
        lines += firewall.network_up(rules)
        if not config.internal:
            lines += firewall.ports_up(firewall.PortRules(rules, request.container_id, ips[config.name], ports))
            ports = []  # one port leads to one place: the first network that can take them
    return firewall.ordered(firewall.skeleton() + lines) if lines else []


def reload(nets: Networks, request: SetupRequest) -> None:
    """See ``Networks.reload``."""
    with nets.lock:
        configs = [nets.files.get(name) for name in request.networks]
        leases = LeaseFile(nets.lease_path).load()
        ips = {config.name: leases.held(config.name, request.container_id) for config in configs}
        lines = _rules_up(nets, configs, request, ips)
        if lines:
            from .nft import apply

            apply(lines)
        with Netlink() as host:
            for config in configs:
                if config.driver == "bridge":
                    bridge.ensure_bridge(host, config)
                if has_rules(nets, config):
                    from .coexist import let_through

                    let_through(nets.run_dir, network_rules(nets, config))
        starting = _names_up(nets, configs, request, ips)
        if starting:
            starting.wait()


def _names_up(
    nets: Networks, configs: Sequence[NetworkConfig], request: SetupRequest, ips: dict[str, list[str]]
) -> Starting | None:
    items = [
        (config, per, ips[config.name])
        for config, per in zip(configs, request.networks.values(), strict=True)
        if config.dns_enabled
    ]
    if not items:
        return None
    from .dns import control

    return control.add(nets, items, request)


def teardown(nets: Networks, netns_path: str, request: SetupRequest) -> None:
    """See ``Networks.teardown``."""
    if not nets.rootless or not request.networks:
        _teardown(nets, netns_path, request)
        return
    from .rootless import shared

    def work() -> dict[str, Json]:
        _teardown(nets, netns_path, request)
        return {}

    with nets.lock:
        shared.detach(nets, work, len(request.networks))


def _teardown(nets: Networks, netns_path: str, request: SetupRequest) -> None:
    inside: Netlink | None = None
    if netns.exists(netns_path):
        ns_fd = netns.open_fd(netns_path)
        try:
            inside = netns.run_in(ns_fd, Netlink)
        finally:
            os.close(ns_fd)
    try:
        with nets.lock, Netlink() as host:
            configs = []
            networks: dict[str, PerNetwork] = {}
            for name, per in request.networks.items():
                try:
                    config = nets.files.get(name)
                except NetworkError:
                    continue  # its file was removed by hand: what is left of it ends with its links
                configs.append(config)
                networks[name] = per
            request = _with_networks(request, networks)
            _teardown_locked(nets, configs, request, host, inside, netns_path)
    finally:
        if inside:
            inside.close()


def _with_networks(request: SetupRequest, networks: dict[str, PerNetwork]) -> SetupRequest:
    from .records import SetupRequest

    return SetupRequest(request.container_id, request.container_name, networks, request.ports)


def _teardown_locked(
    nets: Networks,
    configs: Sequence[NetworkConfig],
    request: SetupRequest,
    host: Netlink,
    inside: Netlink | None,
    netns_path: str,
    linked: set[str] | None = None,
) -> None:
    """``linked`` are the networks whose links are ours to remove: all, unless a set-up broke off."""
    from .networks import collect

    steps: list[Callable[[], object]] = []
    removal = firewall.Removal()
    names = _interfaces(configs, request)
    publisher = next((config.name for config in configs if has_rules(nets, config) and not config.internal), "")
    for config in configs:
        last = config.driver == "bridge" and bridge.is_last(host, inside, config, names[config.name])
        if has_rules(nets, config):
            rules = network_rules(nets, config)
            if config.name == publisher:
                # any address of each version will do: elements are deleted by their keys
                places = [subnet.split("/")[0] for subnet, _ in rules.subnets]
                removal += firewall.ports_down(firewall.PortRules(rules, request.container_id, places, request.ports))
            if last:
                removal += firewall.network_down(rules)
                steps.append(_take_back(nets, rules))
        ours = inside if linked is None or config.name in linked else None
        steps.append(_link_removal(nets, config, names[config.name], last, request, host, ours, netns_path))
        if config.dns_enabled:
            steps.append(_name_removal(nets, config, request.container_id))
    if removal.chains:
        from .nft import RunningRemoval

        running: list[RunningRemoval] = []
        steps.insert(0, lambda: running.append(RunningRemoval(removal)))  # nft works while the kernel removes links
        steps.append(lambda: running[0].wait() if running else None)
    steps.append(lambda: _release(nets, configs, request.container_id))
    collect(steps)


def _link_removal(
    nets: Networks,
    config: NetworkConfig,
    interface: str,
    last: bool,
    request: SetupRequest,
    host: Netlink,
    inside: Netlink | None,
    netns_path: str,
) -> Callable[[], None]:
    def work() -> None:
        if config.driver == "bridge":
            bridge.teardown(host, inside, config, interface, last)
        elif config.driver in LINK_DRIVERS:
            from .drivers import stacked

            stacked.teardown(inside, interface)
        else:
            from .drivers import external

            external.teardown(plugin(config.driver, nets.plugin_dirs), netns_path, config, interface, request)

    return work


def _take_back(nets: Networks, rules: firewall.NetworkRules) -> Callable[[], None]:
    def work() -> None:
        if os.path.isdir(os.path.join(nets.run_dir, "firewall")):
            from .coexist import take_back

            take_back(nets.run_dir, rules)

    return work


def _name_removal(nets: Networks, config: NetworkConfig, container_id: str) -> Callable[[], None]:
    def work() -> None:
        from .dns import control

        control.remove(nets, config, container_id)

    return work


def _release(nets: Networks, configs: Sequence[NetworkConfig], container_id: str) -> None:
    held = [config for config in configs if uses_leases(config)]
    file = LeaseFile(nets.lease_path)
    if not held or not os.path.exists(file.path):
        return
    leases = file.load()
    for config in held:
        leases.release(config.name, container_id)
    file.save(leases)


def _interfaces(configs: Sequence[NetworkConfig], request: SetupRequest) -> dict[str, str]:
    """The interface names that ``setup`` chose, for requests that do not say them."""
    names: dict[str, str] = {}
    taken = [per.interface_name for per in request.networks.values() if per.interface_name]
    for config, per in zip(configs, request.networks.values(), strict=True):
        name = per.interface_name
        number = 0
        while not name:
            if f"eth{number}" not in taken:
                name = f"eth{number}"
            number += 1
        taken.append(name)
        names[config.name] = name
    return names
