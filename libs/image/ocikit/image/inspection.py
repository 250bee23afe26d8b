"""What ``skopeo inspect`` shows of an image, as plain data in the order in which it is printed (image spec, 12.3)."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.image.errors import ManifestError, wrap
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.config import WHAT, oci_config, parse_config
from ocikit.image.manifest.gojson import an_object, rfc3339, sorted_map, string_map, strings, text
from ocikit.image.manifest.guess import manifest_digest, matches_digest, parse_list, parse_manifest
from ocikit.image.manifest.single import require_image
from ocikit.image.reading import read_config, read_top

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.image.context import SystemContext
    from ocikit.image.manifest.schema1 import Schema1Manifest
    from ocikit.image.manifest.single import Manifest
    from ocikit.image.transports.base import ImageSource


class InspectedImage:
    """An opened image with what was read of it: the top manifest, the chosen instance, the config when asked for."""

    def __init__(self, source: ImageSource, ctx: SystemContext) -> None:
        self.source = source
        try:
            self.top, self.top_type = read_top(source)
        except OcikitError as error:
            raise wrap("Error retrieving manifest for image", error) from error
        self._ctx = ctx
        self._manifest: Manifest | None = None
        self._config: bytes | None = None
        self.instance_digest: str | None = None

    @property
    def digest(self) -> str:
        """Of what the reference names: the list's, if it is one."""
        return manifest_digest(self.top)

    @property
    def manifest(self) -> Manifest:
        """The single image's manifest: the top one, or the instance for the platform of the context."""
        if self._manifest is None:
            try:
                self._manifest = self._choose()
            except OcikitError as error:
                raise wrap("Error parsing manifest for image", error) from error
        return self._manifest

    def _choose(self) -> Manifest:
        if not mt.is_list(self.top_type):
            return parse_manifest(self.top, self.top_type)
        try:
            item = parse_list(self.top, self.top_type).choose(self._ctx)
        except OcikitError as error:
            raise wrap("choosing image instance", error) from error
        self.instance_digest = item.digest
        raw, media_type = self.source.get_manifest(item.digest)
        if not matches_digest(raw, item.digest):
            raise ManifestError(f"Manifest does not match provided manifest digest {item.digest}")
        return parse_manifest(raw, media_type)

    @property
    def config(self) -> bytes:
        """The config's exact bytes; for schema 1 a config made from its history."""
        if self._config is None:
            descriptor, old = self.manifest.config, self._schema1()
            if old is not None:
                self._config = old.history[-1].encode()
            else:
                assert descriptor is not None
                self._config = read_config(self.source, descriptor)
        return self._config

    def _schema1(self) -> Schema1Manifest | None:
        """The manifest if it is of schema 1; that module is loaded only where one is met."""
        if self.manifest.config is not None:
            return None
        from ocikit.image.manifest.schema1 import Schema1Manifest

        assert isinstance(self.manifest, Schema1Manifest)
        return self.manifest

    def oci_config(self) -> dict[str, Any]:
        """The config in OCI form, as ``--config`` prints it."""
        require_image(self.manifest)
        if self._schema1() is not None:
            raise ManifestError("the config of a schema 1 image can only be shown after a copy to another format")
        return oci_config(parse_config(self.config))

    def summary(self, tags: list[str] | None) -> dict[str, Any]:
        """The default output. ``tags``: the repository's, None where they couldn't be read."""
        require_image(self.manifest)
        doc = parse_config(self.config)
        name = self.source.reference.docker_reference()
        transport = self.source.reference.transport.name
        out: dict[str, Any] = {}
        if name is not None and transport == "docker":
            out["Name"] = name.name
        old = self._schema1()
        if old is not None and old.tag:
            out["Tag"] = old.tag
        created = text(doc, "created", WHAT)
        run = an_object(doc, "config", WHAT) or {}
        labels = string_map(run, "Labels", WHAT)
        out["Digest"] = self.digest
        out["RepoTags"] = tags
        out["Created"] = rfc3339(created) if created else None
        out["DockerVersion"] = text(doc, "docker_version", WHAT)
        out["Labels"] = sorted_map(labels) if labels is not None else None
        out["Architecture"] = text(doc, "architecture", WHAT)
        out["Os"] = text(doc, "os", WHAT)
        out["Layers"] = [layer.digest for layer in self.manifest.layers]
        out["LayersData"] = [
            {
                "MIMEType": layer.media_type,
                "Digest": layer.digest,
                "Size": layer.size,
                "Annotations": sorted_map(layer.annotations) if layer.annotations else None,
            }
            for layer in self.manifest.layers
        ]
        out["Env"] = strings(run, "Env", WHAT)
        return out
