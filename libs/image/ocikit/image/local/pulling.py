"""``podman pull``: from a name to images in the store (image.md 3.3, 14.1)."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

from ocikit.common.errors import OcikitError, UsageError
from ocikit.image import shortnames
from ocikit.image.context import SystemContext
from ocikit.image.copy.engine import copy_image
from ocikit.image.copy.options import CopyOptions
from ocikit.image.copy.report import Reporter
from ocikit.image.names import parse_image_name, transport_of
from ocikit.image.reference import ImageName, parse_normalized

from .common import Retries, silent, storage_reference
from .lookup import find_named, unknown
from .sources import pull_from_transport

if TYPE_CHECKING:
    from ocikit.image.copy.options import Decryption
    from ocikit.image.transports.base import ImageReference
    from ocikit.storage import Store

    from .common import Say

POLICIES = ("always", "missing", "never", "newer")


class PullFailed(OcikitError):
    """None of the places had the image. ``causes`` has one error for each place that was asked."""

    def __init__(self, message: str, causes: Sequence[OcikitError], *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.causes = list(causes)


class PullOptions:
    """``policy``: always, missing, never or newer. ``say`` gets the lines of podman's stderr, ``report`` the copy's.

    ``choose`` asks the user which of several registries is meant (None: nobody to ask).
    """

    __slots__ = ("all_tags", "choose", "ctx", "decryption", "policy", "report", "retries", "say", "use_policy_file")

    def __init__(
        self,
        policy: str = "missing",
        *,
        ctx: SystemContext | None = None,
        all_tags: bool = False,
        retries: Retries | None = None,
        say: Say = silent,
        report: Reporter | None = None,
        choose: shortnames.Chooser | None = None,
        decryption: Decryption | None = None,
    ) -> None:
        if policy not in POLICIES:
            raise UsageError(f'unsupported pull policy "{policy}"', hint=f"use one of {', '.join(POLICIES)}")
        self.policy = policy
        self.ctx = ctx or SystemContext()
        self.all_tags = all_tags
        self.retries = retries or Retries()
        self.say = say
        self.report = report or Reporter()
        self.choose = choose
        self.decryption = decryption

    @property
    def custom_platform(self) -> bool:
        return bool(self.ctx.os or self.ctx.arch or self.ctx.variant)


def pull(store: Store, name: str, options: PullOptions | None = None) -> list[str]:
    """Pull what ``name`` means; the ids of the images. Nothing half-made stays in the store when it fails.

    Raises PullFailed, ShortNameUnresolved, ImageUnknown (policy never), InvalidReference.
    """
    options = options or PullOptions()
    scheme = transport_of(name)
    if scheme and scheme != "docker":
        return pull_from_transport(store, name, options)
    text = name.removeprefix("docker://") if scheme else name
    if options.all_tags:
        return _pull_all_tags(store, text, options, explicit=bool(scheme))
    return [_pull_one(store, text, options, explicit=bool(scheme))]


def _pull_all_tags(store: Store, text: str, options: PullOptions, explicit: bool) -> list[str]:
    from ocikit.image.transports.docker import DockerReference, list_tags

    parsed = parse_normalized(text) if explicit else shortnames.resolve(text, options.ctx).candidates[0].repository()
    if not parse_normalized(text).is_name_only:
        raise UsageError("untagging image for all-tags: the name must have neither a tag nor a digest")
    repository = parsed.repository()
    tags = list_tags(options.ctx, DockerReference(repository.tagged()))
    return [
        _pull_one(store, f"{repository.name}:{tag}", options, explicit=True)
        for tag in tags
        if not (tag.startswith("sha256-") and tag.endswith((".sig", ".att", ".sbom")))
    ]


def _pull_one(store: Store, text: str, options: PullOptions, explicit: bool) -> str:
    policy = options.policy
    local = find_named(store, text)
    if policy == "never":
        if local is None:
            raise unknown(text)
        return local[0].id
    if local is not None:
        record, full = local
        if policy == "missing" and not options.custom_platform:
            return record.id
        if not full and record.id.startswith(text.removeprefix("sha256:")):
            if policy == "always":
                raise UsageError(f"pull policy is always but image has been referred to by ID ({text})")
            return record.id
        if full and not options.custom_platform and not full.startswith("localhost/"):
            # The name that the image has here is what the user means by the short one.
            text = full
    if policy == "missing" and options.custom_platform:
        policy = "newer"
    resolved = (
        shortnames.Resolved([parse_normalized(text).tagged()])
        if explicit
        else shortnames.resolve(text, options.ctx, choose=options.choose)
    )
    if resolved.reason:
        options.say(resolved.reason)
    return _try_candidates(store, resolved, options, policy, local[0].id if local else "")


def _try_candidates(
    store: Store, resolved: shortnames.Resolved, options: PullOptions, policy: str, local_id: str
) -> str:
    failures: list[OcikitError] = []
    for candidate in resolved.candidates:
        source = parse_image_name(f"docker://{_without_tag_if_digest(candidate)}")
        if policy == "newer" and local_id and not _has_newer(store, local_id, source, options):
            return local_id
        options.say(f"Trying to pull {candidate}...")
        try:
            image_id = _copy(store, source, str(_without_tag_if_digest(candidate)), options)
        except OcikitError as exc:
            if policy == "newer" and local_id:
                return local_id
            failures.append(exc)
            continue
        if resolved.record:
            shortnames.record_alias(resolved.short, candidate.name, options.ctx)
        return image_id
    if len(failures) == 1:
        raise failures[0]
    listed = "".join(f"\n * {failure}" for failure in failures)
    raise PullFailed(
        f"{len(failures)} errors occurred while pulling:{listed}", failures, hint=resolved.hint() or failures[-1].hint
    )


def _without_tag_if_digest(name: ImageName) -> ImageName:
    return name.without_tag() if name.digest and name.tag else name


def _has_newer(store: Store, local_id: str, source: ImageReference, options: PullOptions) -> bool:
    """Whether the registry's manifest is another one; one that doesn't answer has nothing newer."""
    from ocikit.image.transports.docker import DockerReference, remote_digest

    assert isinstance(source, DockerReference)
    try:
        digest = remote_digest(options.ctx, source)
    except OcikitError:
        return False
    return digest not in store.image(local_id).digests


def _copy(store: Store, source: ImageReference, name: str, options: PullOptions) -> str:
    """Copy into the store under ``name``; the image's id."""
    return copy_into_store(store, source, name, options)


def copy_into_store(store: Store, source: ImageReference, name: str, options: PullOptions) -> str:
    """Copy ``source`` to ``containers-storage:NAME``; the id. Errors say what was copied from where."""
    from ocikit.image.signature.policy import acceptor

    # In the store, so that an ordinary user's and root's, and those of several stores, never meet.
    source_ctx = options.ctx.replace(partial_blob_dir=os.path.join(store.graphroot, "tmp", "partial-blobs"))
    copy_options = CopyOptions(
        src_ctx=source_ctx,
        dest_ctx=options.ctx,
        accept=acceptor(options.ctx),
        report=options.report,
        decryption=options.decryption,
    )
    try:
        options.retries.run(lambda: copy_image(storage_reference(store, name), source, copy_options))
    except OcikitError as exc:
        if options.decryption is None and _is_encrypted(source, options.ctx):
            raise OcikitError(
                f"unable to copy from source {source}: the image's layers are encrypted",
                hint="give the key with --decryption-key FILE",
            ) from exc
        exc.args = (f"unable to copy from source {source}: {exc}", *exc.args[1:])
        raise
    found = find_named(store, name.removeprefix("@"))
    if found is None:
        raise unknown(name)
    return found[0].id


def _is_encrypted(source: ImageReference, ctx: SystemContext) -> bool:
    """Whether that is why a copy failed: encrypted bytes look like a damaged layer."""
    from ocikit.image.manifest import mediatypes as mt
    from ocikit.image.manifest.guess import parse_list, parse_manifest

    try:
        with source.open_source(ctx) as opened:
            raw, said = opened.get_manifest()
            if mt.is_list(mt.normalise(said)):
                raw, said = opened.get_manifest(parse_list(raw, mt.normalise(said)).choose(ctx).digest)
            layers = parse_manifest(raw, mt.normalise(said)).layers
    except OcikitError:
        return False
    return any(layer.media_type.endswith(mt.ENCRYPTED) for layer in layers)
