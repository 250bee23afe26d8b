"""buildah manifest inspect."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.image.cli.manifest_inspect import COMMAND as SHARED
from ocikit.image.cli.manifest_inspect import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(SHARED, without=("insecure", "verbose"))
