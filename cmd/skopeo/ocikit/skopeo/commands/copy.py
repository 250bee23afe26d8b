"""skopeo copy"""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag
from ocikit.common.errors import OcikitError, UsageError
from ocikit.skopeo import shared
from ocikit.skopeo.flags import AUTHFILE, DEPRECATED_TLS, RETRY, SIGNING, image_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.context import SystemContext
    from ocikit.image.copy import CopyOptions
    from ocikit.image.transports.base import ImageReference

COMMAND = Command(
    use="copy [command options] SOURCE-IMAGE DESTINATION-IMAGE",
    short="Copy an image from one place to another",
    long="Copies an image, or a list of images, between registries, directories, archives and stores. "
    'Images are named "transport:details"; see skopeo(1) for the transports.',
    example="skopeo copy docker://quay.io/skopeo/stable:latest oci:layout:skopeo\n"
    "skopeo copy --all docker://busybox dir:/tmp/busybox",
    flags=(
        Flag("additional-tag", "strings", help="A further tag for a docker-archive: destination", complete="none"),
        Flag("all", "bool", "a", help="Copy every image of a list, not only this platform's"),
        AUTHFILE,
        Flag("decryption-key", "strings", help="Key to decrypt layers with, FILE[:PASSPHRASE]", complete="files"),
        Flag("dest-compress", "bool", help="Compress layers of a dir: destination"),
        Flag("dest-compress-format", metavar="FORMAT", help="Compress layers with gzip or zstd", complete="none"),
        Flag("dest-compress-level", "int", metavar="LEVEL", help="How hard to compress", complete="none"),
        Flag("dest-decompress", "bool", help="Decompress layers of a dir: destination"),
        Flag("dest-force-compress-format", "bool", help="Don't reuse layers that are compressed in another format"),
        Flag("dest-oci-accept-uncompressed-layers", "bool", help="Leave uncompressed layers as they are in an oci: destination"),
        Flag("dest-precompute-digests", "bool", help="Compress before uploading, to find out what needn't be uploaded"),
        Flag("digestfile", help="Write the digest of the written manifest here", complete="files"),
        Flag("encrypt-layer", "ints", help="Encrypt this layer only (0 is the first, -1 the last)", complete="none"),
        Flag("encryption-key", "strings", help="Key to encrypt layers with, such as jwe:PUBKEY.pem", complete="none"),
        Flag("format", short="f", help="Write the manifest as oci, v2s1 or v2s2", complete="none"),
        Flag("image-parallel-copies", "uint", help="Blobs at the same time; 0 is the default of 6", complete="none"),
        Flag("multi-arch", help="What to copy of a list: system, all or index-only", complete="none"),
        Flag("preserve-digests", "bool", help="Fail rather than change a digest"),
        Flag("progress", choices=("auto", "bar", "json", "plain", "none"), default="auto", help="How progress is shown", ours=True),
        Flag("quiet", "bool", "q", help="Print no progress"),
        Flag("remove-signatures", "bool", help="Don't copy signatures"),
        Flag("sign-identity", help="Name to put into the signature instead of the destination's", complete="none"),
        DEPRECATED_TLS,
        *RETRY,
        *SIGNING,
        *image_flags("src"),
        *image_flags("dest"),
    ),
    complete="transports",
)  # fmt: skip


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 2:
        raise shared.usage_with_help(context, "Exactly two arguments expected")
    shared.warn_deprecated_tls(context, opts)
    base = shared.base_context(context)
    accept = shared.policy_check(context, base)
    source = named(args[0], "source")
    dest = named(args[1], "destination")
    options = copy_options(context, opts, base, dest).replace(accept=accept)
    from ocikit.image.copy import copy_image

    result = shared.retried(opts, lambda: copy_image(dest, source, options))
    if opts.digestfile:
        write_digest(opts.digestfile, result.digest)
    return 0


def named(text: str, side: str) -> ImageReference:
    """The reference, with the name in the error."""
    try:
        return shared.parse_image(text)
    except OcikitError as error:
        from ocikit.image.errors import wrap

        raise wrap(f"Invalid {side} name {text}", error) from error


def write_digest(path: str, digest: str) -> None:
    try:
        with open(path, "w", encoding="ascii") as file:
            file.write(digest)
    except OSError as error:
        raise OcikitError(f"Failed to write digest to file {path}: {(error.strerror or '').lower()}") from None


def copy_options(context: Context, opts: Values, base: SystemContext, dest: ImageReference) -> CopyOptions:
    """What the flags of this command say, contradictions refused in the order of the original."""
    from ocikit.image.copy import CopyOptions

    src_ctx = shared.image_context(context, opts, "src", base)
    dest_ctx = shared.image_context(context, opts, "dest", base)
    if opts.additional_tag:
        if dest.transport.name != "docker-archive":
            raise UsageError("--additional-tag can only be used with a docker-archive: destination")
        dest_ctx = dest_ctx.replace(archive_additional_tags=_tags(opts.additional_tag))
    dest_ctx = _destination_context(context, opts, dest, dest_ctx)
    return CopyOptions(
        src_ctx=src_ctx,
        dest_ctx=dest_ctx,
        multi_arch=_multi_arch(opts),
        force_compression=opts.dest_force_compress_format,
        parallel=opts.image_parallel_copies,
        report=shared.reporter("none" if opts.quiet else opts.progress),
        **shared.encryption(opts),
        **shared.signing(opts, opts.sign_identity),
        **shared.manifest_options(opts),
    )


def _tags(tags: list[str]) -> tuple[str, ...]:
    from ocikit.image.reference import parse_normalized

    for tag in tags:
        try:
            name = parse_normalized(tag)
        except OcikitError as error:
            raise UsageError(f"error parsing additional-tag '{tag}': {error}") from error
        if not name.tag or name.digest:
            raise UsageError(f"additional tag {tag} must be a named, tagged reference")
    return tuple(tags)


def _destination_context(context: Context, opts: Values, dest: ImageReference, ctx: SystemContext) -> SystemContext:
    from ocikit.image.compression import algorithm

    values: dict[str, Any] = {
        "oci_accept_uncompressed_layers": opts.dest_oci_accept_uncompressed_layers,
        "precompute_digests": opts.dest_precompute_digests,
    }
    for flag, field in (("dest-compress", "dir_force_compress"), ("dest-decompress", "dir_force_decompress")):
        if opts[flag]:
            if dest.transport.name != "dir":
                context.warn(f"--{flag} can only be used if the destination transport is 'dir'")
            else:
                values[field] = True
    if opts.dest_compress_format:
        values["compression_format"] = algorithm(opts.dest_compress_format)
    elif opts.dest_force_compress_format:
        raise UsageError("cannot use ForceCompressionFormat with undefined default compression format")
    if opts.changed("dest-compress-level"):
        values["compression_level"] = opts.dest_compress_level
    return ctx.replace(**values)


def _multi_arch(opts: Values) -> str:
    if opts.changed("multi-arch"):
        if opts.all:
            raise UsageError("Cannot use --all and --multi-arch flags together")
        if opts.multi_arch not in ("system", "all", "index-only"):
            raise UsageError(
                f'unknown multi-arch option "{opts.multi_arch}". '
                "Choose one of the supported options: 'system', 'all', or 'index-only'"
            )
        return str(opts.multi_arch)
    return "all" if opts.all else "system"
