"""podman unshare."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="unshare [options] [COMMAND [ARG...]]",
    short="Run a command in a modified user namespace",
    long="Runs a command (or a shell) in the user namespace in which your containers' files belong to you.",
    example="podman unshare id\npodman unshare cat /proc/self/uid_map\npodman unshare --rootless-netns ip addr",
    flags=(Flag("rootless-netns", "bool", help="Join the network namespace of rootless bridges as well"),),
    args=any_args(),
    interspersed=False,
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """The exit code is the command's."""
    import os

    from ocikit.common.errors import CommandNotFound, OcikitError
    from ocikit.podman.engine import enter_userns, open_runtime

    if os.geteuid() == 0 and not _rootless():
        raise OcikitError("please use unshare with rootless")
    enter_userns(ctx)
    words = args or [os.environ.get("SHELL") or "/bin/sh"]
    if opts.rootless_netns:
        from importlib import import_module

        shared = import_module("ocikit.network.rootless.shared")
        code: int = shared.run_command(open_runtime(ctx).networks, words)
        return code
    try:
        os.execvp(words[0], words)  # noqa: S606
    except OSError as error:
        raise CommandNotFound(f"exec: {words[0]!r}: {error.strerror}".replace("'", '"')) from None


def _rootless() -> bool:
    from ocikit.storage.userns import is_rootless

    return is_rootless()
