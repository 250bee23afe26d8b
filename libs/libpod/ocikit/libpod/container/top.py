"""``podman top``: the processes of a container, read from /proc (podman-top(1); libpod.md section 8)."""

from __future__ import annotations

import os
import time

from ocikit.common.errors import OcikitError
from ocikit.libpod.container.record import PAUSED, RUNNING, Container
from ocikit.libpod.spec.defaults import ALL_CAPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DEFAULT = ("user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args")


class Process:
    """One process; fields are read from /proc once."""

    def __init__(self, pid: int, root: str) -> None:
        self.pid = pid
        self.root = root
        self.status: dict[str, str] = {}
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            for line in file:
                key, _, value = line.partition(":")
                self.status[key] = value.strip()
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read().decode("utf-8", "replace")
        self.stat = text[text.rfind(")") + 2 :].split()
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            self.args = file.read().replace(b"\0", b" ").decode("utf-8", "replace").strip()
        self.comm = text[text.find("(") + 1 : text.rfind(")")]

    def ids(self, key: str) -> list[str]:
        return self.status.get(key, "0 0 0 0").split()

    def inner_pid(self, key: str = "NSpid") -> str:
        return (self.status.get(key, "").split() or [str(self.pid)])[-1]


class Table:
    """Names for ids, inside and outside, and the moment of the look."""

    def __init__(self, container: Container) -> None:
        self.root = f"/proc/{container.pid}/root"
        self.inside = {kind: self._names(f"{self.root}/etc/{kind}") for kind in ("passwd", "group")}
        self.outside = {kind: self._names(f"/etc/{kind}") for kind in ("passwd", "group")}
        self.maps = {kind: self._map(container.pid, kind) for kind in ("uid", "gid")}
        with open("/proc/uptime", encoding="utf-8") as file:
            self.uptime = float(file.read().split()[0])
        self.ticks = os.sysconf("SC_CLK_TCK")
        self.pids: dict[int, str] = {}

    @staticmethod
    def _names(path: str) -> dict[str, str]:
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                rows = [line.split(":") for line in file]
        except OSError:
            return {}
        return {row[2]: row[0] for row in rows if len(row) > 2}

    @staticmethod
    def _map(pid: int, kind: str) -> list[tuple[int, int, int]]:
        try:
            with open(f"/proc/{pid}/{kind}_map", encoding="utf-8") as file:
                return [(int(a), int(b), int(c)) for a, b, c in (line.split() for line in file)]
        except (OSError, ValueError):
            return []

    def name(self, kind: str, id: str, *, outside: bool = False) -> str:
        """A user or group name; the number where nobody has it."""
        if outside:
            return self.outside["passwd" if kind == "uid" else "group"].get(id, id)
        value = int(id)
        for inside, host, count in self.maps[kind]:
            if host <= value < host + count:
                value = inside + value - host
                break
        return self.inside["passwd" if kind == "uid" else "group"].get(str(value), str(value))

    def cpu_seconds(self, process: Process) -> float:
        return (int(process.stat[11]) + int(process.stat[12])) / self.ticks

    def elapsed_s(self, process: Process) -> float:
        return max(0.0, self.uptime - int(process.stat[19]) / self.ticks)


def _caps(process: Process, key: str) -> str:
    bits = int(process.status.get(key, "0"), 16)
    if not bits:
        return "none"
    try:
        with open("/proc/sys/kernel/cap_last_cap", encoding="utf-8") as file:
            full = (1 << int(file.read()) + 1) - 1
    except OSError:
        full = (1 << len(ALL_CAPS)) - 1
    if bits == full:
        return "full"
    return ",".join(sorted(cap.removeprefix("CAP_") for bit, cap in enumerate(ALL_CAPS) if bits >> bit & 1))


def _tty(process: Process) -> str:
    number = int(process.stat[4])
    if not number:
        return "?"
    major, minor = number >> 8 & 0xFFF, number & 0xFF | number >> 12 & 0xFFF00
    return f"pts/{minor + 256 * (major - 136)}" if 136 <= major <= 143 else f"tty{minor}" if major == 4 else "?"


def _duration(seconds: float) -> str:
    from ocikit.common.units import format_duration_ns

    return format_duration_ns(round(seconds * 1e9))


def _label(process: Process) -> str:
    try:
        with open(f"/proc/{process.pid}/attr/current", "rb") as file:
            return file.read().rstrip(b"\0\n").decode() or "?"
    except OSError:
        return "?"


_SECCOMP = {"0": "disabled", "1": "strict", "2": "filter"}
_COLUMNS: dict[str, tuple[str, Callable[[Table, Process], str]]] = {
    "args": ("COMMAND", lambda t, p: p.args or f"[{p.comm}]"),
    "capamb": ("AMBIENT CAPS", lambda t, p: _caps(p, "CapAmb")),
    "capbnd": ("BOUNDING CAPS", lambda t, p: _caps(p, "CapBnd")),
    "capeff": ("EFFECTIVE CAPS", lambda t, p: _caps(p, "CapEff")),
    "capinh": ("INHERITED CAPS", lambda t, p: _caps(p, "CapInh")),
    "capprm": ("PERMITTED CAPS", lambda t, p: _caps(p, "CapPrm")),
    "comm": ("COMMAND", lambda t, p: p.comm),
    "etime": ("ELAPSED", lambda t, p: _duration(t.elapsed_s(p))),
    "group": ("GROUP", lambda t, p: t.name("gid", p.ids("Gid")[1])),
    "groups": ("GROUPS", lambda t, p: ",".join(t.name("gid", g) for g in p.status.get("Groups", "").split())),
    "hgroup": ("HGROUP", lambda t, p: t.name("gid", p.ids("Gid")[1], outside=True)),
    "hgroups": (
        "HGROUPS",
        lambda t, p: ",".join(t.name("gid", g, outside=True) for g in p.status.get("Groups", "").split()),
    ),
    "hpid": ("HPID", lambda t, p: str(p.pid)),
    "huser": ("HUSER", lambda t, p: t.name("uid", p.ids("Uid")[1], outside=True)),
    "label": ("LABEL", lambda t, p: _label(p)),
    "nice": ("NI", lambda t, p: p.stat[16]),
    "pcpu": ("%CPU", lambda t, p: f"{100 * t.cpu_seconds(p) / max(t.elapsed_s(p), 0.01):.3f}"),
    "pgid": ("PGID", lambda t, p: p.inner_pid("NSpgid")),
    "pid": ("PID", lambda t, p: p.inner_pid()),
    "ppid": ("PPID", lambda t, p: t.pids.get(int(p.stat[1]), "0")),
    "rgroup": ("RGROUP", lambda t, p: t.name("gid", p.ids("Gid")[0])),
    "rss": ("RSS", lambda t, p: p.status.get("VmRSS", "0").split()[0]),
    "ruser": ("RUSER", lambda t, p: t.name("uid", p.ids("Uid")[0])),
    "seccomp": ("SECCOMP", lambda t, p: _SECCOMP.get(p.status.get("Seccomp", "0"), "?")),
    "state": ("STATE", lambda t, p: p.stat[0]),
    "stime": ("STIME", lambda t, p: time.strftime("%H:%M", time.localtime(time.time() - t.elapsed_s(p)))),
    "time": ("TIME", lambda t, p: _duration(t.cpu_seconds(p))),
    "tty": ("TTY", lambda t, p: _tty(p)),
    "user": ("USER", lambda t, p: t.name("uid", p.ids("Uid")[1])),
    "vsz": ("VSZ", lambda t, p: p.status.get("VmSize", "0").split()[0]),
}
_ALIASES = {"%cpu": "pcpu", "command": "args", "uid": "user", "gid": "group"}
_UIDS = {"uid": ("UID", "Uid"), "gid": ("GID", "Gid")}


def descriptors(words: Sequence[str]) -> list[str] | None:
    """The columns that the words ask for; None if they are words for ps(1)."""
    names = [name.lower() for word in words for name in word.split(",") if name]
    if any(name.startswith("-") for name in names):
        return None
    return names if all(name in _COLUMNS or name in _ALIASES for name in names) else None


def top(container: Container, words: Sequence[str]) -> list[list[str]]:
    """The table with its heading row. Raises OcikitError if the container does not run."""
    if container.number not in (RUNNING, PAUSED):
        raise OcikitError("top can only be used on running containers")
    names = descriptors(words) if words else list(DEFAULT)
    if names is None:
        return _ps(container, words)
    table = Table(container)
    processes = []
    for pid in pids(container):
        try:
            processes.append(Process(pid, table.root))
        except OSError:
            continue  # it ended meanwhile
    table.pids = {process.pid: process.inner_pid() for process in processes}
    chosen = [_COLUMNS[_ALIASES.get(name, name)] for name in names]
    return [
        [heading for heading, _ in chosen],
        *([cell(table, process) for _, cell in chosen] for process in processes),
    ]


def pids(container: Container) -> list[int]:
    """Host pids of all processes in the container's pid namespace (or its runtime's list where it has none)."""
    own = f"/proc/{container.pid}/ns/pid"
    if not any(ns["type"] == "pid" for ns in container.config["spec"]["linux"]["namespaces"]):
        return sorted(container.runtime.oci_named(container.config.get("runtime", "")).processes(container.id))
    inode = os.stat(own).st_ino
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.stat(f"/proc/{name}/ns/pid").st_ino == inode:
                    found.append(int(name))
            except OSError:
                continue
    return sorted(found)


def _ps(container: Container, words: Sequence[str]) -> list[list[str]]:
    """ps(1) of the host with the container's processes only."""
    from ocikit.libpod.oci import call

    wanted = set(map(str, pids(container)))
    path = next((p for p in ("/usr/bin/ps", "/bin/ps") if os.access(p, os.X_OK)), "")
    if not path:
        raise OcikitError("no ps(1) is installed on this host: use the format descriptors of podman top")
    given = list(words) if any(word.startswith("-") for word in words) else ["-eo", ",".join(words)]
    done = call([path, *given])
    if done.code:
        raise OcikitError(f"ps(1) failed with exit code {done.code}: {done.stderr.decode().strip()}")
    lines = done.stdout.decode("utf-8", "replace").splitlines()
    heading = lines[0].split()
    column = next((number for number, text in enumerate(heading) if text == "PID"), None)
    rows = [heading]
    for line in lines[1:]:
        cells = line.split(None, len(heading) - 1)
        if column is None or cells[column] in wanted:
            rows.append(cells)
    return rows
