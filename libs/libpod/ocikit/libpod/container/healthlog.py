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

    from ocikit.libpod.container.execs import ExecOptions

_ACTIONS = {2: "kill", 3: "restart", 4: "stop"}


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


def check(container: Container) -> str:
    """Runs the health check once: "healthy" or "unhealthy"; records it and takes the configured action."""
    config = container.config
    test = list((config.get("healthcheck") or {}).get("Test") or ())
    if not test or test[0] == "NONE":
        raise OcikitError(f"container {container.id} has no defined healthcheck")
    if container.number != RUNNING:
        raise OcikitError(f"container {container.id} is not running")
    startup = config.get("startupHealthCheck") if not container.state.get("startupHCPassed") else None
    settings = startup or config["healthcheck"]
    command = _command(list(settings.get("Test") or test))
    begin_ns = time.time_ns()
    timeout_s = int(settings.get("Timeout") or 30_000_000_000) / 1e9
    code, output, timed_out = _execute(container, command, timeout_s)
    ok = code == 0
    _record(container, begin_ns, code, output, ok, bool(startup))
    if timed_out:
        raise OcikitError(f"healthcheck command exceeded timeout of {timeout_s:g}s")
    return "healthy" if ok else "unhealthy"


def _command(test: list[str]) -> list[str]:
    if test[0] == "CMD-SHELL":
        return ["sh", "-c", *test[1:]]
    return test[1:] if test[0] == "CMD" else test


def _execute(container: Container, command: Sequence[str], timeout_s: float) -> tuple[int, str, bool]:
    """(exit code, output, timed out); a command that cannot run counts as 1."""
    import threading

    from ocikit.libpod.container.execs import ExecOptions, run_captured

    result: list[tuple[int, bytes, bytes]] = []
    options: ExecOptions = ExecOptions(command=command)

    def work() -> None:
        try:
            result.append(run_captured(container, options))
        except OcikitError as error:
            result.append((1, b"", str(error).encode()))

    # SQLite objects are shared with the thread on purpose: this one only waits for it.
    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    worker.join(timeout_s)
    if worker.is_alive():
        return 125, "", True
    code, out, err = result[0]
    return code, (out + err).decode("utf-8", "replace"), False


def _record(container: Container, begin_ns: int, code: int, output: str, ok: bool, startup: bool) -> None:
    config = container.config
    limit = int(config.get("healthMaxLogSize", 500))
    log = read_log(container)
    shown = output[:limit] if limit else output
    entry = {
        "Start": times.format_ns(begin_ns),
        "End": times.now(),
        "ExitCode": code,
        "Output": shown,
    }
    entries = [*(log.get("Log") or []), entry]
    count = int(config.get("healthMaxLogCount", 5))
    settings = config["healthcheck"]
    status = str(log.get("Status") or "starting")
    streak = int(log.get("FailingStreak") or 0)
    started_ns = times.parse_ns(container.state.get("startedTime") or times.ZERO)
    in_start = time.time_ns() - started_ns < int(settings.get("StartPeriod") or 0)
    if startup:
        _startup(container, ok)
    elif ok:
        status, streak = "healthy", 0
    elif not in_start:
        streak += 1
        if streak >= int(settings.get("Retries") or 3):
            status = "unhealthy"
    if status == "reset":
        status = "starting"
    write_log(container, {"Status": status, "FailingStreak": streak, "Log": entries[-count:] if count else entries})
    container.event("health_status", health_status=status, health_failing_streak=streak, health_log=shown.strip())
    action = _ACTIONS.get(int(config.get("healthcheck_on_failure_action") or 0))
    if status == "unhealthy" and action:
        _act(container, action)


def _startup(container: Container, ok: bool) -> None:
    settings = container.config["startupHealthCheck"]
    with container.locked():
        state = container.state
        key = "startupHCSuccessCount" if ok else "startupHCFailureCount"
        state[key] = int(state.get(key) or 0) + 1
        if ok and state[key] >= max(1, int(settings.get("Successes") or 0)):
            state["startupHCPassed"] = True
        container.save()
        failed = not ok and settings.get("Retries") and state[key] >= settings["Retries"]
    if failed:
        _act(container, "restart")


def _act(container: Container, action: str) -> None:
    from ocikit.libpod.container.restart import restart
    from ocikit.libpod.container.stop import kill, stop

    if action == "kill":
        kill(container, 9)
    elif action == "stop":
        stop(container)
    else:
        restart(container)
