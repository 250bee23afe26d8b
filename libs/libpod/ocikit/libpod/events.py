"""Events: what happened to which object, when, and at whose command (podman-events(1); libpod.md section 1.3).

The file journal is Podman's: one JSON object a line in ``TMPDIR/events/events.log``. Beyond Podman, each line records the
login uid and audit session of the process that acted (``loginuid``, ``session``), where the kernel knows them.
"""

from __future__ import annotations

import os
import time

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.libpod import times

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

UNSET = 4294967295  # (uid_t)-1: the kernel's "no login"
TYPES = ("container", "image", "network", "pod", "system", "volume", "machine", "secret")


def audit_identity() -> tuple[int, int]:
    """(login uid, audit session) of this process; ``UNSET`` for what the kernel does not know."""
    values = []
    for name in ("loginuid", "sessionid"):
        try:
            with open(f"/proc/self/{name}", "rb") as file:
                values.append(int(file.read()))
        except (OSError, ValueError):
            values.append(UNSET)
    return values[0], values[1]


class EventLog:
    """The file journal at ``path``; ``max_size`` in bytes (0 = never rotated). ``enabled=False`` discards."""

    def __init__(self, path: str, *, max_size: int = 1_000_000, enabled: bool = True) -> None:
        self.path = path
        self.max_size = max_size
        self.enabled = enabled
        self._identity: tuple[int, int] | None = None

    def write(self, kind: str, status: str, attributes: dict[str, str] | None = None, **fields: Any) -> None:
        """Appends one event. ``fields`` are the file's keys (ID, Image, Name, ContainerExitCode, ...); empty ones are left
        out. Failing to write is not an error of the command that caused the event."""
        if not self.enabled:
            return
        event: dict[str, Any] = {key: fields[key] for key in sorted(fields) if fields[key] not in ("", None)}
        event.update(Status=status, Time=times.now(), Type=kind, Attributes=attributes)
        if self._identity is None:
            self._identity = audit_identity()
        loginuid, session = self._identity
        if loginuid != UNSET:
            event["loginuid"] = loginuid
        if session != UNSET:
            event["session"] = session
        line = (jsonfast.dumps_go(event) + "\n").encode("utf-8", "surrogateescape")
        try:
            self._append(line)
        except OSError:
            pass

    def _append(self, line: bytes) -> None:
        import fcntl

        try:
            lock = os.open(self.path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except FileNotFoundError:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
            lock = os.open(self.path + ".lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.lockf(lock, fcntl.LOCK_EX)
            fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o700)
            try:
                if self.max_size and os.fstat(fd).st_size > self.max_size:
                    os.close(fd)
                    fd = -1
                    self._rotate()
                    fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o700)
                os.write(fd, line)
            finally:
                if fd >= 0:
                    os.close(fd)
        finally:
            os.close(lock)

    def _rotate(self) -> None:
        """Keeps the newer half, between two ``log-rotation`` events."""
        with open(self.path, "rb") as file:
            data = file.read()
        half = data[data.find(b"\n", len(data) // 2) + 1 :]
        marks = [
            jsonfast.dumps(
                {
                    "Status": "log-rotation",
                    "Time": times.now(),
                    "Type": "system",
                    "Attributes": {"io.podman.event.rotate": word},
                }
            )
            for word in ("begin", "end")
        ]
        temporary = f"{self.path}.{os.getpid()}"
        with open(temporary, "wb") as file:
            file.write(f"{marks[0]}\n".encode() + half + f"{marks[1]}\n".encode())
        os.rename(temporary, self.path)

    def read(self, *, follow: bool, until_ns: int | None = None) -> Iterator[dict[str, Any]]:
        """The events from the beginning; with ``follow`` also those to come, until ``until_ns``."""
        position = 0
        inode = 0
        rest = b""
        while True:
            try:
                with open(self.path, "rb") as file:
                    info = os.fstat(file.fileno())
                    if info.st_ino != inode and inode:
                        position, rest = 0, b""
                    inode = info.st_ino
                    file.seek(position)
                    data = file.read()
                    position += len(data)
            except FileNotFoundError:
                data = b""
            lines = (rest + data).split(b"\n")
            rest = lines.pop()
            for line in lines:
                try:
                    event = jsonfast.loads(line)
                except ValueError:
                    continue
                if isinstance(event, dict):
                    yield event
            if not follow or (until_ns is not None and time.time_ns() >= until_ns):
                return
            time.sleep(0.1)


def selected(event: dict[str, Any], filters: Mapping[str, Sequence[str]], since_ns: int, until_ns: int | None) -> bool:
    """Whether an event passes ``--filter`` (one of each key's values), ``--since`` and ``--until``."""
    try:
        when = times.parse_ns(event.get("Time", ""))
    except ValueError:
        return False
    if when < since_ns or (until_ns is not None and when > until_ns):
        return False
    return all(any(_hit(event, key, value) for value in values) for key, values in filters.items())


def _hit(event: dict[str, Any], key: str, value: str) -> bool:
    kind = event.get("Type")
    name, id = event.get("Name", ""), event.get("ID", "")
    if key in ("container", "image", "volume", "pod"):
        if key == "image" and kind == "container":
            return bool(event.get("Image") == value or event.get("Image", "").partition(":")[0] == value)
        if key == "pod" and kind == "container":
            return bool(event.get("PodID", "").startswith(value))
        return kind == key and (name == value or (bool(id) and id.startswith(value)))
    if key in ("event", "status"):
        return bool(event.get("Status") == value)
    if key == "type":
        return kind == value
    if key == "loginuid":
        return str(event.get("loginuid", "")) == value
    if key == "session":
        return str(event.get("session", "")) == value
    if key == "label":
        label, equals, text = value.partition("=")
        attributes = event.get("Attributes") or {}
        return label in attributes and (not equals or attributes[label] == text)
    raise OcikitError(f"{key} is an invalid filter")


FILTERS = ("container", "image", "volume", "pod", "event", "status", "type", "label", "loginuid", "session")


def human(event: dict[str, Any], *, truncate: bool = False) -> str:
    """The line that ``podman events`` prints."""
    ns = times.parse_ns(event["Time"])
    when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(ns // 1_000_000_000))
    fraction = f".{ns % 1_000_000_000:09d}".rstrip("0").rstrip(".")
    zone = time.strftime("%z %Z", time.localtime(ns // 1_000_000_000))
    head = f"{when}{fraction} {zone} {event['Type']} {event['Status']}"
    id = event.get("ID", "")
    if truncate:
        id = id[:12]
    kind, name = event["Type"], event.get("Name", "")
    if kind in ("container", "pod"):
        details = [f"image={event.get('Image', '')}", f"name={name}"]
        if event.get("PodID"):
            details.append(f"pod_id={event['PodID']}")
        if event["Status"] == "health_status":
            details += [
                f"health_status={event.get('health_status', '')}",
                f"health_failing_streak={event.get('health_failing_streak', 0)}",
                f"health_log={event.get('health_log', '')}",
            ]
        if event.get("network"):
            details.append(f"network={event['network']}")
        details += [f"{key}={value}" for key, value in (event.get("Attributes") or {}).items()]
        return f"{head} {id} ({', '.join(details)})"
    if kind == "network":
        return f"{head} {id} (container={id}, name={event.get('network', name)})"
    if kind == "image":
        if event.get("error"):
            return f"{head} {id} {name} {event['error']}"
        return f"{head} {id} {name}"
    if kind in ("volume", "secret", "machine"):
        return f"{head} {id or name}".replace(f" {kind} ", f" {kind} ") if kind != "volume" else f"{head} {name}"
    return head


def to_json(event: dict[str, Any]) -> dict[str, Any]:
    """The object of ``podman events --format json``."""
    ns = times.parse_ns(event["Time"])
    result: dict[str, Any] = {}
    for key in ("ID", "Image", "Name"):
        if event.get(key):
            result[key] = event[key]
    result["Status"] = event["Status"]
    if event.get("error"):
        result["Error"] = event["error"]
    if event.get("ContainerExitCode") is not None:
        result["ContainerExitCode"] = event["ContainerExitCode"]
    for key, name in (
        ("network", "Network"),
        ("health_status", "health_status"),
        ("PodID", "PodID"),
        ("loginuid", "loginuid"),
        ("session", "session"),
    ):
        if event.get(key) not in ("", None):
            result[name] = event[key]
    result["time"] = ns // 1_000_000_000
    result["timeNano"] = ns
    result["Type"] = event["Type"]
    result["Attributes"] = event.get("Attributes")
    return result
