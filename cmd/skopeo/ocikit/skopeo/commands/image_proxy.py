"""skopeo experimental-image-proxy (hidden): images for a program in another language, over a socket (image spec, 13)."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag
from ocikit.common.errors import UsageError
from ocikit.skopeo import shared
from ocikit.skopeo.flags import AUTHFILE, RETRY, image_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="experimental-image-proxy [command options]",
    short="Serve images over a socket",
    long="Speaks the image proxy protocol, one JSON object a packet, over a SOCK_SEQPACKET socket.",
    flags=(AUTHFILE, Flag("sockfd", "int", help="Number of the socket's descriptor"), *RETRY, *image_flags()),
    complete="none",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if args:
        raise UsageError("Usage: experimental-image-proxy takes no arguments")
    ctx = shared.image_context(context, opts)
    accept = shared.policy_check(context, ctx)
    from ocikit.skopeo.proxy import ImageProxy

    ImageProxy(opts.sockfd, ctx, accept).serve()
    return 0
