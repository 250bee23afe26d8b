"""Sizes, durations and times as the Go tools read and print them. Sizes are bytes, durations seconds, moments
nanoseconds since 1970 (records carry nanoseconds; a float would lose them).

Loaded by ps and images, so it imports nothing but what Python has loaded already.
"""

from __future__ import annotations

NS = 1_000_000_000
_DECIMAL = ("B", "kB", "MB", "GB", "TB", "PB", "EB", "ZB", "YB")
_BINARY = ("B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB", "YiB")
_DURATION_UNITS = {"ns": 1, "us": 1000, "µs": 1000, "μs": 1000, "ms": 1_000_000, "s": NS, "m": 60 * NS, "h": 3600 * NS}


def _scaled(size: float, base: float, names: tuple[str, ...], precision: int, space: str) -> str:
    step = 0
    while abs(size) >= base and step < len(names) - 1:
        size /= base
        step += 1
    return f"{size:.{precision}g}{space}{names[step]}"


def human_size(size: float, precision: int = 3, space: str = " ") -> str:
    """Decimal size as `podman images` prints it: ``12.3 MB``. precision: significant digits."""
    return _scaled(size, 1000.0, _DECIMAL, precision, space)


def docker_size(size: float) -> str:
    """Decimal size without a space and with four digits: ``12.34MB`` (ps --size, stats, system df)."""
    return _scaled(size, 1000.0, _DECIMAL, 4, "")


def binary_size(size: float) -> str:
    """Binary size with four digits: ``11.77MiB``."""
    return _scaled(size, 1024.0, _BINARY, 4, "")


def _parse_size(text: str, base: int) -> int:
    number = text.rstrip("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ ")
    suffix = text[len(number) :].strip().lower()
    if not number or number.strip("0123456789.") or number.count(".") > 1 or not number[0].isdigit():
        raise ValueError(f"invalid size: '{text}'")
    power = 0
    if suffix not in ("", "b"):
        power = "kmgtpe".find(suffix[0]) + 1
        if not power or suffix[1:] not in ("", "b", "ib"):
            raise ValueError(f"invalid suffix: '{suffix}'")
    factor: int = base**power
    return int(float(number) * factor) if "." in number else int(number) * factor


def parse_size(text: str) -> int:
    """Bytes of "64m", "1.5GiB", "10kb", "5"; every unit counts by 1024, as memory limits do."""
    return _parse_size(text, 1024)


def parse_decimal_size(text: str) -> int:
    """Bytes of "64MB"; every unit counts by 1000, as disk sizes do."""
    return _parse_size(text, 1000)


def human_duration(seconds: float) -> str:
    """About how long, in words: "2 minutes", "About an hour", "3 weeks"."""
    whole = int(seconds)
    if seconds < 1:
        return "Less than a second"
    if whole < 60:
        return "1 second" if whole == 1 else f"{whole} seconds"
    if whole < 3600:
        return "About a minute" if whole < 120 else f"{whole // 60} minutes"
    hours = int(seconds / 3600 + 0.5)
    if hours == 1:
        return "About an hour"
    if hours < 48:
        return f"{hours} hours"
    if hours < 24 * 7 * 2:
        return f"{hours // 24} days"
    if hours < 24 * 30 * 2:
        return f"{hours // 24 // 7} weeks"
    if hours < 24 * 365 * 2:
        return f"{hours // 24 // 30} months"
    return f"{hours // 24 // 365} years"


def human_ago(then_ns: int, now_ns: int | None = None) -> str:
    """How long ago a moment was: "2 minutes ago"."""
    if now_ns is None:
        import time

        now_ns = time.time_ns()
    return human_duration((now_ns - then_ns) / NS) + " ago"


def parse_duration_ns(text: str) -> int:
    """Nanoseconds of a Go duration ("1h5m", "300ms", "-1.5h"); ValueError with Go's words."""
    body = text[1:] if text[:1] in ("+", "-") else text
    if body == "0":
        return 0
    if not body:
        raise ValueError(f"time: invalid duration {_quote(text)}")
    total = 0
    while body:
        size = len(body) - len(body.lstrip("0123456789."))
        number, body = body[:size], body[size:]
        whole, _, fraction = number.partition(".")
        if "." in fraction or not (whole or fraction):
            raise ValueError(f"time: invalid duration {_quote(text)}")
        size = 0
        while size < len(body) and body[size] not in "0123456789.":
            size += 1
        unit, body = body[:size], body[size:]
        if not unit:
            raise ValueError(f"time: missing unit in duration {_quote(text)}")
        if unit not in _DURATION_UNITS:
            raise ValueError(f"time: unknown unit {_quote(unit)} in duration {_quote(text)}")
        # In integers: 0.1s are exactly 100000000 ns.
        scale = _DURATION_UNITS[unit]
        total += int(whole or "0") * scale + (int(fraction) * scale // 10 ** len(fraction) if fraction else 0)
        if total >= 1 << 63:
            raise ValueError(f"time: invalid duration {_quote(text)}")
    return -total if text[0] == "-" else total


def parse_duration(text: str) -> float:
    """Seconds of a Go duration."""
    return parse_duration_ns(text) / NS


def format_duration_ns(nanoseconds: int) -> str:
    """Go's form of a duration: "1h5m0s", "1.5s", "300ms", "0s"."""
    if not nanoseconds:
        return "0s"
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest < NS:
        for scale, name in ((1_000_000, "ms"), (1000, "µs"), (1, "ns")):
            if rest >= scale:
                return f"{sign}{_fraction(rest, scale)}{name}"
    minutes, seconds = divmod(rest, 60 * NS)
    hours, minutes = divmod(minutes, 60)
    text = _fraction(seconds, NS) + "s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def format_duration(seconds: float) -> str:
    """Go's form of a duration in seconds."""
    return format_duration_ns(round(seconds * NS))


def _fraction(value: int, scale: int) -> str:
    whole, rest = divmod(value, scale)
    if not rest:
        return str(whole)
    return f"{whole}.{str(rest).rjust(len(str(scale)) - 1, '0').rstrip('0')}"


def _quote(text: str) -> str:
    from ocikit.common.cli.parse import quote

    return quote(text)


def days_from_civil(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar; years may be any."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def civil_from_days(days: int) -> tuple[int, int, int]:
    """(year, month, day) of a number of days from 1970-01-01."""
    days += 719468
    era, of_era = divmod(days, 146097)
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    return year + era * 400 + (month <= 2), month, of_year - (153 * shifted + 2) // 5 + 1


def parse_rfc3339(text: str) -> int:
    """Nanoseconds since 1970 of "2024-05-01T12:30:00.5Z" or with "+02:00"; ValueError otherwise."""
    try:
        date, clock = text[:10], text[11:]
        if date[4] != "-" or date[7] != "-" or text[10] not in "Tt ":
            raise ValueError
        at = len(clock.rstrip("Zz"))
        offset = 0
        if at == len(clock):
            at -= 6
            zone = clock[at:]
            if zone[0] not in "+-" or zone[3] != ":":
                raise ValueError
            offset = (_digits(zone[1:3]) * 60 + _digits(zone[4:6])) * (60 if zone[0] == "+" else -60)
        main, _, fraction = clock[:at].partition(".")
        if len(main) != 8 or main[2] != ":" or main[5] != ":" or (fraction and not fraction.isdigit()):
            raise ValueError
        year, month, day = _digits(date[:4]), _digits(date[5:7]), _digits(date[8:10])
        hour, minute, second = _digits(main[:2]), _digits(main[3:5]), _digits(main[6:8])
        if not (1 <= month <= 12 and 1 <= day <= 31 and hour < 24 and minute < 60 and second < 61):
            raise ValueError
        seconds = days_from_civil(year, month, day) * 86400 + hour * 3600 + minute * 60 + second - offset
        return seconds * NS + int(fraction[:9].ljust(9, "0"))
    except (IndexError, ValueError):
        raise ValueError(f"{_quote(text)} is no RFC 3339 time") from None


def _digits(text: str) -> int:
    if not text.isdigit():
        raise ValueError(text)
    return int(text)


def _clock(ns: int, offset: int) -> tuple[str, str, str]:
    """(date, clock, fraction with its dot or empty) at an offset from UTC in seconds."""
    seconds, rest = divmod(ns, NS)
    days, of_day = divmod(seconds + offset, 86400)
    year, month, day = civil_from_days(days)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    clock = f"{of_day // 3600:02d}:{of_day // 60 % 60:02d}:{of_day % 60:02d}"
    return f"{year:04d}-{month:02d}-{day:02d}", clock, fraction


def _local(ns: int) -> tuple[int, str]:
    import time

    when = time.localtime(ns // NS)
    return when.tm_gmtoff, when.tm_zone


def format_rfc3339(ns: int, local: bool = False, nano: bool = True) -> str:
    """RFC 3339 as Go prints it: no trailing zeros in the fraction, "Z" for UTC."""
    offset = _local(ns)[0] if local else 0
    date, clock, fraction = _clock(ns, offset)
    sign = "-" if offset < 0 else "+"
    zone = f"{sign}{abs(offset) // 3600:02d}:{abs(offset) // 60 % 60:02d}" if offset else "Z"
    return f"{date}T{clock}{fraction if nano else ''}{zone}"


def format_go_time(ns: int, local: bool = True) -> str:
    """A moment as Go's String prints it: "2024-05-01 12:30:00.5 +0000 UTC"."""
    offset, name = _local(ns) if local else (0, "UTC")
    date, clock, fraction = _clock(ns, offset)
    sign = "-" if offset < 0 else "+"
    return f"{date} {clock}{fraction} {sign}{abs(offset) // 3600:02d}{abs(offset) // 60 % 60:02d} {name}"


def parse_moment(text: str, now_ns: int | None = None) -> int:
    """Nanoseconds since 1970 of what --since, --until and their like take: RFC 3339 in full or in part (local time where
    no zone is given), seconds since 1970, or a Go duration before now. ValueError otherwise.
    """
    import time

    try:
        seconds, _, fraction = text.partition(".")
        return _digits(seconds) * NS + (_digits(fraction[:9].ljust(9, "0")) if fraction else 0)
    except ValueError:
        pass
    try:
        return (time.time_ns() if now_ns is None else now_ns) - parse_duration_ns(text)
    except ValueError:
        pass
    full = text
    if len(text) == 10:
        full = text + "T00:00:00"
    elif len(text) == 11 and text[10] == "Z":
        full = text[:10] + "T00:00:00Z"
    elif len(text) == 16 and text[10] in "+-":
        full = text[:10] + "T00:00:00" + text[10:]
    try:
        if full[-1:] in "Zz" or full[19:].rpartition("+")[1] or "-" in full[19:]:
            return parse_rfc3339(full)
        utc = parse_rfc3339(full + "Z")
        date, clock, _ = _clock(utc, 0)
        wall = time.mktime((*map(int, date.split("-")), *map(int, clock.split(":")), 0, 0, -1))  # type: ignore[arg-type]
        return int(wall) * NS + utc % NS
    except (ValueError, OverflowError):
        raise ValueError(f"{_quote(text)} is neither a time, a number of seconds nor a duration") from None
