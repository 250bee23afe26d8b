"""podman attach."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import DETACH_KEYS, LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="attach [options] CONTAINER",
    short="Attach to a running container",
    long="Connects this terminal to the streams of a running container.",
    example="podman attach web\npodman attach --no-stdin web",
    flags=(
        DETACH_KEYS,
        LATEST,
        Flag("no-stdin", "bool", help="Leave standard input detached"),
        Flag("sig-proxy", "bool", default=True, help="Hand signals on to the container"),
    ),
    args=any_args(),
    complete="running",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Streams until the container ends or the detach keys are typed."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.container.run import DETACHED, AttachOptions, attach_to
    from ocikit.podman.engine import chosen, open_runtime

    if len(args) > 1 or (not args and not opts.latest):
        raise OcikitError("attach requires the name or id of one running container or the latest flag")
    runtime = open_runtime(ctx)
    _, container = chosen(runtime, opts, args)[0]
    code = attach_to(
        container,
        AttachOptions(
            stdin=-1 if opts.no_stdin else 0,
            detach_keys=opts.detach_keys if opts.changed("detach-keys") else None,
            sig_proxy=opts.sig_proxy,
        ),
    )
    return 0 if code == DETACHED else code
