"""One row of ``podman ps``: cells, template fields, JSON (libpod.md sections 9 and 10)."""

from __future__ import annotations

import os
import time

from ocikit.common.units import human_duration
from ocikit.libpod import times
from ocikit.libpod.container.record import Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_GO_ZERO_UNIX = -62135596800


class PsRow:
    """Attributes are Podman's template fields. ``truncate`` shortens ids and commands."""

    go_type = "containers.psReporter"

    def __init__(self, container: Container, *, truncate: bool = True, now_ns: int | None = None) -> None:
        self._c = container
        self._truncate = truncate
        self._now_ns = now_ns or time.time_ns()
        self._size: dict[str, int] | None = None

    @property
    def ID(self) -> str:
        return self._c.id[:12] if self._truncate else self._c.id

    @property
    def Id(self) -> str:
        return self.ID

    @property
    def Image(self) -> str:
        return str(self._c.config.get("rootfsImageName") or self._c.config.get("rootfs") or "")

    @property
    def ImageID(self) -> str:
        id = str(self._c.config.get("rootfsImageID") or "")
        return id[:12] if self._truncate else id

    @property
    def words(self) -> list[str]:
        """The whole command."""
        config = self._c.config
        return [*(config.get("entrypoint") or ()), *(config.get("command") or ())]

    @property
    def Command(self) -> str:
        text = " ".join(self.words)
        return text[:17] + "..." if self._truncate and len(text) > 20 else text

    @property
    def Names(self) -> str:
        return self._c.name

    @property
    def created_ns(self) -> int:
        return times.parse_ns(str(self._c.config.get("createdTime") or times.ZERO))

    def _ago(self, ns: int) -> str:
        return human_duration(max(0, self._now_ns - ns) / 1e9) + " ago"

    @property
    def Created(self) -> str:
        return self._ago(self.created_ns)

    CreatedHuman = Created
    RunningFor = Created

    @property
    def CreatedAt(self) -> str:
        from ocikit.common.units import format_go_time

        return format_go_time(self.created_ns)

    @property
    def State(self) -> str:
        return self._c.status

    @property
    def ExitCode(self) -> int:
        return self._c.exit_code

    @property
    def Exited(self) -> bool:
        return self._c.status in ("exited", "stopped")

    @property
    def ExitedAt(self) -> int:
        return _unix(self._c.state.get("finishedTime"))

    @property
    def StartedAt(self) -> int:
        return _unix(self._c.state.get("startedTime"))

    @property
    def Status(self) -> str:
        state = self._c.state
        status = self._c.status
        if status == "running":
            text = "Up " + human_duration(max(0, self._now_ns - times.parse_ns(state["startedTime"])) / 1e9)
        elif status in ("exited", "stopped"):
            ended = state.get("finishedTime")
            ago = self._ago(times.parse_ns(ended) if ended else times.parse_ns(times.ZERO))
            text = f"Exited ({self._c.exit_code}) {ago}"
        else:
            text = status.capitalize()
        health = self._health()
        return f"{text} ({health})" if health else text

    def _health(self) -> str:
        check = self._c.config.get("healthcheck")
        if not check or check.get("Test") in (["NONE"], None):
            return ""
        from ocikit.libpod.container.healthlog import read_log

        status = str(read_log(self._c).get("Status") or "")
        return "starting" if status == "reset" and self._c.status == "running" else "" if status == "reset" else status

    @property
    def Ports(self) -> str:
        return ports_text(self._c.config)

    @property
    def Pid(self) -> int:
        return self._c.pid

    @property
    def Pod(self) -> str:
        pod = str(self._c.config.get("pod") or "")
        return pod[:12] if self._truncate else pod

    @property
    def PodName(self) -> str:
        pod = str(self._c.config.get("pod") or "")
        return str(self._c.runtime.state.pod(pod)[0]["name"]) if pod else ""

    @property
    def Labels(self) -> str:
        return ",".join(f"{key}={value}" for key, value in self._c.labels.items())

    def Label(self, name: str) -> str:
        """``{{.Label "k"}}``."""
        return self._c.labels.get(name, "")

    @property
    def Mounts(self) -> str:
        return ",".join(self._c.config.get("userVolumes") or ())

    @property
    def Networks(self) -> str:
        return ",".join(networks(self._c.config))

    @property
    def Restarts(self) -> int:
        return int(self._c.state.get("restartCount") or 0)

    @property
    def AutoRemove(self) -> bool:
        config = self._c.config
        return bool(config.get("volatile"))

    @property
    def IsInfra(self) -> bool:
        return bool(self._c.config.get("pause"))

    @property
    def CIDFile(self) -> str:
        return ""

    @property
    def sizes(self) -> dict[str, int]:
        """SizeRw and SizeRootFs."""
        if self._size is None:
            from ocikit.libpod.inspect import sizes

            self._size = sizes(self._c)
        return self._size

    @property
    def Size(self) -> str:
        from ocikit.common.units import docker_size

        found = self.sizes
        return f"{docker_size(found['SizeRw'])} (virtual {docker_size(found['SizeRootFs'])})"

    @property
    def Namespaces(self) -> Namespaces:
        return Namespaces(self._c.pid)

    def to_json(self, *, size: bool = False) -> dict[str, Any]:
        """The object of ``podman ps --format json``."""
        config, state = self._c.config, self._c.state
        return {
            "AutoRemove": self.AutoRemove,
            "Command": self.words or None,
            "CreatedAt": self.Created,
            "CIDFile": "",
            "Exited": self.Exited,
            "ExitedAt": self.ExitedAt,
            "ExitCode": self.ExitCode,
            "ExposedPorts": config.get("exposedPorts"),
            "Id": self._c.id,
            "Image": self.Image,
            "ImageID": str(config.get("rootfsImageID") or ""),
            "IsInfra": self.IsInfra,
            "Labels": config.get("labels"),
            "Mounts": config.get("userVolumes") or [],
            "Names": [self._c.name],
            "Namespaces": {},
            "Networks": networks(config),
            "Pid": self._c.pid,
            "Pod": str(config.get("pod") or ""),
            "PodName": self.PodName,
            "Ports": config.get("newPortMappings"),
            "Restarts": int(state.get("restartCount") or 0),
            "Size": {"rootFsSize": self.sizes["SizeRootFs"], "rwSize": self.sizes["SizeRw"]} if size else None,
            "StartedAt": self.StartedAt,
            "State": self.State,
            "Status": self.Status,
            "Created": self.created_ns // 1_000_000_000,
        }


class Namespaces:
    """``{{.Namespaces.NET}}`` and its like: the inode numbers of a running process's namespaces."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def _get(self, name: str) -> str:
        if not self._pid:
            return ""
        try:
            return os.readlink(f"/proc/{self._pid}/ns/{name}").partition("[")[2].rstrip("]")
        except OSError:
            return ""

    @property
    def Cgroup(self) -> str:
        return self._get("cgroup")

    @property
    def IPC(self) -> str:
        return self._get("ipc")

    @property
    def MNT(self) -> str:
        return self._get("mnt")

    @property
    def NET(self) -> str:
        return self._get("net")

    @property
    def PIDNS(self) -> str:
        return self._get("pid")

    @property
    def User(self) -> str:
        return self._get("user")

    @property
    def UTS(self) -> str:
        return self._get("uts")


def _unix(text: str | None) -> int:
    return _GO_ZERO_UNIX if times.is_zero(text or "") else times.parse_ns(text or "") // 1_000_000_000


def networks(config: dict[str, Any]) -> list[str]:
    """The names of a container's networks."""
    names = sorted(config.get("newNetworks") or ())
    if not names and config.get("networkMode") in ("pasta", "slirp4netns"):
        return [str(config["networkMode"])]
    return names


def ports_text(config: dict[str, Any]) -> str:
    """``127.0.0.1:18081->80/tcp, 443/tcp``."""
    shown = []
    published: set[str] = set()
    for record in config.get("newPortMappings") or ():
        host, first, inside, count = record["host_ip"] or "0.0.0.0", record["host_port"], record["container_port"], record["range"]  # noqa: S104  # fmt: skip
        if count > 1:
            text = f"{host}:{first}-{first + count - 1}->{inside}-{inside + count - 1}/{record['protocol']}"
        else:
            text = f"{host}:{first}->{inside}/{record['protocol']}"
        shown.append(text)
        published.update(f"{inside + offset}/{record['protocol']}" for offset in range(count))
    for port, protocols in (config.get("exposedPorts") or {}).items():
        shown += [f"{port}/{protocol}" for protocol in protocols if f"{port}/{protocol}" not in published]
    return ", ".join(shown)
