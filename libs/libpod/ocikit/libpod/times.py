"""Points in time as Go writes and reads them: RFC 3339 with nanoseconds, UTC; without ``datetime``."""

from __future__ import annotations

import time

from ocikit.common.errors import OcikitError
from ocikit.common.units import format_rfc3339, parse_moment, parse_rfc3339

ZERO = "0001-01-01T00:00:00Z"

format_ns = format_rfc3339
parse_ns = parse_rfc3339


def now() -> str:
    """The present."""
    return format_rfc3339(time.time_ns())


def is_zero(text: str) -> bool:
    """Go's zero time, or nothing."""
    return not text or text.startswith("0001-01-01T00:00:00")


def parse_when(text: str, what: str = "time", *, ahead: bool = False) -> int:
    """``--since`` and ``--until``: RFC 3339, a date, Unix seconds or a Go duration before now; in ns since 1970.

    ``ahead``: durations count from now on, as the ``--until`` of logs and events has it.
    """
    try:
        moment = parse_moment(text)
        if ahead and text[-1:].isalpha() and text[-1] not in "Zz":
            return 2 * time.time_ns() - moment
        return moment
    except (ValueError, OcikitError):
        raise OcikitError(
            f'failed to parse {what} "{text}": use RFC 3339, Unix seconds or a duration such as 10m'
        ) from None
