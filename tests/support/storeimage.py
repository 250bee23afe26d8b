"""Puts an OCI layout into a store through ocikit.storage alone, for tests of the store that need no image library."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from ocikit.storage import ImageRecord, Store


def put_layout(store: Store, layout: Path, names: list[str]) -> ImageRecord:
    """The layout's only image, under these names."""
    index = json.loads((layout / "index.json").read_text())
    digest = index["manifests"][0]["digest"]

    def blob(digest: str) -> bytes:
        return (layout / "blobs/sha256" / digest.removeprefix("sha256:")).read_bytes()

    manifest = blob(digest)
    document = json.loads(manifest)
    config_digest = document["config"]["digest"]
    config = blob(config_digest)
    parent = ""
    for layer in document["layers"]:
        path = layout / "blobs/sha256" / layer["digest"].removeprefix("sha256:")
        with path.open("rb") as stream:
            staged = store.stage_layer(stream, compressed_digest=layer["digest"])
        parent = store.put_layer(staged, parent=parent or None).id
    assert digest == "sha256:" + hashlib.sha256(manifest).hexdigest()
    return store.create_image(
        id=config_digest.removeprefix("sha256:"),
        names=names,
        layer=parent,
        digest=digest,
        created=json.loads(config).get("created", ""),
        data=[(config_digest, config, ""), (f"manifest-{digest}", manifest, digest), ("manifest", manifest, digest)],
    )
