"""One image of a store with its documents read when they are asked for. Light: ``images`` and ``inspect`` use it."""

from __future__ import annotations

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.image.digest import is_digest

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.storage import ImageRecord, LayerRecord, Store

LIST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
)
V2S2 = "application/vnd.docker.distribution.manifest.v2+json"
OCI = "application/vnd.oci.image.manifest.v1+json"


class LocalImage:
    """A record and, lazily, its manifest, its config, its layers and its size."""

    __slots__ = ("_config", "_manifest", "_store", "record")

    def __init__(self, store: Store, record: ImageRecord) -> None:
        self._store = store
        self.record = record
        self._manifest: dict[str, Any] | None = None
        self._config: dict[str, Any] | None = None

    @property
    def id(self) -> str:
        return self.record.id

    @property
    def manifest_bytes(self) -> bytes:
        return self._store.image_data(self.record.id, "manifest")

    @property
    def manifest(self) -> dict[str, Any]:
        """The instance's manifest (of a list record: the list)."""
        if self._manifest is None:
            if "manifest" not in self.record.big_data_names:
                self._manifest = {}
            else:
                self._manifest = _document(self.manifest_bytes, self.id, "manifest")
        return self._manifest

    @property
    def is_list(self) -> bool:
        manifest = self.manifest
        return manifest.get("mediaType") in LIST_TYPES or ("manifests" in manifest and "config" not in manifest)

    @property
    def manifest_type(self) -> str:
        manifest = self.manifest
        declared = manifest.get("mediaType")
        if declared:
            return str(declared)
        if manifest.get("schemaVersion") == 1:
            return "application/vnd.docker.distribution.manifest.v1+prettyjws"
        return OCI if manifest else ""

    @property
    def config_bytes(self) -> bytes:
        """The image's config document; b"{}" if it has none."""
        digest = (self.manifest.get("config") or {}).get("digest", "")
        for key in (digest, f"sha256:{self.id}"):
            if key and key in self.record.big_data_names:
                return self._store.image_data(self.record.id, key)
        for key in self.record.big_data_names:
            if is_digest(key):
                return self._store.image_data(self.record.id, key)
        return b"{}"

    @property
    def config(self) -> dict[str, Any]:
        if self._config is None:
            self._config = _document(self.config_bytes, self.id, "config")
        return self._config

    @property
    def run_config(self) -> dict[str, Any]:
        """The ``config`` member: Cmd, Env, Labels..."""
        return self.config.get("config") or {}

    @property
    def labels(self) -> dict[str, str]:
        return self.run_config.get("Labels") or {}

    @property
    def diff_ids(self) -> list[str]:
        return (self.config.get("rootfs") or {}).get("diff_ids") or []

    @property
    def history(self) -> list[dict[str, Any]]:
        return self.config.get("history") or []

    def layers(self, by_id: dict[str, LayerRecord]) -> list[LayerRecord]:
        """Its layers, the top one first."""
        found = []
        layer_id = self.record.layer
        while layer_id:
            layer = by_id.get(layer_id)
            if layer is None:
                break
            found.append(layer)
            layer_id = layer.parent
        return found

    def size(self, by_id: dict[str, LayerRecord]) -> int:
        """Bytes: its layers uncompressed and its documents."""
        total = sum(self.record.big_data_sizes.values())
        for layer in self.layers(by_id):
            diff_size = layer.diff_size
            if diff_size < 0:
                diff_size = self._store.diff_size(layer.id)
            total += diff_size
        return int(total)

    def repo_digests(self) -> list[str]:
        """``host/path@digest`` for every name and digest."""
        found: list[str] = []
        for name in self.record.names:
            slash = name.rfind("/")
            bare = name.partition("@")[0]
            colon = bare.find(":", slash + 1)
            repository = bare if colon < 0 else bare[:colon]
            for digest in self.record.digests:
                text = f"{repository}@{digest}"
                if text not in found:
                    found.append(text)
        return sorted(found)


def _document(data: bytes, image_id: str, what: str) -> dict[str, Any]:
    try:
        doc = jsonfast.loads(data)
    except ValueError as exc:
        raise OcikitError(
            f"image {image_id[:12]}: its {what} in the store is damaged: {exc}",
            hint=f"`podman rmi -f {image_id[:12]}`, then pull or build it again",
        ) from exc
    return doc if isinstance(doc, dict) else {}


def local_images(store: Store) -> list[LocalImage]:
    return [LocalImage(store, record) for record in store.images()]


def layers_by_id(store: Store) -> dict[str, LayerRecord]:
    return {layer.id: layer for layer in store.layers()}
