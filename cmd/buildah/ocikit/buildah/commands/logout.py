"""buildah logout."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.image.cli.logout import COMMAND as SHARED
from ocikit.image.cli.logout import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(SHARED)
