"""``podman stats``: what a container uses, read from its cgroup and namespaces (libpod.md section 8)."""

from __future__ import annotations

import os
import time

from ocikit.common.errors import OcikitError
from ocikit.common.units import docker_size
from ocikit.libpod import times
from ocikit.libpod.container.record import PAUSED, RUNNING, Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class Sample:
    """One look: bytes, nanoseconds of processor time, counts."""

    __slots__ = ("block_in", "block_out", "cpu_ns", "memory", "memory_limit", "net_in", "net_out", "pids", "when_ns")

    def __init__(self) -> None:
        self.when_ns = time.time_ns()
        self.cpu_ns = self.memory = self.memory_limit = self.pids = 0
        self.net_in = self.net_out = self.block_in = self.block_out = 0


def _cgroups(pid: int) -> dict[str, str]:
    """Controller -> directory; "" is the unified hierarchy."""
    result: dict[str, str] = {}
    try:
        with open(f"/proc/{pid}/cgroup", encoding="utf-8") as file:
            for line in file:
                _, names, path = line.strip().split(":", 2)
                for name in names.split(","):
                    base = "/sys/fs/cgroup" if not name else f"/sys/fs/cgroup/{name.removeprefix('name=')}"
                    result[name] = base + path
    except (OSError, ValueError):
        pass
    return result


def _read(path: str) -> int:
    try:
        with open(path, encoding="utf-8") as file:
            text = file.read().strip()
        return 0 if text == "max" else int(text)
    except (OSError, ValueError):
        return 0


def _table(path: str) -> dict[str, int]:
    try:
        with open(path, encoding="utf-8") as file:
            return {fields[0]: int(fields[1]) for fields in (line.split() for line in file) if len(fields) == 2}
    except (OSError, ValueError):
        return {}


def sample(container: Container) -> Sample:
    """What the container uses now; zeros for one that does not run."""
    result = Sample()
    if not container.runtime.host.cgroups_usable:
        raise OcikitError("stats is not supported in rootless mode without cgroups v2")
    if container.number not in (RUNNING, PAUSED) or not container.pid:
        return result
    groups = _cgroups(container.pid)
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    if unified:
        top = groups.get("", "")
        result.cpu_ns = _table(f"{top}/cpu.stat").get("usage_usec", 0) * 1000
        result.memory = _read(f"{top}/memory.current")
        limit = _read(f"{top}/memory.max")
        result.pids = _read(f"{top}/pids.current")
        result.block_in, result.block_out = _io_stat(f"{top}/io.stat")
    else:
        result.cpu_ns = _read(f"{groups.get('cpuacct', '')}/cpuacct.usage")
        result.memory = _read(f"{groups.get('memory', '')}/memory.usage_in_bytes")
        limit = _read(f"{groups.get('memory', '')}/memory.limit_in_bytes")
        result.pids = _read(f"{groups.get('pids', '')}/pids.current")
        result.block_in, result.block_out = _blkio(
            f"{groups.get('blkio', '')}/blkio.throttle.io_service_bytes_recursive"
        )
    result.memory_limit = min(limit, total) if limit else total
    result.net_in, result.net_out = _network(container)
    return result


def _io_stat(path: str) -> tuple[int, int]:
    read = written = 0
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                for field in line.split()[1:]:
                    key, _, value = field.partition("=")
                    if key == "rbytes":
                        read += int(value)
                    elif key == "wbytes":
                        written += int(value)
    except OSError:
        pass
    return read, written


def _blkio(path: str) -> tuple[int, int]:
    read = written = 0
    try:
        with open(path, encoding="utf-8") as file:
            for line in file:
                fields = line.split()
                if len(fields) == 3 and fields[1] == "Read":
                    read += int(fields[2])
                elif len(fields) == 3 and fields[1] == "Write":
                    written += int(fields[2])
    except OSError:
        pass
    return read, written


def _network(container: Container) -> tuple[int, int]:
    if not container.config.get("createNetNS"):
        return 0, 0
    received = sent = 0
    try:
        with open(f"/proc/{container.pid}/net/dev", encoding="utf-8") as file:
            for line in file:
                name, colon, rest = line.partition(":")
                if colon and name.strip() != "lo":
                    fields = rest.split()
                    received += int(fields[0])
                    sent += int(fields[8])
    except OSError:
        pass
    return received, sent


class StatsRow:
    """A printed row; attributes are Podman's template fields."""

    go_type = "containers.containerStats"

    def __init__(self, container: Container, now: Sample, before: Sample | None, *, truncate: bool) -> None:
        self._c = container
        self._now = now
        self._truncate = truncate
        started = container.state.get("startedTime") or times.ZERO
        start_ns = times.parse_ns(started) if not times.is_zero(started) else now.when_ns
        since_start = max(1, now.when_ns - start_ns)
        self._average = 100 * now.cpu_ns / since_start if now.cpu_ns else 0.0
        if before is None:
            self._cpu = self._average
        else:
            self._cpu = 100 * (now.cpu_ns - before.cpu_ns) / max(1, now.when_ns - before.when_ns)

    @property
    def ID(self) -> str:
        return self._c.id[:12] if self._truncate else self._c.id

    ContainerID = ID

    @property
    def Name(self) -> str:
        return self._c.name

    @property
    def CPUPerc(self) -> str:
        return f"{self._cpu:.2f}%"

    CPU = CPUPerc

    @property
    def AVGCPU(self) -> str:
        return f"{self._average:.2f}%"

    AvgCPU = AVGCPU

    @property
    def CPUTime(self) -> str:
        from ocikit.common.units import format_duration_ns

        return format_duration_ns(self._now.cpu_ns)

    UpTime = CPUTime

    @property
    def MemUsage(self) -> str:
        return f"{docker_size(self._now.memory)} / {docker_size(self._now.memory_limit)}"

    @property
    def MemUsageBytes(self) -> str:
        from ocikit.common.units import binary_size

        return f"{binary_size(self._now.memory)} / {binary_size(self._now.memory_limit)}"

    @property
    def MemLimit(self) -> int:
        return self._now.memory_limit

    @property
    def MemPerc(self) -> str:
        limit = self._now.memory_limit
        return f"{100 * self._now.memory / limit if limit else 0:.2f}%"

    Mem = MemPerc

    @property
    def NetIO(self) -> str:
        return f"{docker_size(self._now.net_in)} / {docker_size(self._now.net_out)}"

    @property
    def BlockIO(self) -> str:
        return f"{docker_size(self._now.block_in)} / {docker_size(self._now.block_out)}"

    @property
    def PIDS(self) -> str:
        return str(self._now.pids)

    PIDs = PIDS

    def to_json(self) -> dict[str, Any]:
        """The object of ``--format json``; all strings."""
        return {
            "id": self.ID,
            "name": self.Name,
            "cpu_time": self.CPUTime,
            "cpu_percent": self.CPUPerc,
            "avg_cpu": self.AVGCPU,
            "mem_usage": self.MemUsage,
            "mem_percent": self.MemPerc,
            "net_io": self.NetIO,
            "block_io": self.BlockIO,
            "pids": self.PIDS,
        }
