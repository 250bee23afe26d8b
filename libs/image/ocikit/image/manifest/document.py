"""Descriptors and platforms between JSON and values; key order as the Go structures have it (section 2.2)."""

from __future__ import annotations

from ocikit.image.digest import digest_problem
from ocikit.image.errors import ManifestError
from ocikit.image.manifest.gojson import an_object, integer, sorted_map, string_map, strings, text
from ocikit.image.transports.base import Descriptor, Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def read_descriptor(doc: Mapping[str, Any], what: str) -> Descriptor:
    """``what`` is the document's path in errors, such as ``manifest layers[0]``. The digest is checked."""
    digest = text(doc, "digest", what)
    problem = digest_problem(digest)
    if problem:
        raise ManifestError(f'{what}: invalid digest "{digest}": {problem}')
    size = integer(doc, "size", what)
    if size < 0:
        raise ManifestError(f"{what}: size must not be negative")
    platform = an_object(doc, "platform", what)
    return Descriptor(
        digest,
        size,
        text(doc, "mediaType", what),
        strings(doc, "urls", what) or (),
        string_map(doc, "annotations", what),
        read_platform(platform, what + ".platform") if platform is not None else None,
        text(doc, "artifactType", what),
        text(doc, "data", what),
    )


def read_platform(doc: Mapping[str, Any], what: str) -> Platform:
    return Platform(
        text(doc, "os", what),
        text(doc, "architecture", what),
        text(doc, "variant", what),
        text(doc, "os.version", what),
        strings(doc, "os.features", what) or (),
        strings(doc, "features", what) or (),
    )


def oci_descriptor(item: Descriptor) -> dict[str, Any]:
    doc: dict[str, Any] = {"mediaType": item.media_type, "digest": item.digest, "size": item.size}
    if item.urls:
        doc["urls"] = list(item.urls)
    if item.annotations:
        doc["annotations"] = sorted_map(item.annotations)
    if item.data:
        doc["data"] = item.data
    if item.platform is not None:
        doc["platform"] = oci_platform(item.platform)
    if item.artifact_type:
        doc["artifactType"] = item.artifact_type
    return doc


def oci_platform(platform: Platform) -> dict[str, Any]:
    doc: dict[str, Any] = {"architecture": platform.architecture, "os": platform.os}
    if platform.os_version:
        doc["os.version"] = platform.os_version
    if platform.os_features:
        doc["os.features"] = list(platform.os_features)
    if platform.variant:
        doc["variant"] = platform.variant
    return doc


def docker_descriptor(item: Descriptor) -> dict[str, Any]:
    """Size before digest, unlike OCI."""
    doc: dict[str, Any] = {"mediaType": item.media_type, "size": item.size, "digest": item.digest}
    if item.urls:
        doc["urls"] = list(item.urls)
    return doc


def docker_list_entry(item: Descriptor) -> dict[str, Any]:
    doc = docker_descriptor(item)
    platform = item.platform or Platform()
    doc["platform"] = oci_platform(platform)
    if platform.features:
        doc["platform"]["features"] = list(platform.features)
    return doc
