"""``podman restart``."""

from __future__ import annotations

from ocikit.libpod.container.record import CREATED, PAUSED, RUNNING, STOPPING, Container
from ocikit.libpod.container.start import begin
from ocikit.libpod.container.stop import stop


def restart(container: Container, timeout_s: int | None = None) -> None:
    """Stops a running container and starts it again; any other is just started."""
    with container.locked():
        number = container.number
        if number == PAUSED:
            from ocikit.libpod.errors import StateImproper

            raise StateImproper(f"unable to restart a container in a paused or unknown state: {container.id}")
    if number in (RUNNING, STOPPING):
        auto = container.annotations.pop("io.podman.annotations.autoremove", None)
        try:
            stop(container, timeout_s)
        finally:
            if auto is not None:
                container.annotations["io.podman.annotations.autoremove"] = auto
    with container.locked():
        if container.number in (RUNNING,):
            return
        if container.number == CREATED:
            pass
        container.state["restarting"] = False
        launch = begin(container)
        launch.start()
        launch.close()
        container.event("restart")
