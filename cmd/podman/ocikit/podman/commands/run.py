"""podman run."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, at_least
from ocikit.common.cli.optionsets.container import CREATE, RUN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.libpod.container.run import AttachOptions

COMMAND = Command(
    use="run [options] IMAGE [COMMAND [ARG...]]",
    short="Run a command in a new container",
    long="Makes a container from an image and runs a command in it.",
    example="podman run docker.io/library/busybox date\npodman run --rm -it alpine sh\npodman run -d -p 8080:80 --name web nginx",
    flags=(*CREATE, *RUN),
    args=at_least(1),
    interspersed=False,
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Creates, starts, and (without ``-d``) stays attached."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.container.run import DETACHED, exit_status, run_foreground
    from ocikit.podman.creating import options_from
    from ocikit.podman.engine import open_runtime

    streams = attach_options(opts)
    runtime = open_runtime(ctx)
    container = runtime.containers.create(options_from(opts, COMMAND.flags, args), warn=ctx.warn)
    try:
        if opts.detach:
            container.start()
            sys.stdout.write(container.id + "\n")
            return 0
        code = run_foreground(container, streams)
        return 0 if code == DETACHED else exit_status(code)
    except OcikitError as error:
        if error.exit_code == 125:
            error.exit_code = 126
        if opts.rm:
            _discard(container)
        raise


def _discard(container: object) -> None:
    """A ``--rm`` container that could not be started is not kept."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.containers import Handle

    assert isinstance(container, Handle)
    try:
        container.remove(force=True, volumes=True)
    except OcikitError:
        pass


def attach_options(opts: Values) -> AttachOptions:
    """Which of our streams are the container's (``-i``, ``-a``). Raises UsageError for a stream that there is not."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.container.run import AttachOptions

    streams = {"stdin": opts.interactive, "stdout": True, "stderr": True}
    if opts.attach:
        streams = dict.fromkeys(streams, False)
        for name in opts.attach:
            if name.lower() not in streams:
                raise OcikitError(
                    f'invalid stream "{name}" for --attach - must be one of stdin, stdout, or stderr: invalid argument'
                )
            streams[name.lower()] = True
    return AttachOptions(
        stdin=0 if streams["stdin"] else -1,
        stdout=1 if streams["stdout"] else -1,
        stderr=2 if streams["stderr"] else -1,
        detach_keys=opts.detach_keys if opts.changed("detach-keys") else None,
        sig_proxy=opts.sig_proxy and not opts.tty,
    )
