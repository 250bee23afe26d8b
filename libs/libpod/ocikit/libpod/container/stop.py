"""Ending a container: stop, kill, pause, wait (libpod.md section 3)."""

from __future__ import annotations

import os
import time

from ocikit.common.errors import OcikitError
from ocikit.libpod.container.record import (
    CONFIGURED,
    CREATED,
    EXITED,
    PAUSED,
    RUNNING,
    STOPPED,
    STOPPING,
    Container,
    read_exit,
    record_exit,
)
from ocikit.libpod.errors import NoSuchContainer, StateImproper
from ocikit.libpod.oci import ProcessGone
from ocikit.libpod.spec import signals

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

KILL_GRACE_S = 5.0
MONITOR_GRACE_S = 20.0


def stop(container: Container, timeout_s: int | None = None) -> None:
    """``podman stop``: the stop signal, then SIGKILL after ``timeout_s`` (None: the container's; -1: never), cleanup."""
    with container.locked():
        number = container.number
        if number in (STOPPED, EXITED, CONFIGURED, CREATED):
            container.state["stoppedByUser"] = True
            container.save()
            if number == STOPPED:
                _cleanup(container)
            if number == CONFIGURED:
                return
            if number == CREATED:
                _stop_created(container)
            return
        if number == PAUSED:
            raise StateImproper(f"container {container.id} is running or paused, refusing to clean up")
        container.state["state"] = STOPPING
        container.state["stoppedByUser"] = True
        container.save()
    # The lock is not held while waiting: the cleanup process of the monitor needs it.
    limit = int(container.config.get("stopTimeout", 10)) if timeout_s is None else timeout_s
    end_process(container, limit)
    with container.locked():
        if container.number in (STOPPING, RUNNING):
            await_monitor(container)
        _cleanup(container)
        container.event("stop")


def _stop_created(container: Container) -> None:
    from ocikit.libpod.container.cleanup import cleanup

    container.runtime.oci_named(container.config.get("runtime", "")).delete(container.id, force=True)
    container.state["state"] = STOPPED
    cleanup(container)


def _cleanup(container: Container) -> None:
    from ocikit.libpod.container.cleanup import cleanup, remove_locked

    if container.number in (EXITED, CONFIGURED):
        return
    cleanup(container)
    if container.auto_remove:
        remove_locked(container, volumes=True)


def end_process(container: Container, timeout_s: int) -> None:
    """Signals the first process until it is gone. Raises OcikitError if even SIGKILL does not help."""
    pid = container.pid
    own_pid_ns = _has_pid_namespace(container)
    number = int(container.config.get("stopSignal") or 15)
    if timeout_s != 0:
        if not _signal(container, number, not own_pid_ns):
            return
        if await_end(pid, None if timeout_s < 0 else float(timeout_s), container):
            return
        from ocikit.common.log import warning

        warning(
            f"StopSignal {signals.name(number)} failed to stop container {container.name} in {timeout_s} seconds, "
            "resorting to SIGKILL"
        )
    if not _signal(container, 9, not own_pid_ns):
        return
    if not await_end(pid, KILL_GRACE_S, container):
        raise OcikitError(f"container {container.id}: given PID did not die within timeout")


def _has_pid_namespace(container: Container) -> bool:
    return any(ns["type"] == "pid" for ns in container.config["spec"]["linux"]["namespaces"])


def _signal(container: Container, number: int, everyone: bool) -> bool:
    """False if there is nobody left to signal."""
    if number == 9 and not everyone and container.state.get("state") != PAUSED and _kill_first(container):
        return True
    try:
        container.runtime.oci_named(container.config.get("runtime", "")).kill(container.id, number, everyone)
    except ProcessGone:
        return False
    except OcikitError as error:
        text = str(error)
        if "does not exist" in text or "no such process" in text or not alive(container.pid):
            return False
        raise
    return True


def _kill_first(container: Container) -> bool:
    """SIGKILL for the first process without asking the runtime (15 ms), where it certainly is the container's: its monitor's
    own child. With it its process-id namespace ends. False: let the runtime do it."""
    import _signal  # type: ignore[import-not-found]  # the C half of signal, without enum

    pid, parent = container.pid, int(container.state.get("conmonPid") or 0)
    if pid <= 1 or parent <= 1:
        return False
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            fields = file.read(512).rpartition(b")")[2].split()
        if int(fields[1]) != parent or fields[0] in (b"Z", b"X", b"D"):
            return False
        with open(f"/proc/{parent}/cmdline", "rb") as file:
            if container.id.encode() not in file.read().split(b"\0"):
                return False
        _signal.pidfd_send_signal(fd, 9)
    except (OSError, ValueError, IndexError):
        return False
    finally:
        os.close(fd)
    return True


def alive(pid: int) -> bool:
    """Whether a process exists that is no zombie."""
    if pid <= 0:
        return False
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            text = file.read(512)
    except OSError:
        return False
    return text[text.rfind(b")") + 2 : text.rfind(b")") + 3] not in (b"Z", b"X")


def await_end(pid: int, timeout_s: float | None, container: Container | None = None) -> bool:
    """Waits until the process is gone; False after ``timeout_s``. A pidfd tells at once, polling is the fallback."""
    import select

    try:
        fd = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    except OSError:
        return _poll_end(pid, timeout_s)
    try:
        poller = select.poll()
        poller.register(fd, select.POLLIN)
        return bool(poller.poll(None if timeout_s is None else int(timeout_s * 1000)))
    finally:
        os.close(fd)


def _poll_end(pid: int, timeout_s: float | None) -> bool:
    deadline = None if timeout_s is None else time.monotonic() + timeout_s
    while alive(pid):
        if deadline is not None and time.monotonic() >= deadline:
            return False
        time.sleep(0.01)
    return True


def await_monitor(container: Container) -> None:
    """Waits for conmon's exit file; if the monitor is gone without one, the end is recorded here."""
    deadline = time.monotonic() + MONITOR_GRACE_S
    monitor_pid = int(container.state.get("conmonPid", 0))
    while time.monotonic() < deadline:
        found = read_exit(container)
        if found is not None:
            record_exit(container, *found)
            return
        if not alive(monitor_pid):
            found = read_exit(container)
            record_exit(container, *(found or (-1, None)))
            return
        time.sleep(0.002)
    record_exit(container, -1, None)


def stop_for_removal(container: Container, timeout_s: int | None) -> None:
    """``rm -f``: whatever state it is in, nothing of it runs afterwards. Paused ones are thawed and killed."""
    with container.locked():
        number = container.number
        if number not in (RUNNING, PAUSED, STOPPING, CREATED):
            return
        if number == PAUSED:
            container.runtime.oci_named(container.config.get("runtime", "")).resume(container.id)
        if number == CREATED:
            container.state["stoppedByUser"] = True
            container.save()
            return
        container.state["state"] = STOPPING
        container.state["stoppedByUser"] = True
        container.save()
        paused = number == PAUSED
    limit = int(container.config.get("stopTimeout", 10)) if timeout_s is None else timeout_s
    end_process(container, 0 if paused else limit)
    try:
        with container.locked():
            if container.number == STOPPING:
                await_monitor(container)
    except NoSuchContainer:
        return


def kill(container: Container, number: int) -> None:
    """``podman kill``: any signal to a running container; SIGKILL is waited for."""
    with container.locked():
        if container.number not in (RUNNING, STOPPING, PAUSED):
            raise StateImproper(f"can only kill running containers. {container.id} is in state {container.status}")
        if not _signal(container, number, not _has_pid_namespace(container)):
            container.sync()
        container.event("kill")
        pid = container.pid
        if number == 9:
            container.state["stoppedByUser"] = True
            container.save()
    if number == 9 and pid:
        await_end(pid, KILL_GRACE_S)
        with container.locked():
            if container.number in (RUNNING, STOPPING):
                await_monitor(container)


def pause(container: Container) -> None:
    """Freezes all processes."""
    with container.locked():
        if container.number == PAUSED:
            raise StateImproper(f"{container.id!r} is already paused".replace("'", '"'))
        if container.number != RUNNING:
            raise StateImproper(f'"{container.status}" is not running, can\'t pause')
        container.runtime.oci_named(container.config.get("runtime", "")).pause(container.id)
        container.state["state"] = PAUSED
        container.save()
        container.event("pause")


def unpause(container: Container) -> None:
    """Thaws them."""
    with container.locked():
        if container.number != PAUSED:
            raise StateImproper(f'"{container.id}" is not paused, can\'t unpause')
        container.runtime.oci_named(container.config.get("runtime", "")).resume(container.id)
        container.state["state"] = RUNNING
        container.save()
        container.event("unpause")


def wait(container: Container, conditions: Sequence[str] = (), interval_s: float = 0.25) -> int:
    """Waits for one of the conditions (default: stopped or exited); the exit code, -1 for other conditions."""
    wanted = set(conditions) or {"stopped", "exited"}
    runtime = container.runtime
    code_wanted = bool(wanted & {"stopped", "exited", "removing"})
    while True:
        try:
            with container.locked():
                status, code = container.status, container.exit_code
                pid = container.pid
                health = wanted & {"healthy", "unhealthy"}
                if health and _health(container) in health:
                    return -1
        except NoSuchContainer:
            found = runtime.state.exit_code(container.id)
            if found is not None:
                return found
            raise
        if status in wanted:
            return code if status in ("stopped", "exited") and code_wanted else -1
        if status in ("stopped", "exited") and "stopped" in wanted:
            return code
        if status == "created" and wanted == {"stopped", "exited"}:
            time.sleep(interval_s)
            continue
        if pid and wanted <= {"stopped", "exited", "removing"}:
            await_end(pid, interval_s)
            time.sleep(0.005)
        else:
            time.sleep(interval_s)


def _health(container: Container) -> str:
    from ocikit.libpod.container.healthlog import read_log

    return str(read_log(container).get("Status", ""))
