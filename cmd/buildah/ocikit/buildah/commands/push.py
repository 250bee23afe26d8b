"""buildah push."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.common.cli.declare import Flag, at_most
from ocikit.image.cli.push import COMMAND as SHARED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = ours(
    SHARED,
    without=(
        "compress", "disable-content-trust", "sign-by-sigstore", "sign-by-sigstore-private-key", "sign-by-sq-fingerprint",
        "sign-passphrase-file",
    ),
    plus=(
        Flag("all", "bool", help="Push a list's images as well"),
        Flag("disable-compression", "bool", "D", help="Leave layers uncompressed", unsupported="layers are compressed for registries; push to dir: keeps them plain"),
        Flag("rm", "bool", help="Remove the image or list afterwards"),
    ),
).but(args=at_most(2))  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Pushes; a manifest list with --all goes with its images."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.cli import helpers
    from ocikit.image.cli.push import run as push

    if not args:
        raise OcikitError("at least a source image ID must be specified")
    code = push(ctx, opts, args)
    if opts.rm and not code:
        from ocikit.image.local.removing import RemoveOptions, remove_images

        report = remove_images(helpers.open_store(ctx), args[:1], RemoveOptions(force=True))
        if report.errors:
            raise report.errors[0]
    return code
