"""Containers that only the store knows: buildah's, or another program's (``ps --external``)."""

from __future__ import annotations

from ocikit.common import jsonfast
from ocikit.libpod.psrow import PsRow

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.container.record import Container
    from ocikit.libpod.runtime import Runtime


class _Record:
    """As much of a container as a row of ps needs."""

    def __init__(self, runtime: Runtime, config: dict[str, Any], status: str) -> None:
        self.runtime = runtime
        self.config = config
        self.state: dict[str, Any] = {}
        self.id = config["id"]
        self.name = config["name"]
        self.status = status
        self.exit_code = 0
        self.pid = 0
        self.labels: dict[str, str] = {}


def rows(runtime: Runtime, truncate: bool) -> list[PsRow]:
    """Rows with the status ``Storage``, or ``Buildah`` for its working containers."""
    known = set(runtime.state.container_ids())
    found = []
    for record in runtime.store.containers():
        if record.id in known:
            continue
        config = describe(runtime, record)
        status = "storage"
        if config.pop("buildah", False):
            status = "buildah"
            config["command"] = ["buildah"]
        else:
            config["command"] = ["storage"]
        container: Any = _Record(runtime, config, status)
        item: Container = container
        found.append(PsRow(item, truncate=truncate))
    return found


def describe(runtime: Runtime, record: Any) -> dict[str, Any]:
    """The keys of a configuration that such a container has."""
    config: dict[str, Any] = {
        "id": record.id,
        "name": record.names[0] if record.names else "",
        "createdTime": record.created,
        "rootfsImageID": record.image,
        "rootfsImageName": "",
    }
    try:
        with open(f"{runtime.paths.bundle(record.id)}/buildah.json", "rb") as file:
            document = jsonfast.loads(file.read())
        config["buildah"] = True
        config["rootfsImageName"] = document.get("image") or ""
    except (OSError, ValueError):
        try:
            config["rootfsImageName"] = jsonfast.loads(record.metadata or "{}").get("image-name", "")
        except ValueError:
            pass
    return config
