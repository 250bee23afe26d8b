"""Lists of images, one per platform: Docker manifest lists and OCI indexes (image spec, section 2.6)."""

from __future__ import annotations

from ocikit.image.errors import ImageNotFound, ManifestError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.document import docker_list_entry, oci_descriptor, read_descriptor
from ocikit.image.manifest.gojson import an_object, dump, guard, objects, parse_object, sorted_map, string_map, text
from ocikit.image.manifest.platform import platform_rank, running_arch, running_os, wanted_platforms
from ocikit.image.transports.base import Descriptor, Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ocikit.image.context import SystemContext

ZSTD_ANNOTATION = "io.github.containers.compression.zstd"


class ManifestList:
    """A list as a value; ``raw`` are the bytes that it came from or was built to."""

    __slots__ = ("annotations", "artifact_type", "instances", "media_type", "raw", "said_media_type", "subject")

    def __init__(
        self,
        media_type: str,
        instances: Sequence[Descriptor],
        annotations: Mapping[str, str] | None = None,
        artifact_type: str = "",
        subject: Descriptor | None = None,
        said_media_type: str | None = None,
        raw: bytes | None = None,
    ) -> None:
        self.media_type = media_type
        self.instances = tuple(instances)
        self.annotations = annotations or {}
        self.artifact_type = artifact_type
        self.subject = subject
        self.said_media_type = media_type if said_media_type is None else said_media_type
        self.raw = self.serialise() if raw is None else raw

    @classmethod
    def parse(cls, raw: bytes, media_type: str) -> ManifestList:
        what = "OCI index" if media_type == mt.OCI_INDEX else "Docker manifest list"
        if media_type not in mt.LISTS:
            raise ManifestError(f'"{media_type}" is not the type of a list of images')
        doc = parse_object(raw, what)
        guard(doc, media_type, ("manifests",))
        said = text(doc, "mediaType", what)
        if media_type == mt.DOCKER_LIST and said != mt.DOCKER_LIST:
            raise ManifestError(f'unsupported mediaType in docker manifest list: "{said}"')
        subject = an_object(doc, "subject", what) if media_type == mt.OCI_INDEX else None
        entries = objects(doc, "manifests", what) or []
        return cls(
            media_type,
            [read_descriptor(entry, f"{what} manifests[{i}]") for i, entry in enumerate(entries)],
            string_map(doc, "annotations", what) if media_type == mt.OCI_INDEX else None,
            text(doc, "artifactType", what) if media_type == mt.OCI_INDEX else "",
            read_descriptor(subject, f"{what} subject") if subject is not None else None,
            said,
            raw,
        )

    def serialise(self) -> bytes:
        """The bytes that Go would write for this list."""
        if self.media_type == mt.DOCKER_LIST:
            entries = [docker_list_entry(item) for item in self.instances]
            return dump({"schemaVersion": 2, "mediaType": mt.DOCKER_LIST, "manifests": entries})
        doc: dict[str, object] = {"schemaVersion": 2}
        if self.said_media_type:
            doc["mediaType"] = self.said_media_type
        if self.artifact_type:
            doc["artifactType"] = self.artifact_type
        doc["manifests"] = [oci_descriptor(item) for item in self.instances]
        if self.subject is not None:
            doc["subject"] = oci_descriptor(self.subject)
        if self.annotations:
            doc["annotations"] = sorted_map(self.annotations)
        return dump(doc)

    def instance(self, digest: str) -> Descriptor:
        for item in self.instances:
            if item.digest == digest:
                return item
        raise ImageNotFound(f"unable to find instance {digest} in the list")

    def choose(self, ctx: SystemContext, prefer_gzip: bool = False) -> Descriptor:
        """The instance that fits the platform of ``ctx`` best. Raises :class:`ImageNotFound`.

        Docker lists: the first that matches; OCI: platform, then zstd before gzip (or after it), then position, and an
        entry without platform will do if nothing else does.
        """
        wanted = wanted_platforms(ctx)
        best: tuple[tuple[int, int, int], Descriptor] | None = None
        for position, item in enumerate(self.instances):
            rank = platform_rank(item.platform, wanted)
            if rank is None:
                if item.platform is not None or self.media_type == mt.DOCKER_LIST:
                    continue
                rank = len(wanted)
            worse = 0
            if self.media_type == mt.OCI_INDEX:
                worse = int((item.annotations.get(ZSTD_ANNOTATION) == "true") is prefer_gzip)
            key = (rank, worse, position)
            if best is None or key < best[0]:
                best = (key, item)
        if best is not None:
            return best[1]
        first = wanted[0]
        kind = "image index" if self.media_type == mt.OCI_INDEX else "manifest list"
        raise ManifestError(
            f'no image found in {kind} for architecture "{first.architecture}", '
            f'variant "{first.variant}", OS "{first.os}"',
            hint="choose a platform with --override-os and --override-arch; the list has "
            + (", ".join(sorted({str(i.platform) for i in self.instances if i.platform})) or "no platforms"),
        )

    def replace(self, instances: Sequence[Descriptor], annotations: Mapping[str, str] | None = None) -> ManifestList:
        """The same list with these entries (and annotations, if given)."""
        return ManifestList(
            self.media_type,
            instances,
            self.annotations if annotations is None else annotations,
            self.artifact_type,
            self.subject,
            self.said_media_type,
        )

    def convert(self, media_type: str) -> ManifestList:
        """As the other kind of list; what that can't hold is lost (annotations towards Docker, features towards
        OCI).
        """
        if media_type == self.media_type:
            return self
        if media_type == mt.DOCKER_LIST:
            return ManifestList(media_type, [_for_docker(item) for item in self.instances])
        return ManifestList(media_type, [_for_oci(item) for item in self.instances])


def _for_docker(item: Descriptor) -> Descriptor:
    platform = item.platform or Platform(running_os(), running_arch())
    return Descriptor(item.digest, item.size, item.media_type, item.urls, platform=platform)


def _for_oci(item: Descriptor) -> Descriptor:
    old = item.platform or Platform()
    platform = Platform(old.os, old.architecture, old.variant, old.os_version, old.os_features)
    return Descriptor(item.digest, item.size, item.media_type, item.urls, platform=platform)
