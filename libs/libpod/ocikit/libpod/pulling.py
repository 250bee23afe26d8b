"""Pulling the image of a new container."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.runtime import Runtime
    from ocikit.storage import ImageRecord


def pull(runtime: Runtime, options: CreateOptions) -> ImageRecord:
    """Pulls what the options name, for their platform and with their credentials; progress goes to standard error."""
    raise NotImplementedError
