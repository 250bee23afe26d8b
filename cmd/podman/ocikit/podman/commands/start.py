"""podman start."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import DETACH_KEYS, LATEST
from ocikit.common.cli.optionsets.output import FILTER_ARRAY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="start [options] CONTAINER [CONTAINER...]",
    short="Start one or more containers",
    long="Starts containers that were created or have ended.",
    example="podman start web\npodman start --attach --interactive shell\npodman start --all",
    flags=(
        Flag("all", "bool", help="Start every container, whatever its state"),
        Flag("attach", "bool", "a", help="Stay attached to the container's output"),
        DETACH_KEYS,
        FILTER_ARRAY,
        Flag("interactive", "bool", "i", help="Keep standard input attached"),
        LATEST,
        Flag("sig-proxy", "bool", help="Hand signals on to the container (usual with --attach)"),
    ),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Starts each; with ``--attach`` the one, and its exit code is ours."""
    from ocikit.common.errors import OcikitError
    from ocikit.podman.engine import chosen, each, open_runtime

    if (opts.attach or opts.interactive) and len(args) > 1:
        raise OcikitError("you cannot start and attach multiple containers at once")
    if opts.sig_proxy and not opts.attach:
        raise OcikitError("you cannot use sig-proxy without --attach: invalid argument")
    runtime = open_runtime(ctx)
    items = chosen(runtime, opts, args)
    if opts.attach or opts.interactive:
        from ocikit.libpod.container.record import RUNNING
        from ocikit.libpod.container.run import DETACHED, AttachOptions, attach_to, exit_status, run_foreground

        name, container = items[0]
        with container.locked():
            pass  # what has just ended counts as ended
        streams = AttachOptions(
            stdin=0 if opts.interactive else -1,
            stdout=1 if opts.attach else -1,
            stderr=2 if opts.attach else -1,
            detach_keys=opts.detach_keys if opts.changed("detach-keys") else None,
            sig_proxy=opts.sig_proxy if opts.changed("sig-proxy") else True,
        )
        if container.number == RUNNING:
            code = attach_to(container, streams)
            if code != DETACHED:
                code = container.wait()
        elif opts.attach:
            code = run_foreground(container, streams)
        else:
            container.start()
            sys.stdout.write(name + "\n")
            return 0
        return 0 if code == DETACHED else exit_status(code)
    return each(items, lambda container: container.start())
