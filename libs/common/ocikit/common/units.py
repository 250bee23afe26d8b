"""Sizes, durations and times as the Go tools read and print them."""

from __future__ import annotations


def parse_duration(text: str) -> float:
    """Seconds of a Go duration ("1h5m", "300ms", "-1.5h"); ValueError with Go's words."""
    from ocikit.common.cli.parse import quote

    units = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0.0
    if not body:
        raise ValueError(f"time: invalid duration {quote(text)}")
    total = 0.0
    while body:
        size = len(body) - len(body.lstrip("0123456789."))
        number, body = body[:size], body[size:]
        if number.count(".") > 1 or not number.strip("."):
            raise ValueError(f"time: invalid duration {quote(text)}")
        size = next((i for i, char in enumerate(body) if char in "0123456789."), len(body))
        unit, body = body[:size], body[size:]
        if not unit:
            raise ValueError(f"time: missing unit in duration {quote(text)}")
        if unit not in units:
            raise ValueError(f"time: unknown unit {quote(unit)} in duration {quote(text)}")
        total += float(number) * units[unit]
    return -total if text[0] == "-" else total
