"""Facts of the host and of this process on which a container's configuration depends."""

from __future__ import annotations

import os

from ocikit.libpod.spec.defaults import ALL_CAPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


class Host:
    """The facts, gathered on first use; a test passes its own values to the constructor.

    ``rootless``: the caller's real uid is not 0 (this process may be root of a user namespace). ``cgroup_version`` is 1 or 2;
    ``cgroups_usable`` tells whether a container's cgroup may be made at all. ``rlimits`` maps "NOFILE" to (soft, hard) with
    -1 for unlimited.
    """

    def __init__(
        self,
        *,
        rootless: bool = False,
        cgroup_version: int | None = None,
        bounding: tuple[str, ...] | None = None,
        effective_resource: bool | None = None,
        rlimits: Mapping[str, tuple[int, int]] | None = None,
        environ: Mapping[str, str] | None = None,
        machine: str = "",
    ) -> None:
        self.rootless = rootless
        self._cgroup_version = cgroup_version
        self._bounding = bounding
        self._resource = effective_resource
        self._rlimits = rlimits
        self.environ = os.environ if environ is None else environ
        self.machine = machine or os.uname().machine

    @property
    def has_message_queues(self) -> bool:
        """Whether the host shows its queues where containers in its IPC namespace get them from."""
        return os.path.isdir("/dev/mqueue")

    @property
    def cgroup_version(self) -> int:
        if self._cgroup_version is None:
            self._cgroup_version = 2 if os.path.exists("/sys/fs/cgroup/cgroup.controllers") else 1
        return self._cgroup_version

    @property
    def cgroups_usable(self) -> bool:
        """Rootless containers have no cgroup of their own on version 1 (libpod.md 4.2)."""
        return not (self.rootless and self.cgroup_version == 1)

    @property
    def bounding(self) -> tuple[str, ...]:
        """The capabilities that this process can hand to a container."""
        if self._bounding is None:
            self._read_status()
        assert self._bounding is not None
        return self._bounding

    @property
    def may_raise_limits(self) -> bool:
        """CAP_SYS_RESOURCE in the initial user namespace."""
        if self._resource is None:
            self._read_status()
        return bool(self._resource) and not self.rootless

    def _read_status(self) -> None:
        bounding = effective = (1 << len(ALL_CAPS)) - 1
        with open("/proc/self/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith("CapBnd:"):
                    bounding = int(line[7:], 16)
                elif line.startswith("CapEff:"):
                    effective = int(line[7:], 16)
        if self._bounding is None:
            self._bounding = tuple(cap for bit, cap in enumerate(ALL_CAPS) if bounding >> bit & 1)
        if self._resource is None:
            self._resource = bool(effective >> ALL_CAPS.index("CAP_SYS_RESOURCE") & 1)

    @property
    def rlimits(self) -> Mapping[str, tuple[int, int]]:
        if self._rlimits is None:
            import resource

            self._rlimits = {
                name[7:]: resource.getrlimit(getattr(resource, name))
                for name in dir(resource)
                if name.startswith("RLIMIT_") and name != "RLIMIT_OFILE"
            }
        return self._rlimits
