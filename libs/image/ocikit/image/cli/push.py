"""podman push, image push."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, between
from ocikit.common.cli.optionsets.registry import PUSH, SIGNATURE_POLICY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="push [options] IMAGE [DESTINATION]",
    short="Push an image to a specified destination",
    long="Copies an image of local storage to a registry, an archive or a directory.",
    example="podman push alpine quay.io/me/alpine\npodman push alpine oci:/tmp/layout:alpine\npodman push alpine dir:/tmp/alpine",
    flags=(*PUSH, SIGNATURE_POLICY),
    args=between(1, 2),
    complete=("images", "none"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Pushes, and writes the digest file if one was asked for."""
    from ocikit.image.cli import helpers
    from ocikit.image.local.pushing import PushOptions, push

    store = helpers.open_store(ctx)
    context = helpers.system_context(opts)
    if opts.get("compress"):
        context = context.replace(dir_force_compress=True)
    force = opts.force_compression or (opts.changed("compression-format") and not opts.changed("force-compression"))
    options = PushOptions(
        ctx=context,
        format=opts.format,
        force_compression=force,
        remove_signatures=opts.remove_signatures,
        signers=helpers.signers(opts),
        encryption=helpers.encryption(opts),
        retries=helpers.retries(opts),
        report=helpers.reporter(opts.quiet),
    )
    result = push(store, args[0], args[1] if len(args) > 1 else "", options)
    if opts.digestfile:
        helpers.write_file(opts.digestfile, result.digest)
    helpers.event(ctx, store, "push", "", args[1] if len(args) > 1 else args[0])
    return 0
