"""buildah tag."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.image.cli.tag import COMMAND as SHARED
from ocikit.image.cli.tag import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(SHARED)
