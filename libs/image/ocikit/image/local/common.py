"""What pulling, pushing, saving and loading share: references to images of a store, retries, messages."""

from __future__ import annotations

import time

from ocikit.common.errors import OcikitError
from ocikit.image.registry.errors import is_retryable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    from ocikit.image.transports.base import ImageReference
    from ocikit.storage import Store

    T = TypeVar("T")
    Say = Callable[[str], None]


def silent(text: str) -> None:
    """Says nothing."""


class Retries:
    """How often to try again what may work a moment later. ``delay_s`` None: 1 s, doubled each time."""

    __slots__ = ("delay_s", "times", "warn")

    def __init__(self, times: int = 3, delay_s: float | None = None, warn: Say = silent) -> None:
        self.times = times
        self.delay_s = delay_s
        self.warn = warn

    def run(self, work: Callable[[], T]) -> T:
        """``work()``, again after errors that a registry may get over. The last error is raised as it is."""
        attempt = 0
        while True:
            try:
                return work()
            except OcikitError as exc:
                if attempt >= self.times or not is_retryable(exc):
                    raise
                wait = float(2**attempt) if self.delay_s is None else self.delay_s
                attempt += 1
                self.warn(f"Failed, retrying in {wait:g}s ... ({attempt}/{self.times}). Error: {exc}")
            time.sleep(wait)


def storage_reference(store: Store, name: str) -> ImageReference:
    """``containers-storage:NAME`` in this store. An id is written ``@ID``."""
    from ocikit.image.transports.containers_storage import parse_in_store

    return parse_in_store(store, name)
