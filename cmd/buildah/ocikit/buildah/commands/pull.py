"""buildah pull."""

from __future__ import annotations

from ocikit.buildah.shared import ours
from ocikit.common.cli.declare import Flag
from ocikit.image.cli.pull import COMMAND as SHARED
from ocikit.image.cli.pull import run

__all__ = ["COMMAND", "run"]

COMMAND = ours(
    SHARED,
    without=("disable-content-trust",),
    plus=(
        Flag(
            "platform", "strings", help="Choose the image for this platform, as os/arch[/variant]", complete="platforms"
        ),
        Flag(
            "remove-signatures",
            "bool",
            help="Do not copy signatures",
            unsupported="signatures are kept with the image in the store",
        ),
    ),
)
