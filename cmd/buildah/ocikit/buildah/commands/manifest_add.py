"""buildah manifest add."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.common.cli.declare import Flag
from ocikit.image.cli.manifest_add import COMMAND as SHARED
from ocikit.image.cli.manifest_add import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(
    SHARED,
    plus=(
        Flag(
            "os-features",
            "strings",
            help="Features of the entry's operating system",
            metavar="features",
            complete="none",
        ),
    ),
)
