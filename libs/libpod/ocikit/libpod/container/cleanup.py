"""Taking down what a stopped container still holds, restart policies, and removal (libpod.md section 3)."""

from __future__ import annotations

import os
import time

from ocikit.common.errors import OcikitError
from ocikit.libpod import times
from ocikit.libpod.container import network, prepare
from ocikit.libpod.container.dismantle import dismantle, traces
from ocikit.libpod.container.record import (
    CONFIGURED,
    CREATED,
    EXITED,
    PAUSED,
    REMOVING,
    RUNNING,
    STOPPED,
    STOPPING,
    Container,
)
from ocikit.libpod.errors import NoSuchContainer, StateImproper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.libpod.runtime import Runtime

EXIT_CODES_KEPT_S = 300


def cleanup(container: Container, *, event: bool = True, after: bool = True, wait: bool = True) -> Deletion | None:
    """With the lock held: network, runtime container, mounts go; state exited (configured if it never ran).

    Everything is tried; the first failure is raised at the end, when the state is saved. The runtime's part runs in a
    process beside the rest; without ``wait`` the caller gets it and has to call it.
    """
    state = container.state
    if state.get("state") in (RUNNING, PAUSED):
        raise StateImproper(f"container {container.id} is running or paused, refusing to clean up")
    if state.get("state") in (CONFIGURED, EXITED) and not state.get("mounted") and not state.get("netns"):
        return None
    failure: BaseException | None = None
    deletion = _begin_delete(container)
    # Processes that are gone hold no mount: only then need nobody wait for the runtime.
    quick = bool(state.get("exited")) and not state.get("pid")
    ending = network.Ending(container)
    order = (prepare.unmount, ending) if quick else (deletion, prepare.unmount, ending)
    for step in (*order, *((deletion,) if quick and wait else ())):
        try:
            step(container)
        except (OcikitError, OSError) as error:
            failure = failure or error
    _remove_leftovers(container)
    started = not times.is_zero(state.get("startedTime", ""))
    state["state"] = EXITED if started or state.get("exited") else CONFIGURED
    state["pid"] = state["conmonPid"] = 0
    state.pop("newExecSessions", None)
    state.pop("bindMounts", None)
    container.save()
    if after:
        container.runtime.state.prune_exit_codes(int(time.time()) - EXIT_CODES_KEPT_S)
    if event:
        container.event("cleanup")
    if failure is not None:
        raise failure
    return deletion if quick and not wait and isinstance(deletion, Deletion) else None


class Deletion:
    """``runc delete --force`` running beside the rest; calling it waits."""

    __slots__ = ("_container", "_pid")

    def __init__(self, container: Container, pid: int) -> None:
        self._container = container
        self._pid = pid

    def __call__(self, _: Container) -> None:
        from ocikit.libpod import oci

        if oci.wait(self._pid) and os.path.exists(f"{container_state_dir(self._container)}/state.json"):
            # Rare and interesting: run it again with its words on record.
            runtime = self._container.runtime.oci_named(self._container.config.get("runtime", ""))
            runtime.delete(self._container.id, force=True)


def _begin_delete(container: Container) -> Deletion | _Nothing:
    from ocikit.libpod import oci

    if not os.path.exists(f"{container.bundle}/config.json"):
        return _Nothing()
    runtime = container.runtime.oci_named(container.config.get("runtime", ""))
    words = [runtime.path, *runtime.global_args, "delete", "--force", container.id]
    actions = [
        (os.POSIX_SPAWN_OPEN, 0, "/dev/null", os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, "/dev/null", os.O_WRONLY, 0),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    pid = os.posix_spawn(runtime.path, words, os.environ, file_actions=actions, setsigdef=oci.RESET_SIGNALS)
    return Deletion(container, pid)


class _Nothing:
    __slots__ = ()

    def __call__(self, _: Container) -> None:
        return


def container_state_dir(container: Container) -> str:
    """Where the runtime keeps its record of the container."""
    if container.runtime.rootless:
        base = os.environ.get("XDG_RUNTIME_DIR") or "/run"
        return f"{base}/runc/{container.id}"
    return f"/run/runc/{container.id}"


def _remove_leftovers(container: Container) -> None:
    for name in ("attach", "ctl", "winsz", "health-interval", "config.json"):
        try:
            os.unlink(f"{container.bundle}/{name}")
        except (FileNotFoundError, IsADirectoryError):
            continue


def finish_exited(
    runtime: Runtime, name: str, *, remove: bool = False, remove_image: bool = False, stopped_only: bool = True
) -> None:
    """``podman container cleanup``: what conmon's exit command asks for. A container that is gone is fine."""
    try:
        container = runtime.containers.get(name)
        with container.locked():
            if container.number in (RUNNING, PAUSED) or (stopped_only and container.number == CREATED):
                raise StateImproper(f"container {container.id} is running or paused, refusing to clean up")
            if should_restart(container):
                restart_by_policy(container)
                return
            cleanup(container)
            if remove and container.auto_remove:
                remove_locked(container, volumes=True)
    except NoSuchContainer:
        return
    if remove_image:
        drop_image(runtime, container)


def drop_image(runtime: Runtime, container: Container) -> None:
    """``--rmi``: the image of a removed container goes too, unless another container uses it."""
    image = container.config.get("rootfsImageID")
    if not image or any(config.get("rootfsImageID") == image for config, _ in runtime.state.containers()):
        return
    try:
        runtime.store.delete_image(image)
    except OcikitError:
        pass


def should_restart(container: Container) -> bool:
    """Whether the restart policy applies now (libpod.md section 3)."""
    config, state = container.config, container.state
    if state.get("stoppedByUser") or not state.get("restartPolicyMatch") or state.get("state") != STOPPED:
        return False
    policy = config.get("restart_policy") or ""
    if policy in ("always", "unless-stopped"):
        return True
    if policy == "on-failure":
        limit = int(config.get("restart_retries") or 0)
        return bool(state.get("exitCode")) and (not limit or int(state.get("restartCount") or 0) < limit)
    return False


def restart_by_policy(container: Container) -> None:
    """With the lock held: another life, counted."""
    from ocikit.libpod.container.start import Launch

    count = int(container.state.get("restartCount") or 0) + 1
    container.event("restart")
    cleanup(container, event=False)
    container.state["restartCount"] = count
    container.state["restarting"] = True
    launch = Launch(container)
    launch.init()
    launch.start()
    launch.close()


def remove(
    container: Container,
    *,
    force: bool = False,
    volumes: bool = False,
    timeout_s: int | None = None,
    depend: bool = False,
) -> None:
    """``podman rm``. Raises StateImproper for a running one without ``force``."""
    runtime = container.runtime
    dependents = runtime.state.dependents(container.id)
    if dependents:
        if not depend:
            raise OcikitError(
                f"container {container.id} has dependent containers which must be removed before it: "
                f"{', '.join(dependents)}: container already exists"
            )
        for other in dependents:
            try:
                remove(runtime.containers.by_id(other), force=force, volumes=volumes, timeout_s=timeout_s, depend=True)
            except NoSuchContainer:
                continue
    if force:
        from ocikit.libpod.container.stop import stop_for_removal

        stop_for_removal(container, timeout_s)
    with container.locked():
        if container.number in (RUNNING, PAUSED, STOPPING) and not force:
            raise StateImproper(
                f"cannot remove container {container.id} as it is {container.status} - running or paused containers cannot "
                "be removed without force",
                exit_code=2,
            )
        remove_locked(container, volumes=volumes)


def remove_locked(container: Container, *, volumes: bool, clean: bool = False) -> None:
    """With the lock held: clean up, then storage, rows, lock, event. Half-done removals of the past are finished, too.

    ``clean``: the caller has just cleaned up, and there is nothing to look for.
    """
    runtime = container.runtime
    state = container.state
    number = state.get("state")
    if number in (RUNNING, PAUSED, STOPPING, CREATED, STOPPED):
        state["state"] = STOPPED
        try:
            cleanup(container, event=False, after=False)
        except (OcikitError, OSError):
            dismantle(container)
    elif not clean and (number == REMOVING or traces(container)):
        dismantle(container)
    if state.get("state") != REMOVING:
        state["state"] = REMOVING
        container.save()
    if container.config.get("rootfsImageID") or not container.config.get("rootfs"):
        delete_storage(runtime, container.id)
    else:
        from ocikit.common.files import remove_tree

        for path in (os.path.dirname(container.bundle), os.path.dirname(container.run_dir)):
            try:
                remove_tree(path)
            except FileNotFoundError:
                continue
    runtime.state.remove_container(container.id)
    runtime.locks.free(container.lock_number)
    container.event("remove")
    _remove_exit_files(container)
    cidfile = container.annotations.get("io.podman.annotations.cid-file")
    if cidfile:
        try:
            os.unlink(cidfile)
        except OSError:
            pass
    if volumes:
        for record in container.config.get("namedVolumes") or ():
            if record.get("setAnonymous"):
                try:
                    runtime.volumes.remove(record["volumeName"])
                except OcikitError:
                    continue


def delete_storage(runtime: Runtime, cid: str) -> None:
    """The store's part of a container; gone already is fine."""
    from ocikit.common.errors import NotFound

    try:
        runtime.store.delete_container(cid)
    except NotFound:
        pass
    except OSError as error:
        raise OcikitError(f"removing storage for container {cid}: {error.filename or ''}: {error.strerror}") from None


def _remove_exit_files(container: Container) -> None:
    paths = container.runtime.paths
    for path in (
        paths.exit_file(container.id),
        f"{paths.persist}/{container.id}/exit",
        f"{paths.persist}/{container.id}/oom",
    ):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
    try:
        os.rmdir(f"{paths.persist}/{container.id}")
    except OSError:
        pass
