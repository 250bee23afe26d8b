"""podman image sign."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, at_least
from ocikit.common.cli.optionsets.registry import AUTHFILE, CERT_DIR

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="sign [options] IMAGE [IMAGE...]",
    short="Sign an image",
    long="Writes a signature of an image at a registry into a directory of signatures.",
    example="podman image sign --sign-by mykey docker://transport/image\n"
    "podman image sign --sign-by mykey --directory ./mykeydir imageID",
    flags=(
        Flag("all", "bool", "a", help="Sign every image of a manifest list"),
        AUTHFILE,
        CERT_DIR,
        Flag("directory", short="d", help="Write signatures below this directory", complete="dirs"),
        Flag("sign-by", help="Sign with this GPG key", complete="none"),
    ),
    args=at_least(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Signs one image after the other."""
    import os

    from ocikit.common.errors import OcikitError
    from ocikit.image.signature.detached import sign_image
    from ocikit.podman import imaging

    if not opts.sign_by:
        raise OcikitError("no identity provided", hint="name a key with --sign-by")
    if opts.directory and not os.path.isdir(opts.directory):
        raise OcikitError(f"invalid directory {opts.directory}", hint="make it first")
    store = imaging.open_store(ctx)
    context = imaging.system_context(opts)
    for name in args:
        sign_image(store, name, opts.sign_by, context, directory=opts.directory, every=opts.all)
    return 0
