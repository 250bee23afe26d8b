"""The network of a RUN step: none, the host's, a bridge for root, pasta or slirp4netns for an ordinary user.

Source: the specification of builds, 12 and 18; buildah-build(1), ``--network``.
"""

from __future__ import annotations

import os

from ocikit.libpod.build.errors import BuildError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from ocikit.libpod.build.surroundings import Surroundings
    from ocikit.network import Networks
    from ocikit.network.records import SetupRequest

USER_MODES = ("pasta", "slirp4netns")


def network_mode(text: str, *, rootless: bool) -> str:
    """What ``--network`` means here: "none", "host", "pasta", "slirp4netns", "bridge", "network:NAME" or "ns:PATH"."""
    if text in ("", "default", "private", "bridge"):
        return "private" if rootless else "bridge"
    if text in ("none", "host", *USER_MODES) or text.startswith("ns:"):
        return text
    return f"ns:{text}" if text.startswith("/") else f"network:{text}"


def _user_program(warn: Callable[[str], None]) -> str:
    """pasta or slirp4netns; the host's network, with a warning, where neither can work (a build should not fail for that)."""
    from ocikit.common.errors import OcikitError
    from ocikit.network.rootless.programs import default_program

    try:
        program = default_program()
        os.close(os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC))
    except (OcikitError, OSError) as error:
        warn(f"RUN uses the host's network: an ordinary user's own needs pasta and /dev/net/tun ({error})")
        return "host"
    return program


class StepNetwork:
    """A context manager: attached inside, nothing left afterwards. The attributes are what generated files need."""

    def __init__(
        self, mode: str, container_id: str, hostname: str, around: Surroundings, warn: Callable[[str], None]
    ) -> None:
        self.id, self.hostname, self.around = container_id, hostname, around
        self.kind, _, self.name = mode.partition(":")
        if self.kind == "private":
            self.kind = _user_program(warn)
        self.netns = self.name if self.kind == "ns" else ""
        self.own: list[str] = []
        self.servers: list[str] = []
        self.search: list[str] = []
        self.forwarders: list[str] = []
        self.host_address = ""
        self._networks: Networks | None = None
        self._request: SetupRequest | None = None
        self._exit_fd = -1

    @property
    def isolated(self) -> bool:
        """Whether the step has a network namespace that is not the host's."""
        return self.kind != "host"

    def prepare(self) -> None:
        """Makes the namespace; the step's configuration names it."""
        if self.kind not in ("none", "host", "ns"):
            from ocikit.network import netns

            self.netns = netns.create()

    def __enter__(self) -> StepNetwork:
        try:
            if self.kind in USER_MODES:
                self._user_mode()
            elif self.kind in ("bridge", "network"):
                self._bridge()
            elif self.kind == "host":
                from ocikit.network import files

                self.host_address = files.host_internal_address({})
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(self, *error: object) -> None:
        try:
            if self._networks is not None and self._request is not None:
                self._networks.teardown(self.netns, self._request)
            if self._exit_fd >= 0:
                os.close(self._exit_fd)
        finally:
            self._remove()

    def _remove(self) -> None:
        if self.netns and self.kind != "ns":
            from ocikit.network import netns

            netns.remove(self.netns)
            self.netns = ""

    def _user_mode(self) -> None:
        if self.kind == "pasta":
            from ocikit.network.rootless import pasta

            result = pasta.start(self.netns)
            self.own, self.forwarders, self.host_address = result.own, result.dns_forwarders, result.map_guest
            return
        from ocikit.network.rootless import slirp4netns

        started = slirp4netns.start(self.netns, slirp4netns.parse_options(()))
        self._exit_fd = started.exit_fd
        self.own, self.forwarders, self.host_address = [started.address], [started.dns], "10.0.2.2"

    def _bridge(self) -> None:
        from ocikit.common.errors import NotFound
        from ocikit.network import files
        from ocikit.network.records import PerNetwork, SetupRequest

        networks = self.around.networks()
        name = self.name or networks.default_name
        try:
            networks.get(name)
        except NotFound as error:
            raise BuildError(f"setup network: {error}", hint=error.hint) from None
        per_network = {name: PerNetwork(interface_name="eth0")}
        request = SetupRequest(self.id, self.hostname, per_network, container_hostname=self.hostname)
        status: dict[str, Any] = networks.setup(self.netns, request)
        self._networks, self._request = networks, request
        self.own = [address for address, _ in files.status_addresses(status)]
        self.servers, self.search = files.status_servers(status)
        self.host_address = files.host_internal_address(status)
