"""Changing manifest lists of a store: adding entries, altering what is said of them (image.md 14.2)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ocikit.common import jsonfast
from ocikit.common.errors import NotFound, OcikitError
from ocikit.image.context import SystemContext
from ocikit.image.digest import parse_digest, sha256
from ocikit.image.errors import ManifestError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import parse_list, parse_manifest
from ocikit.image.manifest.lists import ManifestList
from ocikit.image.names import parse_image_name, transport_of
from ocikit.image.transports.base import Descriptor, ImageReference, ImageSource, Platform

from .common import storage_reference
from .lookup import find_named
from .manifestlist import LocalList, is_known

if TYPE_CHECKING:
    from ocikit.storage import Store


def member_digest(target: LocalList, text: str, ctx: SystemContext) -> str:
    """The digest of the entry that ``text`` (a digest, or an image's name) means. Raises NotFound, InvalidReference."""
    if text.startswith("sha256:"):
        parse_digest(text)
        digest = text
    else:
        with source_reference(target.store, text).open_source(ctx) as source:
            digest = sha256(source.get_manifest()[0])
    if not any(entry.digest == digest for entry in target.list.instances):
        raise NotFound(f'no image instance matching digest "{digest}" was found in the list or index')
    return digest


class Changes:
    """What ``annotate`` and ``add`` alter in an entry; None leaves a field."""

    __slots__ = ("annotations", "architecture", "features", "os", "os_features", "os_version", "variant")

    def __init__(
        self,
        *,
        os: str | None = None,
        architecture: str | None = None,
        variant: str | None = None,
        os_version: str | None = None,
        os_features: Sequence[str] | None = None,
        features: Sequence[str] | None = None,
        annotations: Mapping[str, str] | None = None,
    ) -> None:
        self.os = os
        self.architecture = architecture
        self.variant = variant
        self.os_version = os_version
        self.os_features = os_features
        self.features = features
        self.annotations = annotations


def annotate(target: LocalList, digest: str, changes: Changes) -> None:
    """Alter one entry; the list isn't saved yet."""
    entry = target.instance(digest)
    old = entry.platform or Platform()
    platform = Platform(
        old.os if changes.os is None else changes.os,
        old.architecture if changes.architecture is None else changes.architecture,
        old.variant if changes.variant is None else changes.variant,
        old.os_version if changes.os_version is None else changes.os_version,
        old.os_features if changes.os_features is None else changes.os_features,
        old.features if changes.features is None else changes.features,
    )
    altered = entry.replace(
        platform=platform if platform != Platform() else entry.platform,
        annotations={**entry.annotations, **(changes.annotations or {})},
    )
    target.put([altered], {})


def annotate_index(target: LocalList, annotations: Mapping[str, str], subject: Descriptor | None) -> None:
    """Alter the index itself: its annotations, and what it is about."""
    if target.list.media_type != mt.OCI_INDEX:
        raise OcikitError("a Docker manifest list has neither annotations nor a subject")
    old = target.list
    target.list = ManifestList(
        old.media_type,
        old.instances,
        {**old.annotations, **annotations},
        old.artifact_type,
        subject or old.subject,
        old.said_media_type,
    )


def source_reference(store: Store, text: str) -> ImageReference:
    """What a user names as a member: a transport's name, an image of the store, else one at a registry."""
    if transport_of(text):
        return parse_image_name(text)
    found = find_named(store, text)
    if found is not None:
        return storage_reference(store, f"@{found[0].id}")
    return parse_image_name(f"docker://{text}")


def add_image(target: LocalList, text: str, ctx: SystemContext, *, every: bool = False) -> list[str]:
    """Add the image (or, ``every``, all images of the list) that ``text`` means; the digests. Layers aren't read."""
    reference = source_reference(target.store, text)
    with reference.open_source(ctx) as source:
        raw, media_type = source.get_manifest()
        media_type = mt.normalise(media_type)
        entries: list[Descriptor] = []
        if mt.is_list(media_type):
            members = parse_list(raw, media_type)
            chosen = members.instances if every else (members.choose(ctx),)
            for member in chosen:
                data, said = source.get_manifest(member.digest)
                entries.append(_entry(source, data, mt.normalise(said), member.platform, ctx, member.annotations))
        else:
            entries.append(_entry(source, raw, media_type, None, ctx, {}))
    target.put(entries, {entry.digest: str(reference) for entry in entries})
    return [entry.digest for entry in entries]


def _entry(
    source: ImageSource,
    raw: bytes,
    media_type: str,
    platform: Platform | None,
    ctx: SystemContext,
    annotations: Mapping[str, str],
) -> Descriptor:
    if platform is None:
        platform = _platform_of(source, raw, media_type)
    return Descriptor(sha256(raw), len(raw), media_type, annotations=annotations, platform=platform)


def _platform_of(source: ImageSource, raw: bytes, media_type: str) -> Platform | None:
    """As the image's config says; None for artifacts."""
    manifest = parse_manifest(raw, media_type)
    if manifest.config is None or not manifest.is_image:
        return None
    stream, _ = source.open_blob(manifest.config)
    try:
        data = b""
        while piece := stream.read(1 << 16):
            data += piece
    finally:
        stream.close()
    config = jsonfast.loads(data)
    return Platform(
        str(config.get("os") or ""),
        str(config.get("architecture") or ""),
        str(config.get("variant") or ""),
        str(config.get("os.version") or ""),
        config.get("os.features") or (),
    )


def subject_descriptor(store: Store, text: str, ctx: SystemContext) -> Descriptor:
    """The descriptor of the image (or list) that ``text`` means."""
    with source_reference(store, text).open_source(ctx) as source:
        raw, media_type = source.get_manifest()
    return Descriptor(sha256(raw), len(raw), mt.normalise(media_type))


def inspect_list(store: Store, name: str, ctx: SystemContext) -> dict[str, Any]:
    """What ``podman manifest inspect`` shows: a list of the store, else one at a registry. ManifestError for one image."""
    from .manifestlist import find_list

    if is_known(store, name):
        return _shown(find_list(store, name).list)
    if transport_of(name):
        references = [parse_image_name(name)]
    else:
        from ocikit.image import shortnames

        resolved = shortnames.resolve(name, ctx).candidates
        references = [parse_image_name(f"docker://{candidate}") for candidate in resolved]
    problem: OcikitError | None = None
    for reference in references:
        try:
            with reference.open_source(ctx) as source:
                raw, media_type = source.get_manifest()
        except OcikitError as exc:
            problem = exc
            continue
        media_type = mt.normalise(media_type)
        if not mt.is_list(media_type):
            raise ManifestError("Treating single images as manifest lists is not implemented")
        return _shown(parse_list(raw, media_type))
    assert problem is not None
    raise problem


def _shown(members: ManifestList) -> dict[str, Any]:
    shown: dict[str, Any] = {"schemaVersion": 2, "mediaType": members.media_type, "manifests": []}
    for entry in members.instances:
        row: dict[str, Any] = {"mediaType": entry.media_type, "size": entry.size, "digest": entry.digest}
        if entry.platform is not None:
            row["platform"] = _platform(entry.platform)
        if entry.annotations:
            row["annotations"] = dict(sorted(entry.annotations.items()))
        if entry.artifact_type:
            row["artifactType"] = entry.artifact_type
        shown["manifests"].append(row)
    if members.annotations:
        shown["annotations"] = dict(sorted(members.annotations.items()))
    if members.subject is not None:
        about = members.subject
        shown["subject"] = {"mediaType": about.media_type, "digest": about.digest, "size": about.size}
    return shown


def _platform(platform: Platform) -> dict[str, Any]:
    fields = {
        "architecture": platform.architecture,
        "os": platform.os,
        "os.version": platform.os_version,
        "os.features": list(platform.os_features),
        "variant": platform.variant,
        "features": list(platform.features),
    }
    return {key: value for key, value in fields.items() if value or key in ("architecture", "os")}
