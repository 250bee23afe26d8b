"""``ps --sync``: comparing the recorded states with what the OCI runtime says."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod.container.record import PAUSED, RUNNING, Container, record_exit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocikit.libpod.runtime import Runtime


def sync_all(runtime: Runtime, containers: Iterable[Container]) -> None:
    """Asks the runtime about every container that should be alive."""
    for container in containers:
        if container.number not in (RUNNING, PAUSED):
            continue
        with container.locked():
            if container.number not in (RUNNING, PAUSED):
                continue
            try:
                found = runtime.oci_named(container.config.get("runtime", "")).state(container.id)
            except OcikitError:
                continue
            status = (found or {}).get("status", "stopped")
            if status == "stopped":
                record_exit(container, -1, None)
            elif {"running": RUNNING, "paused": PAUSED}.get(status, container.number) != container.number:
                container.state["state"] = RUNNING if status == "running" else PAUSED
                container.save()
