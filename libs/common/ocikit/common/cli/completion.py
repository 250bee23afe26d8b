"""Shell completion."""

from __future__ import annotations

from ocikit.common.errors import Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.common.cli.program import Context


def main(context: Context, path: str, argv: Sequence[str]) -> int:
    """``PROGRAM completion SHELL``."""
    raise Unsupported("shell completion is not there yet")
