"""The layer cache: images of the store that an earlier build of the same step made, by anybody's build.

The rules are those of buildah (specification of builds, "Layers, cache, squash"), so that both tools hit each other's.
"""

from __future__ import annotations

import time

from ocikit.common import jsonfast
from ocikit.libpod.build.platforms import Platform
from ocikit.libpod.build.snapshot import Snapshot

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.storage import ImageRecord, Store


class Candidate:
    """An image of the store with its parsed configuration."""

    __slots__ = ("config", "image", "media_type")

    def __init__(self, image: ImageRecord, config: dict[str, Any], media_type: str) -> None:
        self.image, self.config, self.media_type = image, config, media_type


class Cache:
    """Looks steps up. Each image of the store is read once a build; ``why`` says why the last look-up missed."""

    def __init__(self, store: Store, platform: Platform, media_type: str, ttl_s: float | None) -> None:
        self.store, self.platform, self.media_type, self.ttl_s = store, platform, media_type, ttl_s
        self._read: dict[str, Candidate | None] = {}
        self.why = ""

    def find(self, snapshot: Snapshot, created_by: str, *, layer: bool) -> Candidate | None:
        """The newest image that is this snapshot plus one step with this text, or None."""
        self.why = "no image in the store has this parent layer"
        if self.ttl_s == 0:
            self.why = "the cache's time to live is zero"
            return None
        parents = {record.id: record.parent for record in self.store.layers()} if layer else {}
        found: list[Candidate] = []
        for image in self.store.images():
            top = image.layer or ""
            if (parents.get(top) or "" if layer and top else top) != snapshot.top_layer or (layer and not top):
                continue
            candidate = self._candidate(image)
            if candidate and self._matches(candidate, snapshot, created_by, layer=layer):
                found.append(candidate)
        if not found:
            return None
        return max(found, key=lambda c: str(c.config.get("created") or ""))

    def _candidate(self, image: ImageRecord) -> Candidate | None:
        if image.id not in self._read:
            try:
                manifest = jsonfast.loads(self.store.image_data(image.id, "manifest"))
                config = jsonfast.loads(self.store.image_data(image.id, f"sha256:{image.id}"))
                self._read[image.id] = Candidate(image, config, manifest.get("mediaType") or "")
            except Exception:
                # A list, a foreign artifact or an image that somebody deletes just now: not a candidate.
                self._read[image.id] = None
        return self._read[image.id]

    def _matches(self, candidate: Candidate, snapshot: Snapshot, created_by: str, *, layer: bool) -> bool:
        config = candidate.config
        history = config.get("history") or []
        diff_ids = (config.get("rootfs") or {}).get("diff_ids") or []
        if candidate.media_type != self.media_type:
            self.why = "the images with this parent are of another format"
            return False
        if config.get("os") != self.platform.os or config.get("architecture") != self.platform.architecture:
            self.why = "the images with this parent are for another platform"
            return False
        if len(history) != len(snapshot.history) + 1 or not _same_history(history, snapshot.history):
            self.why = "the images with this parent have another history"
            return False
        last = history[-1]
        if last.get("created_by") != created_by or bool(last.get("empty_layer")) == layer:
            self.why = f'the step there was "{last.get("created_by")}"'
            return False
        if (
            tuple(diff_ids[: len(snapshot.diff_ids)]) != snapshot.diff_ids
            or len(diff_ids) != len(snapshot.diff_ids) + layer
        ):
            self.why = "the images with this parent have other layers"
            return False
        if self.ttl_s is not None and _age_s(str(config.get("created") or "")) > self.ttl_s:
            self.why = "the image is older than the cache's time to live"
            return False
        return True


def _same_history(theirs: list[dict[str, Any]], ours: tuple[dict[str, Any], ...]) -> bool:
    keys = ("created_by", "comment", "author", "empty_layer", "created")
    return all(all((a.get(k) or None) == (b.get(k) or None) for k in keys) for a, b in zip(theirs, ours, strict=False))


def _age_s(created: str) -> float:
    from datetime import datetime

    try:
        return time.time() - datetime.fromisoformat(created[:19] + "+00:00").timestamp()
    except ValueError:
        return 0.0
