"""The network of one container: set up beside the rest of the preparation, texts of hosts and resolv.conf, taking down."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.container.record import Container
    from ocikit.network.background import SetupJob
    from ocikit.network.records import SetupRequest


def mode(container: Container) -> str:
    """bridge, none, host, container, ns, slirp4netns or pasta."""
    return str(container.config.get("networkMode") or "").partition(":")[0] or "bridge"


def request(container: Container) -> SetupRequest:
    """What the network library needs to know."""
    from ocikit.network.records import PerNetwork, PortMapping, SetupRequest

    config = container.config
    ports = [PortMapping.from_json(record) for record in config.get("newPortMappings") or ()]
    wanted = {}
    for name, entry in (config.get("newNetworks") or {}).items():
        per = PerNetwork.from_json(entry)
        aliases = [config["name"], *(alias for alias in per.aliases if alias != config["name"])]
        hostname = config["spec"].get("hostname")
        if hostname and hostname not in aliases:
            aliases.append(hostname)
        per.aliases = aliases
        wanted[name] = per
    return SetupRequest(
        container_id=container.id,
        container_name=config["name"],
        networks=wanted,
        ports=ports,
        dns_servers=config.get("dnsServer") or (),
        container_hostname=hostname_of(container),
    )


def hostname_of(container: Container) -> str:
    """The container's host name: given, or the first 12 digits of its id; the host's where they share it."""
    spec = container.config["spec"]
    if all(ns["type"] != "uts" for ns in spec["linux"]["namespaces"]) or (
        mode(container) == "host" and not spec.get("hostname")
    ):
        return os.uname().nodename
    return str(spec.get("hostname") or container.id[:12])


class Setup:
    """A set-up under way: ``join`` waits for it and puts the results into the container's state."""

    __slots__ = ("_container", "_job", "keep_fds", "netns")

    def __init__(self, container: Container, netns: str, job: SetupJob | None) -> None:
        self._container = container
        self._job = job
        self.netns = netns
        self.keep_fds: list[int] = []  # what the monitor has to hold until the container's end

    def close(self) -> None:
        """Closes our copies of ``keep_fds``."""
        for fd in self.keep_fds:
            os.close(fd)
        self.keep_fds = []

    def join(self) -> None:
        """Raises what the set-up raised."""
        if self._job is not None:
            job, self._job = self._job, None
            self._container.state["networkStatus"] = job.join()


def begin(container: Container) -> Setup | None:
    """Starts making the namespace and the interfaces; None where the container has no network of its own to set up."""
    if not container.config.get("createNetNS") or after_create(container):
        return None
    from ocikit.network import netns

    kind = mode(container)
    path = f"{netns.directory()}/{netns.new_name()}"
    if kind == "bridge":
        if container.runtime.rootless:
            netns.create(os.path.basename(path), os.path.dirname(path))
            from ocikit.libpod.container.rootlessnet import setup_bridge

            container.state["netns"] = path
            setup = Setup(container, path, None)
            container.state["networkStatus"], setup.keep_fds = setup_bridge(container, path)
            return setup
        asked = request(container)
        held: list[int] = []
        if asked.ports:
            # bound before anything is made: a port that is taken fails here, and nobody takes it while the monitor lives
            from ocikit.network import ports

            held = ports.reserve(asked.ports)
        job = container.runtime.networks.start_setup(path, asked, make_netns=True)
        container.state["netns"] = path
        setup = Setup(container, path, job)
        setup.keep_fds = held
        return setup
    netns.create(os.path.basename(path), os.path.dirname(path))
    container.state["netns"] = path
    from ocikit.libpod.container.rootlessnet import setup_user_mode

    setup = Setup(container, path, None)
    setup.keep_fds = setup_user_mode(container, path, kind)
    return setup


def after_create(container: Container) -> bool:
    """With a user namespace of its own the container must own its network namespace, too (or it may not mount /sys): the
    runtime makes it, and the interfaces come when it is there."""
    maps = container.config.get("idMappingsOptions") or {}
    return bool(container.config.get("createNetNS") and maps.get("UIDMap") and mode(container) == "bridge")


def complete(container: Container, pid: int) -> None:
    """Gives the namespace of a created container its place, its interfaces and, once more, its files."""
    from ocikit.common import linux
    from ocikit.network import netns

    path = f"{netns.directory()}/{netns.new_name()}"
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    linux.mount(f"/proc/{pid}/ns/net", path, None, linux.MS_BIND)
    container.state["netns"] = path
    container.state["networkStatus"] = container.runtime.networks.setup(path, request(container))
    write_files(container, container.run_dir)


def in_background(container: Container) -> bool:
    """Whether ``begin`` returns at once and no descriptor comes out of it, so that the monitor may start before."""
    kind = mode(container)
    if kind == "bridge":
        return not container.runtime.rootless and not container.config.get("newPortMappings")
    return kind in ("pasta", "none", "host", "container", "ns")


def end(container: Container) -> None:
    """Takes the network down and forgets it; a namespace that is gone already is fine."""
    state = container.state
    path = state.get("netns")
    if not path:
        return
    from ocikit.network import netns

    kind = mode(container)
    try:
        if kind == "bridge":
            if container.runtime.rootless:
                from ocikit.libpod.container.rootlessnet import teardown_bridge

                teardown_bridge(container, path)
            else:
                container.runtime.networks.teardown(path, request(container))
        elif kind in ("pasta", "slirp4netns"):
            from ocikit.libpod.container.rootlessnet import teardown_user_mode

            teardown_user_mode(container)
    finally:
        netns.remove(path)
        state.pop("netns", None)
        state.pop("networkStatus", None)


class Ending:
    """A teardown under way: the kernel takes some 20 ms over each link, in which mounts can go. Calling it waits."""

    __slots__ = ("_job",)

    def __init__(self, container: Container) -> None:
        self._job: SetupJob | None = None
        path = container.state.get("netns")
        if path and mode(container) == "bridge" and not container.runtime.rootless:
            self._job = container.runtime.networks.start_teardown(path, request(container))

    def __call__(self, container: Container) -> None:
        if self._job is None:
            end(container)
            return
        try:
            self._job.join()
        finally:
            container.state.pop("netns", None)
            container.state.pop("networkStatus", None)


def write_files(container: Container, run_dir: str) -> dict[str, str]:
    """Writes hosts, resolv.conf and hostname below the run directory; {container path: file} for the bind mounts."""
    config = container.config
    binds: dict[str, str] = {}
    kind = mode(container)
    if kind == "container":
        other = container.runtime.containers.get(config["netNsCtr"])
        shared = other.state.get("bindMounts") or {}
        binds = {path: shared[path] for path in ("/etc/resolv.conf", "/etc/hosts") if path in shared}
        if "/etc/hosts" in binds:
            _append_hosts(binds["/etc/hosts"], f"127.0.0.1\t{hostname_of(container)} {container.name}\n")
    else:
        if not config.get("UseImageResolvConf") and kind != "none":
            binds["/etc/resolv.conf"] = _write(f"{run_dir}/resolv.conf", _resolv_text(container, kind))
        if not config.get("UseImageHosts"):
            binds["/etc/hosts"] = _write(f"{run_dir}/hosts", _hosts_text(container, kind))
    if not config.get("useImageHostname"):
        binds["/etc/hostname"] = _write(f"{run_dir}/hostname", hostname_of(container) + "\n")
    return binds


def _append_hosts(path: str, line: str) -> None:
    try:
        with open(path, "r+", encoding="utf-8") as file:
            if line not in file.read():
                file.write(line)
    except OSError:
        pass


def _write(path: str, text: str) -> str:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.fchmod(fd, 0o644)
        os.write(fd, text.encode())
    finally:
        os.close(fd)
    return path


def _resolv_text(container: Container, kind: str) -> str:
    from ocikit.network import files

    config = container.config
    servers, domains = files.status_servers(container.state.get("networkStatus") or {})
    forwarders = (container.state.get("userNet") or {}).get("dns") or []
    return files.make_resolv_conf(
        host=files.host_resolv_conf(),
        servers=config.get("dnsServer") or (),
        search=config.get("dnsSearch") or (),
        options=config.get("dnsOption") or (),
        network_servers=servers,
        network_search=domains,
        forwarders=forwarders,
        keep_loopback=kind == "host",
    )


def _hosts_text(container: Container, kind: str) -> str:
    from ocikit.network import files

    config = container.config
    settings = container.runtime.settings
    status = container.state.get("networkStatus") or {}
    base_name = config.get("baseHostsFile") or ""
    if base_name in ("", "/etc/hosts"):
        base_path = "/etc/hosts"
    elif base_name == "none":
        base_path = ""
    elif base_name == "image":
        base_path = f"{container.state.get('mountPoint', '')}/etc/hosts"
    else:
        base_path = base_name
    base: list[tuple[str, list[str]]] = []
    if base_path:
        try:
            with open(base_path, encoding="utf-8", errors="replace") as file:
                base = files.parse_hosts(file.read())
        except OSError as error:
            if base_name not in ("", "image"):
                raise OcikitError(f"open {base_path}: {(error.strerror or '').lower()}") from None
    configured = settings.host_containers_internal_ip
    internal = configured if configured != "none" else ""
    if not internal and configured != "none":
        if kind == "bridge":
            internal = files.host_internal_address(status)
        elif kind in ("pasta", "slirp4netns"):
            internal = (container.state.get("userNet") or {}).get("host") or ""
        elif kind in ("none", "host") and _needs_internal(config):
            internal = next(iter(files.host_addresses()), "")
    names = [hostname_of(container), container.name]
    own: list[tuple[str, list[str]]] = []
    if kind == "bridge":
        own = [(address, names) for address, _ in files.status_addresses(status)]
    elif kind in ("slirp4netns", "pasta"):
        own = [(address, names) for address in ((container.state.get("userNet") or {}).get("own") or ())[:1]]
    elif kind == "none":
        own = [("127.0.0.1", names)]
    extra = [files.parse_add_host(word, internal) for word in config.get("hostsAdd") or ()]
    return files.make_hosts(base=base, extra=extra, own=own, host_internal=internal)


def _needs_internal(config: dict[str, Any]) -> bool:
    """Asking the kernel for addresses costs a netlink library; without a network only ``host-gateway`` needs them."""
    return config.get("networkMode") == "host" or any("host-gateway" in word for word in config.get("hostsAdd") or ())
