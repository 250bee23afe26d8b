"""podman artifact push."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, exactly
from ocikit.common.cli.optionsets.registry import ACCESS, QUIET, RETRIES, SIGNING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="push [options] ARTIFACT.",
    short="Push an OCI artifact",
    long="Copies an artifact of the local store to the registry in its name.",
    example="podman artifact push quay.io/foobar/artifact:special",
    flags=(
        *ACCESS,
        Flag("digestfile", help="Write the digest of the pushed artifact to this file", complete="files"),
        QUIET,
        *RETRIES,
        *SIGNING,
    ),
    args=exactly(1),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Pushes, and writes the digest file if one was asked for."""
    from ocikit.image.copy.engine import copy_image
    from ocikit.image.copy.options import CopyOptions
    from ocikit.image.names import parse_image_name
    from ocikit.podman import imaging

    store = imaging.artifact_store(ctx)
    context = imaging.system_context(opts)
    artifact = store.find(args[0])
    options = CopyOptions(
        src_ctx=context,
        dest_ctx=context,
        signers=imaging.signers(opts),
        preserve_digests=True,
        report=imaging.reporter(opts.quiet),
    )
    target = parse_image_name(f"docker://{artifact.name}")
    result = imaging.retries(opts).run(lambda: copy_image(target, store.reference(artifact.name), options))
    if opts.digestfile:
        imaging.write_file(opts.digestfile, result.digest)
    return 0
