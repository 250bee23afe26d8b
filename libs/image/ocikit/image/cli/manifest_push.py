"""podman manifest push."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, between
from ocikit.common.cli.optionsets.registry import ACCESS, COMPRESSION, QUIET, SIGNING
from ocikit.image.cli.members import INSECURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="push [options] LIST DESTINATION",
    short="Push a manifest list or image index to a registry",
    long="Copies a list of local storage, and the images that it names, to a registry or another place.",
    example="podman manifest push mylist:v1.11 docker://registry.example.org/mylist:v1.11",
    flags=(
        Flag("add-compression", "strings", help="Add a copy of each image in this compression (repeatable)"),
        Flag("all", "bool", default=True, help="Copy the images that the list names as well", shown="true"),
        *ACCESS,
        *COMPRESSION,
        Flag("digestfile", help="Write the digest of the pushed list to this file", complete="files"),
        Flag("format", short="f", help="Manifest type to push: oci or v2s2"),
        INSECURE,
        Flag("purge", "bool", "p", help="Remove the list from local storage after the push", hidden=True),
        QUIET,
        Flag("remove-signatures", "bool", help="Do not copy signatures"),
        Flag("rm", "bool", help="Remove the list from local storage after the push"),
        *SIGNING,
    ),
    args=between(1, 2),
    complete=("images", "none"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Pushes, and writes the digest file if one was asked for."""
    from ocikit.image.cli import helpers, members
    from ocikit.image.copy.options import ALL, INDEX_ONLY, CopyOptions
    from ocikit.image.local.listpush import push_list
    from ocikit.image.local.manifestlist import find_list
    from ocikit.image.local.pushing import FORMATS, destination_reference
    from ocikit.image.local.removing import RemoveOptions, remove_images
    from ocikit.image.signature.policy import acceptor

    members.insecure(opts)
    if opts.add_compression:
        from ocikit.common.errors import Unsupported

        raise Unsupported(
            f"--add-compression {','.join(opts.add_compression)}: pushing images a second time in another compression "
            "is not supported",
            hint="push with --compression-format instead",
        )
    if opts.format not in FORMATS:
        from ocikit.common.errors import UsageError

        raise UsageError(f'unknown format "{opts.format}". Choose one of the supported formats: oci or v2s2', hint="-")
    store = helpers.open_store(ctx)
    context = helpers.system_context(opts)
    name = args[0]
    target = find_list(store, name)
    if len(args) > 1:
        destination = args[1]
    else:
        assert target.record is not None
        destination = next(iter(target.record.names), name)
    options = CopyOptions(
        src_ctx=context,
        dest_ctx=context,
        multi_arch=ALL if opts.all else INDEX_ONLY,
        format=FORMATS[opts.format],
        force_compression=opts.force_compression or opts.changed("compression-format"),
        remove_signatures=opts.remove_signatures,
        signers=helpers.signers(opts),
        accept=acceptor(context),
        report=helpers.reporter(opts.quiet),
    )
    result = push_list(store, name, destination_reference(destination), options, helpers.retries(opts))
    if opts.digestfile:
        helpers.write_file(opts.digestfile, result.digest)
    if opts.rm or opts.get("purge"):
        remove_images(store, [target.id], RemoveOptions(force=True))
    sys.stdout.write(result.digest + "\n" if not opts.quiet and sys.stdout.isatty() else "")
    return 0
