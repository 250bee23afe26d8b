"""podman rm."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST
from ocikit.common.cli.optionsets.output import FILTER_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="rm [options] CONTAINER [CONTAINER...]",
    short="Remove one or more containers",
    long="Removes containers. Running ones only with --force.",
    example="podman rm web\npodman rm --force --time 0 web db\npodman rm --all",
    flags=(
        Flag("all", "bool", "a", help="Remove every container"),
        Flag("cidfile", "stringArray", help="Read a container's id from this file (repeatable)", complete="files"),
        Flag("depend", "bool", help="Remove the containers that depend on it as well"),
        FILTER_ARRAY.but(short=""),
        Flag("force", "bool", "f", help="Stop running containers first; a missing one is no error"),
        Flag("ignore", "bool", "i", help="Say nothing of containers that do not exist"),
        LATEST,
        Flag("time", "int", "t", help="With --force: seconds until SIGKILL", shown="10"),
        Flag("volumes", "bool", "v", help="Remove the containers' anonymous volumes as well"),
    ),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes each and prints the name as given; 1 for an unknown one, 2 for a running one."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.errors import NoSuchContainer
    from ocikit.podman.engine import chosen, cidfile_names, open_runtime

    if opts.changed("time") and not opts.force:
        raise OcikitError("--force option must be specified to use the --time option")
    runtime = open_runtime(ctx)
    code = 0
    timeout = opts.time if opts.changed("time") else None

    def remove(name: str) -> None:
        nonlocal code
        try:
            container = runtime.containers.get(name)
            container.remove(force=opts.force, volumes=opts.volumes, timeout_s=timeout, depend=opts.depend)
        except NoSuchContainer as error:
            if opts.force or opts.ignore:
                return
            if _remove_external(runtime, name):
                sys.stdout.write(name + "\n")
                return
            sys.stderr.write(f'Error: no container with ID or name "{error.name}" found: no such container\n')
            code = max(code, 1)
            return
        except OcikitError as error:
            sys.stdout.flush()
            sys.stderr.write(f"Error: {error}\n")
            code = max(code, error.exit_code)
            return
        sys.stdout.write(name + "\n")

    if opts.all or opts.latest or opts.filter:
        for name, _ in chosen(runtime, opts, args):
            remove(name)
        return code
    names = [*args, *cidfile_names(opts.cidfile)]
    if not names:
        raise OcikitError("you must provide at least one name or id")
    for name in names:
        remove(name)
    return code


def _remove_external(runtime: object, name: str) -> bool:
    """A container that only the store knows (buildah's, or another tool's)."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.runtime import Runtime

    assert isinstance(runtime, Runtime)
    try:
        record = runtime.store.container(name)
        runtime.store.unmount(record.id, force=True)
    except OcikitError:
        try:
            record = runtime.store.container(name)
        except OcikitError:
            return False
    runtime.store.delete_container(record.id)
    return True
