"""Live names for shell completion: each function is called with (context, what was typed) and returns names."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context
    from ocikit.storage import Store

PREFIXES = ("docker.io/library/", "docker.io/", "localhost/")


def _store(ctx: Context) -> Store:
    from ocikit.storage import Store, StoreOptions

    g = ctx.globals
    if os.geteuid() != 0:
        from ocikit.storage.userns import become_root_in_userns

        become_root_in_userns()
    return Store.open(
        StoreOptions(
            graphroot=g.root or None,
            runroot=g.runroot or None,
            driver=g.storage_driver or None,
            options=g.storage_opt or None,
            imagestore=g.imagestore or None,
        )
    )


def images(ctx: Context, incomplete: str) -> list[str]:
    """Names of local images, also without the registry that is assumed where none is typed."""
    found: list[str] = []
    with _store(ctx) as store:
        for image in store.images():
            for name in image.names or ():
                if "@" not in name:
                    found.append(name)
                    found += [name.removeprefix(prefix) for prefix in PREFIXES if name.startswith(prefix)]
    return sorted(dict.fromkeys(found))


def containers(ctx: Context, incomplete: str) -> list[str]:
    """Names of working containers (and of others in the store)."""
    with _store(ctx) as store:
        return sorted({name for container in store.containers() for name in container.names or ()})
