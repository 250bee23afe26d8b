"""A container as the database knows it, its lock, and the step that makes the record true (libpod.md section 3, "sync")."""

from __future__ import annotations

import os

from ocikit.libpod import times
from ocikit.libpod.errors import NoSuchContainer, StateImproper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.runtime import Runtime

UNKNOWN, CONFIGURED, CREATED, RUNNING, STOPPED, PAUSED, EXITED, REMOVING, STOPPING = range(9)
STATE_NAMES = ("unknown", "created", "initialized", "running", "stopped", "paused", "exited", "removing", "stopping")
_LIVE = (CREATED, RUNNING, STOPPED, PAUSED, STOPPING)


def state_name(number: int) -> str:
    """The word that users see."""
    return STATE_NAMES[number] if 0 <= number < len(STATE_NAMES) else "invalid"


class Locked:
    """``with container.locked():`` - inside, the record is true and nobody else changes it."""

    __slots__ = ("_container",)

    def __init__(self, container: Container) -> None:
        self._container = container

    def __enter__(self) -> Container:
        container = self._container
        container.runtime.locks.acquire(container.lock_number)
        try:
            container.sync()
        except BaseException:
            container.runtime.locks.release(container.lock_number)
            raise
        return container

    def __exit__(self, *_: object) -> None:
        container = self._container
        container.runtime.locks.release(container.lock_number)


class Container:
    """``config`` and ``state`` are the dictionaries of ContainerConfig and ContainerState (libpod.md sections 2.1, 2.2)."""

    __slots__ = ("config", "id", "runtime", "state")

    def __init__(self, runtime: Runtime, config: dict[str, Any], state: dict[str, Any]) -> None:
        self.runtime = runtime
        self.id: str = config["id"]
        self.config = config
        self.state = state

    def __repr__(self) -> str:
        return f"<Container {self.name} {self.id[:12]} {self.status}>"

    @property
    def name(self) -> str:
        return str(self.config["name"])

    @property
    def lock_number(self) -> int:
        return int(self.config["lockID"])

    @property
    def status(self) -> str:
        """created, initialized, running, stopped, paused, exited, removing or stopping."""
        return state_name(self.state.get("state", 0))

    @property
    def number(self) -> int:
        """The state as a number."""
        return int(self.state.get("state", 0))

    @property
    def pid(self) -> int:
        return int(self.state.get("pid", 0))

    @property
    def exit_code(self) -> int:
        return int(self.state.get("exitCode", 0))

    @property
    def labels(self) -> dict[str, str]:
        labels: dict[str, str] = self.config.get("labels") or {}
        return labels

    @property
    def bundle(self) -> str:
        return str(self.config.get("staticDir") or self.runtime.paths.bundle(self.id))

    @property
    def run_dir(self) -> str:
        return self.runtime.paths.run(self.id)

    @property
    def terminal(self) -> bool:
        return bool(self.config["spec"]["process"].get("terminal"))

    @property
    def annotations(self) -> dict[str, str]:
        annotations: dict[str, str] = self.config["spec"].get("annotations") or {}
        return annotations

    @property
    def auto_remove(self) -> bool:
        """Made with ``--rm``."""
        return self.annotations.get("io.podman.annotations.autoremove") == "TRUE"

    def locked(self) -> Locked:
        """The lock, as a context manager that also makes the record true."""
        return Locked(self)

    def save(self) -> None:
        """Writes the state."""
        self.runtime.state.save_state(self.id, self.state)

    def reload(self) -> None:
        """Reads configuration and state again. Raises NoSuchContainer if it was removed."""
        self.config, self.state = self.runtime.state.container(self.id)

    def event(self, status: str, **fields: Any) -> None:
        """Writes an event of this container."""
        config = self.config
        self.runtime.events.write(
            "container",
            status,
            config.get("labels") or {},
            ID=self.id,
            Image=config.get("rootfsImageName") or "",
            Name=config["name"],
            PodID=config.get("pod") or "",
            **fields,
        )

    def sync(self) -> None:
        """Makes the state true: a container whose exit file exists has stopped.

        Beyond Podman: where the monitor died without writing one and the process is gone too, it has stopped as well.
        """
        self.state = self.runtime.state.container_state(self.id)
        settle(self)

    def require(self, states: Sequence[int], message: str) -> None:
        """Raises StateImproper unless the state is one of those."""
        if self.number not in states:
            raise StateImproper(message)


def settle(container: Container) -> bool:
    """The rule of ``sync`` on the state at hand; True if something changed (and was saved). Call it with the lock held."""
    state = container.state
    number = state.get("state", 0)
    if number not in _LIVE:
        return False
    found = read_exit(container)
    if found is None:
        if number == CREATED and started_unseen(container):
            return True
        if number == STOPPED or not vanished(state):
            return False
        code, finished = -1, None
    else:
        code, finished = found
    if number == STOPPED and state.get("exited"):
        return False
    record_exit(container, code, finished)
    return True


def started_unseen(container: Container) -> bool:
    """An initialized container whose process is no longer the runtime's own: it was started by somebody who was killed
    before he could say so."""
    pid = container.pid
    if not pid or not runs_own_program(pid):
        return False
    state = container.state
    try:
        state["startedTime"] = times.format_ns(os.stat(f"/proc/{pid}").st_mtime_ns)
    except OSError:
        return False
    state["state"] = RUNNING
    container.save()
    return True


def runs_own_program(pid: int) -> bool:
    """Whether a container's first process has left the runtime's waiting ``init``."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            words = file.read(4096).split(b"\0")
    except OSError:
        return False
    return len(words) > 1 and not (words[1:2] == [b"init"] or b"runc" in words[0] or b"crun" in words[0])


def read_exit(container: Container) -> tuple[int, int] | None:
    """(exit code, time in ns) from conmon's exit file."""
    path = container.runtime.paths.exit_file(container.id)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        text = os.read(fd, 64)
        when = os.fstat(fd).st_ctime_ns
    finally:
        os.close(fd)
    try:
        return int(text), when
    except ValueError:
        return -1, when


def vanished(state: dict[str, Any]) -> bool:
    """Whether monitor and process are both gone without a word (``kill -9`` of conmon, then of the container)."""
    if state.get("state") not in (RUNNING, PAUSED, STOPPING, CREATED):
        return False
    return not _alive(int(state.get("conmonPid", 0))) and not _alive(int(state.get("pid", 0)))


def _alive(pid: int) -> bool:
    if pid <= 0:
        return False
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        text = os.read(fd, 512)
    except OSError:
        return False
    finally:
        os.close(fd)
    return text[text.rfind(b")") + 2 : text.rfind(b")") + 3] not in (b"Z", b"X")


def record_exit(container: Container, code: int, finished_ns: int | None) -> None:
    """State stopped, with the code remembered for those who wait; event ``died``."""
    import time

    state = container.state
    was = state.get("state")
    finished_ns = time.time_ns() if finished_ns is None else finished_ns
    state["finishedTime"] = times.format_ns(finished_ns)
    state["exitCode"] = code
    state["exited"] = True
    if os.path.exists(f"{container.runtime.paths.persist}/{container.id}/oom"):
        state["oomKilled"] = True
    if was in (RUNNING, PAUSED) and not state.get("stoppedByUser"):
        state["restartPolicyMatch"] = True
    state["state"] = STOPPED
    state["pid"] = 0
    state["conmonPid"] = 0
    container.runtime.state.finish(container.id, state, code, finished_ns // 1_000_000_000)
    container.event("died", ContainerExitCode=code)


def still_there(container: Container) -> bool:
    """Whether the database still has the container."""
    try:
        container.runtime.state.container_state(container.id)
    except NoSuchContainer:
        return False
    return True
