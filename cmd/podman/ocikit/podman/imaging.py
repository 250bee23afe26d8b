"""From flags to the image library: the store, the system context, reporters. Shared by all image commands."""

from __future__ import annotations

import os

from ocikit.image.cli.helpers import (
    check_authfile,
    chooser,
    confirm,
    decryption,
    encryption,
    join_errors,
    no_retries,
    parse_creds,
    platform_fields,
    quiet_say,
    registry_context,
    remove_build_cache,
    reporter,
    retries,
    say,
    signers,
    system_context,
    write_file,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocikit.common.cli.program import Context
    from ocikit.image.local.artifacts import ArtifactStore
    from ocikit.storage import Store


def open_store(ctx: Context) -> Store:
    """The store that the global flags describe; an ordinary user enters his user namespace first."""
    from ocikit.storage.config import StoreOptions
    from ocikit.storage.store import Store

    g = ctx.globals
    refuse_remote(ctx)
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


def artifact_store(ctx: Context) -> ArtifactStore:
    """Where artifacts are kept: beside the images."""
    from ocikit.image.local.artifacts import ArtifactStore

    return ArtifactStore(open_store(ctx).graphroot)


def refuse_remote(ctx: Context) -> None:
    """Raises Unsupported for ``--remote`` and its like."""
    g = ctx.globals
    if g.remote or g.changed("url") or g.changed("connection"):
        from ocikit.common.errors import Unsupported

        raise Unsupported("this podman has no remote client: leave out --remote, --url and --connection")


def container_remover(ctx: Context, store: Store) -> Callable[[str], None]:
    """Removes a container of the store, whoever made it: podman's through libpod, others from the store alone."""

    def remove(container_id: str) -> None:
        from ocikit.podman.engine import open_runtime

        runtime = open_runtime(ctx)
        try:
            from ocikit.common.errors import NotFound

            try:
                container = runtime.containers.get(container_id)
            except NotFound:
                store.delete_container(container_id)
            else:
                container.remove(force=True)
        finally:
            runtime.close()

    return remove


def event(ctx: Context, store: Store, status: str, image_id: str, name: str) -> None:
    """One line in podman's event log, as ``podman events`` shows it."""
    from ocikit.common.config import load_containers_conf
    from ocikit.libpod.events import EventLog
    from ocikit.libpod.runtime import default_tmpdir
    from ocikit.storage.userns import is_rootless

    engine = load_containers_conf().engine
    tmpdir = ctx.globals.tmpdir or engine.get("tmp_dir") or default_tmpdir(is_rootless())
    backend = ctx.globals.events_backend or engine.get("events_logger") or "file"
    path = engine.get("events_logfile_path") or f"{tmpdir}/events/events.log"
    EventLog(path, enabled=backend != "none").write("image", status, None, ID=image_id, Name=name)


def external_remover(ctx: Context, store: Store) -> Callable[[str], None]:
    """Removes containers that podman doesn't know (buildah's); one that it knows is left, and so is its image."""

    def remove(container_id: str) -> None:
        from ocikit.common.errors import NotFound
        from ocikit.podman.engine import open_runtime
        from ocikit.storage.errors import ImageInUse

        runtime = open_runtime(ctx)
        try:
            runtime.containers.get(container_id)
        except NotFound:
            store.delete_container(container_id)
        else:
            raise ImageInUse(f"image used by {container_id}: image is in use by a container")
        finally:
            runtime.close()

    return remove


def require_mount_namespace(ctx: Context, command: str) -> None:
    """An ordinary user's mount ends with his process, so it has to be asked for inside ``podman unshare``."""
    if os.geteuid() != 0 and not os.environ.get("_CONTAINERS_USERNS_CONFIGURED"):
        from ocikit.common.errors import PermissionNeeded

        raise PermissionNeeded(
            f'cannot run command "{command}" in rootless mode, must execute `podman unshare` first',
        )


def secret_data(ctx: Context, name: str) -> str:
    """The content of a podman secret."""
    from ocikit.libpod.secrets import Secrets
    from ocikit.podman.engine import open_runtime

    secrets = Secrets.of(open_runtime(ctx))
    return secrets.data(secrets.get(name)).decode("utf-8", "surrogateescape")


__all__ = [
    "artifact_store",
    "check_authfile",
    "chooser",
    "confirm",
    "container_remover",
    "decryption",
    "encryption",
    "event",
    "external_remover",
    "join_errors",
    "no_retries",
    "open_store",
    "parse_creds",
    "platform_fields",
    "quiet_say",
    "refuse_remote",
    "registry_context",
    "remove_build_cache",
    "reporter",
    "require_mount_namespace",
    "retries",
    "say",
    "secret_data",
    "signers",
    "system_context",
    "write_file",
]
