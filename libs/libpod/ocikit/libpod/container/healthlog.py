"""Health checks: running them and their log (libpod.md section 6)."""

from __future__ import annotations

import os
import time

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.libpod import times
from ocikit.libpod.container.record import RUNNING, Container

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_ACTIONS = {2: "kill", 3: "restart", 4: "stop"}
KILL_GRACE_S = 5.0


def log_path(container: Container) -> str:
    """Where the log is; ``--health-log-destination`` may name a directory."""
    destination = str(container.config.get("healthLogDestination") or "local")
    if destination in ("local", "events_logger"):
        return f"{os.path.dirname(container.run_dir)}/healthcheck.log"
    return f"{destination}/{container.id}-healthcheck.log"


def read_log(container: Container) -> dict[str, Any]:
    """``{"Status", "FailingStreak", "Log"}``; status "reset" or empty before the first run."""
    try:
        with open(log_path(container), "rb") as file:
            log: dict[str, Any] = jsonfast.loads(file.read())
            return log
    except (OSError, ValueError):
        return {"Status": "", "FailingStreak": 0, "Log": None}


def write_log(container: Container, log: dict[str, Any]) -> None:
    """Replaces it."""
    from ocikit.common.files import atomic_write

    path = log_path(container)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    atomic_write(path, jsonfast.dumps(log).encode(), mode=0o700, sync=False)


def set_status(container: Container, status: str) -> None:
    """At init ("reset") and start ("starting")."""
    write_log(container, {"Status": status, "FailingStreak": 0, "Log": None})


def interval_s(container: Container) -> int:
    """Whole seconds between two checks of the kind that is due now; 0 where no timer is wanted."""
    config = container.config
    regular = config.get("healthcheck") or {}
    if (regular.get("Test") or ["NONE"])[0] == "NONE":
        return 0
    settings = _startup_check(container) or regular
    return -(-int(settings.get("Interval") or 0) // 1_000_000_000)


def tell_interval(container: Container) -> None:
    """Tells the monitor the interval from now on; a monitor that keeps no time does not look."""
    from ocikit.common.files import atomic_write

    atomic_write(f"{container.bundle}/health-interval", b"%d" % interval_s(container), mode=0o600, sync=False)


def _startup_check(container: Container) -> dict[str, Any] | None:
    """The start-up check as long as it has not passed."""
    check: dict[str, Any] | None = container.config.get("startupHealthCheck")
    return None if container.state.get("startupHCPassed") else check


def check(container: Container) -> str:
    """Runs the health check once: "healthy" or "unhealthy"; records it and takes the configured action."""
    config = container.config
    test = list((config.get("healthcheck") or {}).get("Test") or ())
    if not test or test[0] == "NONE":
        raise OcikitError(f"container {container.id} has no defined healthcheck")
    if container.number != RUNNING:
        raise OcikitError(f"container {container.id} is not running")
    startup = _startup_check(container)
    settings = startup or config["healthcheck"]
    command = _command(list(settings.get("Test") or test))
    begin_ns = time.time_ns()
    timeout_s = int(settings.get("Timeout") or 30_000_000_000) / 1e9
    code, output, timed_out = _execute(container, command, timeout_s)
    action = _record(container, begin_ns, code, output, startup)
    if action:
        _act(container, action)
    if timed_out:
        raise OcikitError(f"healthcheck command exceeded timeout of {timeout_s:g}s")
    return "healthy" if code == 0 else "unhealthy"


def _command(test: list[str]) -> list[str]:
    if test[0] == "CMD-SHELL":
        return ["sh", "-c", *test[1:]]
    return test[1:] if test[0] == "CMD" else test


def _execute(container: Container, command: Sequence[str], timeout_s: float) -> tuple[int, str, bool]:
    """(exit code, output, timed out); a command that cannot run counts as 1."""
    import threading

    from ocikit.libpod.container import execs

    result: list[tuple[int, bytes, bytes]] = []
    options = execs.ExecOptions(command=command)
    session = execs.create(container, options)

    def work() -> None:
        try:
            result.append(execs.run_captured(container, options, session))
        except OcikitError as error:
            result.append((1, b"", str(error).encode()))

    # SQLite objects are shared with the thread on purpose: this one only waits for it.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(timeout_s)
    if worker.is_alive():
        # Left alone it would go on in the container, and the next check would add another.
        execs.kill_session(container, session)
        worker.join(KILL_GRACE_S)
        return 125, "", True
    if not result:
        raise OcikitError(f"container {container.id}: the health check could not be run")
    code, out, err = result[0]
    return code, (out + err).decode("utf-8", "replace"), False


def _record(container: Container, begin_ns: int, code: int, output: str, startup: dict[str, Any] | None) -> str:
    """Writes the result down; the action that has to follow, or "". Nothing is written once the container has ended:
    that the check ended with it says nothing about its health."""
    limit = int(container.config.get("healthMaxLogSize", 500))
    shown = output[:limit] if limit else output
    entry = {"Start": times.format_ns(begin_ns), "End": times.now(), "ExitCode": code, "Output": shown}
    with container.locked():
        if container.number != RUNNING or times.parse_ns(container.state.get("startedTime") or times.ZERO) > begin_ns:
            return ""
        log, action = _judge(container, code == 0, startup)
        count = int(container.config.get("healthMaxLogCount", 5))
        entries = [*(log["Log"] or []), entry]
        log["Log"] = entries[-count:] if count else entries
        write_log(container, log)
        container.event(
            "health_status",
            health_status=log["Status"],
            health_failing_streak=log["FailingStreak"],
            health_log=shown.strip(),
        )
    return action


def _judge(container: Container, ok: bool, startup: dict[str, Any] | None) -> tuple[dict[str, Any], str]:
    """With the lock held: the log with its new status, and the action."""
    log = read_log(container)
    settings = container.config["healthcheck"]
    status = str(log.get("Status") or "starting")
    status = "starting" if status == "reset" else status
    streak = int(log.get("FailingStreak") or 0)
    action = ""
    started_ns = times.parse_ns(container.state.get("startedTime") or times.ZERO)
    if startup:
        action = _count_startup(container, ok, startup)
    elif ok:
        status, streak = "healthy", 0
    elif time.time_ns() - started_ns >= int(settings.get("StartPeriod") or 0):
        streak += 1
        if streak >= int(settings.get("Retries") or 3):
            status = "unhealthy"
            action = _ACTIONS.get(int(container.config.get("healthcheck_on_failure_action") or 0), "")
    return {"Status": status, "FailingStreak": streak, "Log": log.get("Log")}, action


def _count_startup(container: Container, ok: bool, settings: dict[str, Any]) -> str:
    """One more result of the start-up check; once it has passed, the regular check's interval counts."""
    state = container.state
    key = "startupHCSuccessCount" if ok else "startupHCFailureCount"
    state[key] = int(state.get(key) or 0) + 1
    if ok and state[key] >= max(1, int(settings.get("Successes") or 0)):
        state["startupHCPassed"] = True
        tell_interval(container)
    container.save()
    return "restart" if not ok and settings.get("Retries") and state[key] >= settings["Retries"] else ""


def _act(container: Container, action: str) -> None:
    from ocikit.libpod.container.restart import restart
    from ocikit.libpod.container.stop import kill, stop

    if action == "kill":
        kill(container, 9)
    elif action == "stop":
        stop(container)
    else:
        restart(container)
