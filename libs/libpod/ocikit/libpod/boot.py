"""The boot marker: noticing a reboot and making the recorded states true again (libpod.md section 3, "boot refresh")."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.runtime import Runtime


def boot_id() -> str:
    """The kernel's id of this boot, 36 characters; "" where /proc does not tell."""
    try:
        with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
            return file.read().strip()
    except OSError:
        return ""


def check_boot(runtime: Runtime) -> None:
    """Reads ``TMPDIR/alive``; absent means that this is the first command since boot, and states are refreshed."""
    paths = runtime.paths
    marker = f"{paths.tmpdir}/alive"
    try:
        with open(marker, encoding="utf-8") as file:
            stored = file.read()
    except FileNotFoundError:
        _first(runtime, marker)
        return
    current = boot_id()
    if stored and current and stored != current:
        raise OcikitError(
            "current system boot ID differs from cached boot ID; an unhandled reboot has occurred. "
            f'Please delete directories "{paths.runroot}" and "{paths.tmpdir}" and re-run Podman'
        )


def _first(runtime: Runtime, marker: str) -> None:
    import fcntl

    runtime.paths.make()
    lock = os.open(marker + ".lck", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.lockf(lock, fcntl.LOCK_EX)
        if os.path.exists(marker):
            return
        refresh(runtime)
        with open(marker, "w", encoding="utf-8") as file:
            file.write(boot_id())
    finally:
        os.close(lock)


def refresh(runtime: Runtime) -> None:
    """Forgets what did not survive: processes, mounts, namespaces, exec sessions, mount counts, exit codes."""
    if not os.path.exists(f"{runtime.paths.graphroot}/db.sql"):
        return
    state = runtime.state
    runtime.events.write("system", "refresh")
    for config, record in state.containers():
        runtime.locks.claim(config["lockID"])
        state.save_state(config["id"], refreshed(record))
    for config, record in state.volumes():
        runtime.locks.claim(config["lockID"])
        record["mountCount"] = 0
        record.pop("mountPoint", None)
        state.save_volume_state(config["name"], record)
    for config, _ in state.pods():
        runtime.locks.claim(config["lockID"])
    state.clear_exit_codes()


def refreshed(record: dict[str, Any]) -> dict[str, Any]:
    """A container's state after a reboot: exited if it ever started, configured otherwise. Pure."""
    keep: dict[str, Any] = {
        key: record[key]
        for key in (
            "startedTime",
            "finishedTime",
            "exitCode",
            "exited",
            "restartCount",
            "stoppedByUser",
            "networkStatus",
        )
        if key in record
    }
    started = bool(keep.get("startedTime")) and not str(keep["startedTime"]).startswith("0001-")
    keep.pop("networkStatus", None)
    keep["state"] = 6 if started and record.get("state") != 1 else 1 if not started else 6
    if keep["state"] == 6:
        keep["exited"] = True
    return keep
