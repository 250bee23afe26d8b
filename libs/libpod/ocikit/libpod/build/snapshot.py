"""The image under construction as a value: its layers and history, and the documents that describe it. Pure.

Sources: OCI image spec ("config", "manifest"), docker image spec v1.2, and the shapes that buildah writes.
"""

from __future__ import annotations

from ocikit.common import jsonfast

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.build.imageconfig import BuildConfig
    from ocikit.libpod.build.platforms import Platform

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
BASE_DIGEST = "org.opencontainers.image.base.digest"
BASE_NAME = "org.opencontainers.image.base.name"
CREATED = "org.opencontainers.image.created"


class Snapshot:
    """Layers (diff id and size, bottom first), history, and the store's top layer. A step makes a new one."""

    __slots__ = ("diff_ids", "history", "sizes", "top_layer")

    def __init__(
        self,
        diff_ids: tuple[str, ...] = (),
        sizes: tuple[int, ...] = (),
        history: tuple[dict[str, Any], ...] = (),
        top_layer: str = "",
    ) -> None:
        self.diff_ids, self.sizes, self.history, self.top_layer = diff_ids, sizes, history, top_layer

    def with_entry(self, entry: dict[str, Any]) -> Snapshot:
        """A step that changed no file: one more history entry."""
        return Snapshot(self.diff_ids, self.sizes, (*self.history, entry | {"empty_layer": True}), self.top_layer)

    def with_layer(self, entry: dict[str, Any], diff_id: str, size: int, top_layer: str) -> Snapshot:
        return Snapshot((*self.diff_ids, diff_id), (*self.sizes, size), (*self.history, entry), top_layer)


def history_entry(created: str, created_by: str, *, author: str = "", comment: str = "") -> dict[str, Any]:
    """A history entry; keys in the order that Go writes them, because the cache compares the documents."""
    entry: dict[str, Any] = {"created": created, "created_by": created_by}
    if author:
        entry["author"] = author
    if comment:
        entry["comment"] = comment
    return entry


class Documents:
    """The two documents of an image and their digests."""

    __slots__ = ("config", "config_digest", "manifest", "manifest_digest")

    def __init__(self, config: bytes, manifest: bytes) -> None:
        self.config, self.manifest = config, manifest
        import hashlib

        self.config_digest = "sha256:" + hashlib.sha256(config).hexdigest()
        self.manifest_digest = "sha256:" + hashlib.sha256(manifest).hexdigest()

    @property
    def image_id(self) -> str:
        return self.config_digest.removeprefix("sha256:")


def documents(
    snapshot: Snapshot,
    config: BuildConfig,
    platform: Platform,
    created: str,
    *,
    docker: bool = False,
    annotations: dict[str, str] | None = None,
    hostname: str = "",
    omit_history: bool = False,
) -> Documents:
    """The configuration and manifest of an image. ``created`` is RFC 3339 in UTC."""
    history = [] if omit_history else [_ordered(entry) for entry in snapshot.history]
    rootfs = {"type": "layers", "diff_ids": list(snapshot.diff_ids)}
    document: dict[str, Any] = {"created": created}
    if config.author:
        document["author"] = config.author
    inner = config.docker(hostname) if docker else config.oci()
    if docker:
        document = {"created": created, "container": "", "container_config": inner, "config": inner} | document
    document |= {"architecture": platform.architecture, "os": platform.os}
    if platform.os_version:
        document["os.version"] = platform.os_version
    if platform.os_features:
        document["os.features"] = list(platform.os_features)
    if platform.variant:
        document["variant"] = platform.variant
    document |= {"config": inner, "rootfs": rootfs, "history": history}
    raw = jsonfast.dumps_go(document).encode()
    return Documents(raw, _manifest(raw, snapshot, docker=docker, annotations=annotations or {}))


def _manifest(config: bytes, snapshot: Snapshot, *, docker: bool, annotations: dict[str, str]) -> bytes:
    import hashlib

    digest = "sha256:" + hashlib.sha256(config).hexdigest()

    def descriptor(media_type: str, digest: str, size: int) -> dict[str, Any]:
        # The docker form writes the size first, the OCI form the digest.
        if docker:
            return {"mediaType": media_type, "size": size, "digest": digest}
        return {"mediaType": media_type, "digest": digest, "size": size}

    layer = DOCKER_LAYER if docker else OCI_LAYER
    manifest: dict[str, Any] = {
        "schemaVersion": 2,
        "mediaType": DOCKER_MANIFEST if docker else OCI_MANIFEST,
        "config": descriptor(DOCKER_CONFIG if docker else OCI_CONFIG, digest, len(config)),
        "layers": [descriptor(layer, d, s) for d, s in zip(snapshot.diff_ids, snapshot.sizes, strict=True)],
    }
    if annotations and not docker:
        manifest["annotations"] = dict(sorted(annotations.items()))
    return jsonfast.dumps_go(manifest).encode()


_HISTORY_KEYS = ("created", "created_by", "author", "comment", "empty_layer")


def _ordered(entry: dict[str, Any]) -> dict[str, Any]:
    return {key: entry[key] for key in _HISTORY_KEYS if entry.get(key)}
