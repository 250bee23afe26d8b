"""Reading a container's log through the library of the monitor's formats."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod import logs
from ocikit.libpod.container.record import RUNNING, STOPPING, Container
from ocikit.libpod.errors import NoSuchContainer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def lines(
    container: Container,
    *,
    follow: bool = False,
    tail: int = -1,
    since: float | None = None,
    until: float | None = None,
    timestamps: bool = False,
) -> Iterator[logs.LogLine]:
    """The lines of ``podman logs``. Raises OcikitError where the log driver keeps none."""
    driver = container.config.get("logDriver") or "k8s-file"
    options = logs.LogOptions(follow=follow, tail=tail, since=since, until=until, timestamps=timestamps)
    if driver == "none":
        raise OcikitError(
            "this container is using the 'none' log driver, cannot read logs: this container is not logging output"
        )
    if driver.startswith("passthrough"):
        raise OcikitError(
            "this container is using the 'passthrough' log driver, cannot read logs: this container is not logging output"
        )
    if driver == "journald":
        yield from logs.read_journal(container.id, options)
        return

    def running() -> bool:
        try:
            container.state = container.runtime.state.container_state(container.id)
        except NoSuchContainer:
            return False
        container.runtime.containers.freshen(container)
        return container.number in (RUNNING, STOPPING)

    yield from logs.read(container.config["logPath"], options, running)
