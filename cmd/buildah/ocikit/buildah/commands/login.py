"""buildah login."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.image.cli.login import COMMAND as SHARED
from ocikit.image.cli.login import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(SHARED, without=("secret",))
