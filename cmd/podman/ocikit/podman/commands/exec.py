"""podman exec."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, any_args
from ocikit.common.cli.optionsets.container import EXEC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="exec [options] CONTAINER COMMAND [ARG...]",
    short="Run a process in a running container",
    long="Runs one more process in a container that is running.",
    example="podman exec web ls -l /\npodman exec -it web sh\npodman exec -d web touch /tmp/x",
    flags=EXEC,
    args=any_args(),
    interspersed=False,
    complete="running",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """The exit code is the process's."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod import attach
    from ocikit.libpod.container import execs
    from ocikit.podman.engine import cidfile_names, open_runtime

    if not args and not opts.latest and not opts.cidfile:
        raise OcikitError("exec requires the name or ID of a container or the --latest flag")
    runtime = open_runtime(ctx)
    words = list(args)
    if opts.latest:
        container = runtime.containers.latest()
    elif opts.cidfile:
        container = runtime.containers.get(cidfile_names([opts.cidfile])[0])
    else:
        container = runtime.containers.get(words.pop(0))
    if not words:
        raise OcikitError("must provide a non-empty command to start an exec session: invalid argument")
    options = execs.ExecOptions(
        command=words,
        env=opts.env,
        env_file=opts.env_file,
        interactive=opts.interactive,
        tty=opts.tty,
        privileged=opts.privileged,
        user=opts.user,
        workdir=opts.workdir,
        preserve_fds=opts.preserve_fds,
        preserve_fd=opts.preserve_fd,
        detach_keys=opts.detach_keys if opts.changed("detach-keys") else None,
        no_session=opts.no_session,
    )
    if opts.detach:
        session = execs.create(container, options)
        execs.start(container, session, options, None)
        sys.stdout.write(session + "\n")
        return 0
    streams = attach.Streams(0 if opts.interactive else -1, 1, 2)
    return execs.run(container, options, streams) & 0xFF
