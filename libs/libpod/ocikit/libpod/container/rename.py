"""``podman rename``."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod.container.record import Container
from ocikit.libpod.names import check_name


def rename(container: Container, name: str) -> None:
    """Gives a container another name, in the state and in the store. Raises ContainerExists if it is taken."""
    check_name(name)
    runtime = container.runtime
    with container.locked():
        container.reload()
        if name == container.name:
            raise OcikitError(f"name {name!r} is in use by this container already".replace("'", '"'))
        container.config["name"] = name
        runtime.state.save_config(container.config)
        if container.config.get("rootfsImageID"):
            runtime.store.set_container_names(container.id, [name])
        container.event("rename")
