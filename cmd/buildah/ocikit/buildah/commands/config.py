"""buildah config."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="config [flags] CONTAINER",
    short="Update image configuration settings",
    long="Changes the configuration that a working container's image will have. NAME- removes a value.",
    example="buildah config --cmd 'nginx -g daemon' --port 80 work\nbuildah config --env A=1 --env B- work",
    flags=(
        Flag("add-history", "bool", help="Note the changes in the image's history"),
        Flag("annotation", "stringArray", "a", help="Set an annotation, as key=value (repeatable)", metavar="annotation", complete="none"),
        Flag("arch", help="Architecture of the image", metavar="architecture", complete="archs"),
        Flag("author", help="Who maintains the image", metavar="information", complete="none"),
        Flag("cmd", help="Default command, or arguments of the entry point", metavar="command", complete="none"),
        Flag("comment", help="Comment on the image (docker format only)", metavar="comment", complete="none"),
        Flag("created-by", help="How the layer was made, for the history", metavar="description", complete="none"),
        Flag("domainname", help="Domain name (docker format only)", metavar="name", complete="none"),
        Flag("entrypoint", help="Entry point; a JSON list, or a command line for a shell", metavar="entry point", complete="none"),
        Flag("env", "stringArray", "e", help="Set an environment variable (repeatable)", metavar="environment variable", complete="none"),
        Flag("healthcheck", help="Health check as in HEALTHCHECK (docker format only)", metavar="healthcheck", complete="none"),
        Flag("healthcheck-interval", help="Time between health checks", metavar="interval", complete="none"),
        Flag("healthcheck-retries", "int", help="Failures until the container counts as unhealthy", metavar="number"),
        Flag("healthcheck-start-interval", help="Time between health checks while starting", metavar="interval", complete="none"),
        Flag("healthcheck-start-period", help="Time for starting in which failures do not count", metavar="time", complete="none"),
        Flag("healthcheck-timeout", help="Longest time for a health check", metavar="time", complete="none"),
        Flag("history-comment", help="Comment on the layer, for the history", metavar="comment", complete="none"),
        Flag("hostname", help="Host name (docker format only)", metavar="name", complete="none"),
        Flag("label", "stringArray", "l", help="Set a label, as key=value (repeatable)", metavar="label", complete="none"),
        Flag("onbuild", "strings", help="Instruction for builds on top of the image (repeatable)", complete="none"),
        Flag("os", help="Operating system of the image", metavar="operating system", complete="none"),
        Flag("os-feature", "stringArray", help="Feature that the image needs of its system (repeatable)", metavar="feature", complete="none"),
        Flag("os-version", help="Version of the system that the image is for", metavar="version", complete="none"),
        Flag("port", "strings", "p", help="Port to expose (repeatable)", metavar="port", complete="none"),
        Flag("shell", help="Shell of RUN (docker format only)", metavar="shell", complete="none"),
        Flag("stop-signal", help="Signal that stops the container", metavar="stop signal", complete="none"),
        Flag("unsetannotation", "strings", help="Remove an annotation (repeatable)", complete="none"),
        Flag("unsetlabel", "strings", help="Remove a label (repeatable)", complete="none"),
        Flag("user", short="u", help="User, and perhaps group, to run as", metavar="user", complete="none"),
        Flag("variant", help="Variant of the architecture", metavar="variant", complete="none"),
        Flag("volume", "strings", "v", help="Directory for data (repeatable)", metavar="volume", complete="none"),
        Flag("workingdir", help="Working directory", metavar="directory", complete="none"),
    ),
    args=exactly(1),
    complete="containers",
)  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """One change of the state file."""
    from ocikit.buildah.engine import open_store
    from ocikit.libpod.build.working import WorkingContainer
    from ocikit.libpod.build.workingconfig import change

    wanted = {flag.name: opts[flag.name] for flag in COMMAND.flags if opts.changed(flag.name)}
    with open_store(ctx) as store:
        container = WorkingContainer.load(store, args[0])
        change(container, wanted, ctx.warn)
        container.save()
    return 0
