"""buildah manifest rm."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.image.cli.manifest_rm import COMMAND as SHARED
from ocikit.image.cli.manifest_rm import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(SHARED, without=("ignore",))
