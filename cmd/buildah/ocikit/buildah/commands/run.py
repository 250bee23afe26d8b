"""buildah run."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets import pick, unsupported
from ocikit.common.cli.optionsets.build import CAPABILITIES, NAMESPACES, NETWORK, RECIPE, RUN_STEPS, RUNTIME
from ocikit.libpod.build.unsupported import UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="run [flags] CONTAINER COMMAND [ARG...]",
    short="Run a command inside of the container",
    long="Runs a command inside a working container, with its configuration, on this terminal.",
    example="buildah run work -- apk add curl\nbuildah run --user nobody work id",
    flags=unsupported(
        (
            Flag("add-history", "bool", help="Note the command in the image's history"),
            Flag("contextdir", help="Context that bind mounts are taken from", complete="dirs"),
            Flag("env", "stringArray", "e", help="Set an environment variable for the command (repeatable)", complete="none"),
            Flag("hostname", help="Host name inside the container", complete="none"),
            Flag("mount", "stringArray", help="Mount something for the command (repeatable)", complete="none"),
            Flag("no-pivot", "bool", help="Do not use pivot_root"),
            Flag("terminal", "bool", "t", help="Give the command a terminal"),
            Flag("user", help="Run as this user", metavar="user[:group]", complete="none"),
            Flag("workingdir", help="Run in this directory", complete="none"),
            RUNTIME,
            *pick(RECIPE, "no-hostname", "no-hosts", "runtime-flag"),
            *pick(RUN_STEPS, "device", "isolation", "volume"),
            *CAPABILITIES,
            *NAMESPACES,
            *pick(NETWORK, "network"),
        ),
        {
            **UNSUPPORTED,
            "contextdir": "bind mounts from a context are not there yet; use --volume",
            "mount": "mounts by --mount are not there yet; use --volume",
            "no-pivot": "pivot_root is always used",
        },
    ),
    args=any_args(),
    interspersed=False,
    complete="containers",
)  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """The command's own exit status is ours."""
    from ocikit.buildah.engine import open_store, surroundings
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.build.flags import namespaces_from
    from ocikit.libpod.build.options import BuildOptions
    from ocikit.libpod.build.working import WorkingContainer

    if not args:
        raise OcikitError("container ID must be specified")
    words = args[1:]
    if words[:1] == ["--"]:
        words = words[1:]
    if not words:
        raise OcikitError("command must be specified")
    options = BuildOptions(
        network=opts.network,
        isolation=opts.isolation,
        cap_add=tuple(opts.cap_add),
        cap_drop=tuple(opts.cap_drop),
        volumes=tuple(opts.volume),
        no_hosts=opts.no_hosts,
        no_hostname=opts.no_hostname,
        **namespaces_from(opts),
        devices=tuple(opts.device),
        runtime_flags=tuple(opts.runtime_flag),
    )
    env = dict(pair.partition("=")[::2] for pair in opts.env)
    with open_store(ctx) as store:
        container = WorkingContainer.load(store, args[0])
        code = container.run(
            words,
            surroundings(store, opts.runtime),
            options,
            ctx.warn,
            user=opts.user,
            workdir=opts.workingdir,
            env=env,
            terminal=opts.terminal,
            hostname=opts.hostname,
        )
        if opts.add_history and not code:
            shell = container.config.shell or ["/bin/sh", "-c"]
            container.note(" ".join([*shell, *words]))
            container.save()
    if code:
        raise OcikitError(f"while running runtime: exit status {code}", exit_code=code)
    return 0
