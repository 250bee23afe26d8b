"""podman export."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="export [options] CONTAINER",
    short="Export container's filesystem contents as a tar archive",
    long="Writes everything that a container's file system holds as one tar.",
    example="podman export web > web.tar\npodman export --output web.tar web",
    flags=(Flag("output", short="o", help="Write to this file instead of standard output", complete="files"),),
    args=exactly(1),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """To the file, or to standard output if that is no terminal."""
    import os

    from ocikit.common.errors import OcikitError
    from ocikit.libpod.container.filesystem import export
    from ocikit.podman.engine import open_runtime

    if not opts.output and os.isatty(1):
        raise OcikitError("refusing to export to terminal. Use -o flag or redirect")
    if ":" in opts.output:
        raise OcikitError(f'invalid filename (should not contain ":") "{opts.output}"')
    runtime = open_runtime(ctx)
    container = runtime.containers.get(args[0])
    if not opts.output:
        export(container, 1)
        return 0
    fd = os.open(opts.output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        export(container, fd)
    finally:
        os.close(fd)
    return 0
