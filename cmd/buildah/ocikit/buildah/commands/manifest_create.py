"""buildah manifest create."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.image.cli.manifest_create import COMMAND as SHARED
from ocikit.image.cli.manifest_create import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(SHARED)
