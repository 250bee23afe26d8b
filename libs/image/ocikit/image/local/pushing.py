"""``podman push``: from the store to anywhere (image.md 14.1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocikit.common.errors import OcikitError, UsageError
from ocikit.image.context import SystemContext
from ocikit.image.copy.engine import copy_image
from ocikit.image.copy.options import ALL, SYSTEM, CopyOptions, CopyResult
from ocikit.image.copy.report import Reporter
from ocikit.image.names import parse_image_name, transport_of
from ocikit.image.reference import parse_normalized

from .common import Retries, silent, storage_reference
from .lookup import find_named, unknown

if TYPE_CHECKING:
    from ocikit.image.copy.options import Encryption, Signer
    from ocikit.image.transports.base import ImageReference
    from ocikit.storage import Store

    from .common import Say

FORMATS = {
    "": "",
    "oci": "application/vnd.oci.image.manifest.v1+json",
    "v2s1": "application/vnd.docker.distribution.manifest.v1+prettyjws",
    "v2s2": "application/vnd.docker.distribution.manifest.v2+json",
    "docker": "application/vnd.docker.distribution.manifest.v2+json",
}


class PushOptions:
    """``format``: oci, v2s2, v2s1 or "". ``ctx`` says how to reach the destination and how to compress."""

    __slots__ = (
        "ctx",
        "encryption",
        "force_compression",
        "format",
        "remove_signatures",
        "report",
        "retries",
        "say",
        "signers",
    )

    def __init__(
        self,
        *,
        ctx: SystemContext | None = None,
        format: str = "",
        force_compression: bool = False,
        remove_signatures: bool = False,
        signers: Sequence[Signer] = (),
        encryption: Encryption | None = None,
        retries: Retries | None = None,
        say: Say = silent,
        report: Reporter | None = None,
    ) -> None:
        if format not in FORMATS:
            raise UsageError(f'unknown format "{format}". Choose one of the supported formats: oci, v2s1, or v2s2')
        self.ctx = ctx or SystemContext()
        self.format = FORMATS[format]
        self.force_compression = force_compression
        self.remove_signatures = remove_signatures
        self.signers = signers
        self.encryption = encryption
        self.retries = retries or Retries()
        self.say = say
        self.report = report or Reporter()


def destination_reference(text: str) -> ImageReference:
    """``transport:rest``, or a name at a registry."""
    if transport_of(text):
        return parse_image_name(text)
    return parse_image_name(f"docker://{text}")


def push(store: Store, source: str, destination: str = "", options: PushOptions | None = None) -> CopyResult:
    """Copy the image that ``source`` means to ``destination`` (default: the registry in its own name).

    A manifest list is pushed whole, with every image that it names. Raises ImageUnknown, InvalidReference, CopyError.
    """
    options = options or PushOptions()
    found = find_named(store, source)
    if found is None:
        raise unknown(source)
    record, full = found
    if not destination:
        if not full:
            full = next(iter(record.names), "")
        if not full:
            raise UsageError(f"{source} has no name that says where to push it", hint="name the destination after it")
        destination = full
    target = destination_reference(destination)
    from .image import LocalImage

    image = LocalImage(store, record)
    if image.is_list:
        return _push_list(store, record.id, target, options)
    source_text = full if full and "@" not in full else f"@{record.id}"
    copy_options = _copy_options(store, options)
    return _copy(storage_reference(store, source_text), target, copy_options, options)


def _copy_options(store: Store, options: PushOptions) -> CopyOptions:
    from ocikit.image.signature.policy import acceptor

    return CopyOptions(
        src_ctx=options.ctx,
        dest_ctx=options.ctx,
        format=options.format,
        force_compression=options.force_compression,
        remove_signatures=options.remove_signatures,
        signers=options.signers,
        encryption=options.encryption,
        accept=acceptor(options.ctx),
        report=options.report,
        multi_arch=SYSTEM,
    )


def _copy(source: ImageReference, target: ImageReference, copy: CopyOptions, options: PushOptions) -> CopyResult:
    try:
        return options.retries.run(lambda: copy_image(target, source, copy))
    except OcikitError as exc:
        if "Would invalidate signatures" in str(exc) and not exc.hint:
            exc.hint = "the image came with signatures, and layers from local storage are compressed anew: push with --remove-signatures"
        raise


def _push_list(store: Store, list_id: str, target: ImageReference, options: PushOptions) -> CopyResult:
    from .listpush import push_list

    return push_list(store, list_id, target, _copy_options(store, options).replace(multi_arch=ALL), options.retries)


def push_name(text: str) -> str:
    """The destination as podman shows it in messages."""
    return text if transport_of(text) else str(parse_normalized(text).tagged())
