"""From buildah's global flags to a store and the surroundings of a build."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context
    from ocikit.libpod.build.surroundings import Surroundings
    from ocikit.storage import Store


def open_store(ctx: Context) -> Store:
    """The store that the global flags describe. An ordinary user's process first enters his user namespace."""
    import os

    from ocikit.storage import Store, StoreOptions

    if os.geteuid() != 0:
        from ocikit.storage.userns import become_root_in_userns

        become_root_in_userns()
    g = ctx.globals
    return Store.open(
        StoreOptions(
            graphroot=g.root or None,
            runroot=g.runroot or None,
            driver=g.storage_driver or None,
            options=g.storage_opt or None,
            imagestore=g.imagestore or None,
            transient=True if g.transient_store else None,
            keep_file_options=True,
        )
    )


def surroundings(store: Store, runtime: str = "") -> Surroundings:
    """What containers.conf says about RUN steps, unless a flag says otherwise."""
    from ocikit.common.config import load_containers_conf
    from ocikit.libpod.build.surroundings import Surroundings
    from ocikit.libpod.spec.settings import Settings

    conf = load_containers_conf()
    return Surroundings(
        store.graphroot,
        settings=Settings.from_section(conf.containers),
        runtime=runtime or conf.engine.get("runtime") or "",
    )


def event(ctx: Context, store: Store, status: str, image_id: str, name: str) -> None:
    """Buildah keeps no log of events."""


def secret_data(ctx: Context, name: str) -> str:
    """Buildah keeps no secrets."""
    from ocikit.common.errors import Unsupported

    raise Unsupported(f"--secret {name}: buildah keeps no secrets", hint="use --password-stdin")
