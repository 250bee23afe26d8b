"""Times in images: now, or a fixed moment for reproducible builds."""

from __future__ import annotations

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def rfc3339(nanoseconds: int) -> str:
    """UTC with as many digits of the fraction as are needed, as Go writes it."""
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
    fraction = f"{rest:09d}".rstrip("0")
    return f"{text}.{fraction}Z" if fraction else f"{text}Z"


def clock(fixed_s: int | None = None) -> Callable[[], str]:
    """A function that says what time it is; always the same when ``fixed_s`` (Unix seconds) is given."""
    return lambda: rfc3339(time.time_ns() if fixed_s is None else fixed_s * 1_000_000_000)
