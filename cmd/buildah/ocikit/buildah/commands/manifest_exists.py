"""buildah manifest exists."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.image.cli.manifest_exists import COMMAND as SHARED
from ocikit.image.cli.manifest_exists import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(SHARED)
