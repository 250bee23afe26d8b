"""podman artifact pull."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, exactly
from ocikit.common.cli.optionsets.registry import ACCESS, DECRYPTION_KEY, QUIET, RETRIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="pull [options] ARTIFACT",
    short="Pull an OCI artifact",
    long="Copies an artifact from a registry into the local store.",
    example="podman artifact pull quay.io/foobar/artifact:special",
    flags=(*ACCESS, DECRYPTION_KEY, QUIET, *RETRIES),
    args=exactly(1),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Pulls and prints the digest."""
    from ocikit.image.copy.engine import copy_image
    from ocikit.image.copy.options import CopyOptions
    from ocikit.image.names import parse_image_name
    from ocikit.image.reference import parse_normalized
    from ocikit.image.signature.policy import acceptor
    from ocikit.podman import imaging

    store = imaging.artifact_store(ctx)
    context = imaging.system_context(opts)
    name = parse_normalized(args[0].removeprefix("docker://")).tagged()
    source = parse_image_name(f"docker://{name}")
    options = CopyOptions(
        src_ctx=context,
        dest_ctx=context.replace(oci_accept_uncompressed_layers=True),
        accept=acceptor(context),
        preserve_digests=True,
        report=imaging.reporter(opts.quiet),
        decryption=imaging.decryption(opts),
    )
    with store.locked():
        result = imaging.retries(opts).run(lambda: copy_image(store.reference(str(name)), source, options))
    sys.stdout.write(result.digest.partition(":")[2] + "\n")
    return 0
