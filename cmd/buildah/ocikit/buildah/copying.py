"""buildah add and copy: flags and what they do."""

from __future__ import annotations

from ocikit.common.cli.declare import Flag
from ocikit.common.cli.optionsets.registry import CERT_DIR, TLS_VERIFY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

FLAGS = (
    Flag("add-history", "bool", help="Note the copy in the image's history"),
    CERT_DIR,
    Flag("checksum", help="Digest that a file from a URL must have", complete="none"),
    Flag("chmod", help="Permissions of what is copied, octal", complete="none"),
    Flag("chown", help="Owner of what is copied, as user[:group]", complete="none"),
    Flag("contextdir", help="Directory that sources are below", complete="dirs"),
    Flag("exclude", "strings", help="Leave out what matches (repeatable)", complete="none"),
    Flag("from", help="Copy from this image or working container", complete="images"),
    Flag("ignorefile", help="Ignore file; needs --contextdir", complete="files"),
    Flag("link", "bool", help="Accepted; a working container has one layer for all changes"),
    Flag("quiet", "bool", "q", help="Do not print the digest"),
    Flag("retry", "int", help="How often to try again when a registry fails", shown="3"),
    Flag("retry-delay", help="Time between tries", complete="none"),
    Flag("timestamp", help="Time of what is copied, in seconds since 1970", metavar="seconds", complete="none"),
    TLS_VERIFY,
)


def run(ctx: Context, opts: Values, args: list[str], *, add: bool) -> int:
    """Copies and prints the content's digest."""
    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.build.flags import access_from, seconds
    from ocikit.libpod.build.history import NOP
    from ocikit.libpod.build.options import BuildOptions
    from ocikit.libpod.build.working import WorkingContainer
    from ocikit.libpod.build.workingcopy import CopyRequest, copy_into

    if not args:
        raise OcikitError("container ID must be specified")
    if len(args) < 2:
        raise OcikitError("src must be specified")
    if opts.ignorefile and not opts.contextdir:
        raise OcikitError("--ignorefile option requires that you specify a context dir using --contextdir")
    sources, destination = (args[1:-1], args[-1]) if len(args) > 2 else (args[1:], "")
    request = CopyRequest(sources, destination, add=add)
    for name in ("chown", "chmod", "checksum"):
        if opts[name]:
            request.flags.append(f"--{name}={opts[name]}")
    request.flags += [f"--exclude={pattern}" for pattern in opts.exclude]
    if "parents" in opts and opts.parents:
        request.flags.append("--parents")
    request.source, request.context, request.ignore_file = opts["from"], opts.contextdir, opts.ignorefile
    request.mtime_s = seconds(opts, "timestamp")
    request.options = BuildOptions(**access_from(opts))
    with open_store(ctx) as store:
        container = WorkingContainer.load(store, args[0])
        digest = copy_into(container, request)
        if opts.add_history:
            container.note(f"{NOP}{'ADD' if add else 'COPY'} {digest}")
        container.save()
    if not opts.quiet:
        print(digest.rpartition(":")[2])
    return 0
