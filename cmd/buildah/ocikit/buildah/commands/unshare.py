"""buildah unshare."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="unshare [flags] [COMMAND [ARG...]]",
    short="Run a command in a modified user namespace",
    long="Runs a command, or a shell, as root of the user namespace in which an ordinary user's builds run.",
    example="buildah unshare id\nbuildah unshare --mount CTR=work sh -c 'ls $CTR'",
    flags=(
        Flag("mount", "strings", "m", help="Mount a working container and put its place into a variable (repeatable)", metavar="VARIABLE=CONTAINER", complete="containers"),
    ),
    args=any_args(),
    interspersed=False,
    complete="none",
)  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """The command's exit status is ours."""
    import os
    import sys

    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import CommandNotFound, OcikitError
    from ocikit.libpod.build.working import WorkingContainer
    from ocikit.libpod.oci import RESET_SIGNALS, wait
    from ocikit.storage.userns import become_root_in_userns

    if os.geteuid() == 0 and not os.environ.get("_CONTAINERS_USERNS_CONFIGURED"):
        raise OcikitError("please use unshare with rootless")
    become_root_in_userns()
    words = args or [os.environ.get("SHELL") or "/bin/sh"]
    mounted: list[str] = []
    sys.stdout.flush()
    try:
        with open_store(ctx) as store:
            for text in opts.mount:
                variable, equals, name = text.partition("=")
                container = WorkingContainer.load(store, name if equals else variable)
                os.environ[variable] = store.mount(container.record.id)
                mounted.append(container.record.id)
        try:
            return wait(os.posix_spawnp(words[0], words, os.environ, setsigdef=RESET_SIGNALS))
        except FileNotFoundError:
            raise CommandNotFound(f'exec: "{words[0]}": executable file not found in $PATH') from None
    finally:
        if mounted:
            with open_store(ctx) as store:
                for container_id in mounted:
                    store.unmount(container_id)
