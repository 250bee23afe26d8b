"""From podman's global flags to a runtime, and what many container commands share."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.libpod.containers import Handle
    from ocikit.libpod.runtime import Runtime


def open_runtime(ctx: Context) -> Runtime:
    """The runtime that the global flags describe. An ordinary user's process first enters his user namespace."""
    from ocikit.libpod.runtime import Runtime, RuntimeOptions

    g = ctx.globals
    enter_userns(ctx)
    if g.remote or g.changed("url") or g.changed("connection"):
        from ocikit.common.errors import Unsupported

        raise Unsupported("this podman has no remote client: leave out --remote, --url and --connection")
    return Runtime.open(
        RuntimeOptions(
            root=g.root or None,
            runroot=g.runroot or None,
            tmpdir=g.tmpdir or None,
            storage_driver=g.storage_driver or None,
            storage_opts=g.storage_opt or None,
            imagestore=g.imagestore or None,
            runtime=g.runtime,
            runtime_flags=g.runtime_flag,
            conmon=g.conmon,
            cgroup_manager=g.cgroup_manager,
            events_backend=g.events_backend,
            network_config_dir=g.network_config_dir,
            volumepath=g.volumepath,
            hooks_dir=g.hooks_dir,
            network_cmd_path=g.network_cmd_path,
            log_level=_monitor_level(g.log_level),
            syslog=bool(g.syslog),
            transient_store=bool(g.transient_store),
        )
    )


def _monitor_level(name: str) -> str:
    return {"warn": "warning"}.get(name, name)


def enter_userns(ctx: Context) -> None:
    """Re-executes in the user's own namespace where there is no root (storage.userns); returns at once for root."""
    import os

    if os.geteuid() != 0:
        from ocikit.storage.userns import become_root_in_userns

        become_root_in_userns()


def cidfile_names(paths: Iterable[str]) -> list[str]:
    """The ids in ``--cidfile`` files. Raises OcikitError naming the file that cannot be read."""
    from ocikit.common.errors import OcikitError

    names = []
    for path in paths:
        try:
            with open(path, encoding="utf-8") as file:
                names.append(file.readline().strip())
        except OSError as error:
            raise OcikitError(f"reading CIDFile: open {path}: {(error.strerror or '').lower()}") from None
    return names


def chosen(runtime: Runtime, opts: Values, args: Sequence[str], *, running: bool = False) -> list[tuple[str, Handle]]:
    """The containers of a command with (name as typed, container): named, ``--cidfile``, ``--latest``, ``--all``, ``--filter``.

    Raises OcikitError if none is named at all.
    """
    from ocikit.common.errors import OcikitError, UsageError

    cidfiles = opts.cidfile if "cidfile" in opts else []
    latest = "latest" in opts and opts.latest
    everything = "all" in opts and opts.all
    filters = opts.filter if "filter" in opts else []
    if everything and latest:
        raise UsageError("--all and --latest cannot be used together", hint="-")
    if (everything or latest) and args:
        flag = "all" if everything else "latest"
        raise UsageError(
            f"--{flag} and arguments cannot be used together"
            if everything
            else "--latest and containers cannot be used together",
            hint="-",
        )
    if latest:
        container = runtime.containers.latest()
        return [(container.id, container)]
    if everything or filters:
        from ocikit.libpod.filters import container_filters

        test = container_filters(runtime, filters)
        found = [c for c in runtime.containers.list() if test(c)]
        if args:
            wanted = [runtime.containers.get(name).id for name in args]
            found = [c for c in found if c.id in wanted]
        return [
            (c.id, runtime.containers.by_id(c.id)) for c in found if not running or c.status in ("running", "paused")
        ]
    names = [*args, *cidfile_names(cidfiles)]
    if not names:
        raise OcikitError("you must provide at least one name or id")
    return [(name, runtime.containers.get(name)) for name in names]


def each(
    items: Iterable[tuple[str, Handle]], work: Callable[[Handle], object], *, echo: bool = True, by_id: bool = False
) -> int:
    """Does something to each container and prints its name as typed; goes on after an error, which decides the exit code."""
    from ocikit.common.errors import OcikitError

    code = 0
    for name, container in items:
        try:
            work(container)
        except OcikitError as error:
            sys.stdout.flush()
            sys.stderr.write(f"Error: {error}\n")
            code = max(code, error.exit_code)
            continue
        if echo:
            sys.stdout.write((container.id if by_id else name) + "\n")
    return code


def tolerant(runtime: Runtime, opts: Values, args: Sequence[str], *, running: bool = False) -> list[tuple[str, Handle]]:
    """As ``chosen``; with ``--ignore`` what does not exist is left out."""
    from ocikit.libpod.errors import NoSuchContainer

    if not opts.ignore or not (args or opts.cidfile):
        return chosen(runtime, opts, args, running=running)
    found = []
    import os

    paths = [path for path in opts.cidfile if os.path.exists(path)]
    for name in [*args, *cidfile_names(paths)]:
        try:
            found.append((name, runtime.containers.get(name)))
        except NoSuchContainer:
            continue
    return found
