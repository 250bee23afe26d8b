"""Sizes, durations and times."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.common import units


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1 kB"), (12_345_678, "12.3 MB"), (1_000_000_000, "1 GB"), (4.2e6, "4.2 MB")],
)
def test_human_size(size: float, text: str) -> None:
    assert units.human_size(size) == text


def test_docker_and_binary_sizes() -> None:
    assert units.docker_size(12_345_678) == "12.35MB"
    assert units.docker_size(0) == "0B"
    assert units.binary_size(12_345_678) == "11.77MiB"


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("64m", 64 << 20),
        ("64MB", 64 << 20),
        ("64MiB", 64 << 20),
        ("5", 5),
        ("5b", 5),
        ("1.5g", 3 << 29),
        ("32 k", 32768),
    ],
)
def test_parse_size(text: str, size: int) -> None:
    assert units.parse_size(text) == size


@pytest.mark.parametrize("text", ["", "m", "-1", "1x", "1mm", "1.2.3", "k1", "1 2", "０", ".5"])
def test_parse_size_refuses(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_size(text)


def test_decimal_size() -> None:
    assert units.parse_decimal_size("2kB") == 2000


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.5, "Less than a second"),
        (1, "1 second"),
        (59, "59 seconds"),
        (60, "About a minute"),
        (150, "2 minutes"),
        (3599, "59 minutes"),
        (3600, "About an hour"),
        (5400, "2 hours"),
        (47 * 3600, "47 hours"),
        (3 * 86400, "3 days"),
        (20 * 86400, "2 weeks"),
        (70 * 86400, "2 months"),
        (800 * 86400, "2 years"),
    ],
)
def test_human_duration(seconds: float, text: str) -> None:
    assert units.human_duration(seconds) == text


def test_ago() -> None:
    assert units.human_ago(0, 150 * units.NS) == "2 minutes ago"


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("0", 0),
        ("1h5m", 3900 * units.NS),
        ("300ms", 300_000_000),
        ("-1.5h", -5400 * units.NS),
        ("0.1s", 100_000_000),
        ("1µs", 1000),
        (".5s", 500_000_000),
        ("1.s", units.NS),
    ],
)
def test_durations(text: str, ns: int) -> None:
    assert units.parse_duration_ns(text) == ns


@pytest.mark.parametrize("text", ["", "-", "5", "5x", ".s", "1..5s", "h", "1h5", "9999999999h"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(ValueError, match="time: "):
        units.parse_duration(text)


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0s"),
        (3900 * units.NS, "1h5m0s"),
        (1_500_000_000, "1.5s"),
        (1500, "1.5µs"),
        (-60 * units.NS, "-1m0s"),
        (7, "7ns"),
    ],
)
def test_format_duration(ns: int, text: str) -> None:
    assert units.format_duration_ns(ns) == text


@given(st.integers(-(2**62), 2**62))
def test_duration_round_trip(ns: int) -> None:
    assert units.parse_duration_ns(units.format_duration_ns(ns)) == ns


@given(
    st.datetimes(min_value=datetime.datetime(1, 1, 2), max_value=datetime.datetime(9999, 12, 30)),
    st.integers(-839, 839),
)
def test_rfc3339_agrees_with_datetime(moment: datetime.datetime, minutes: int) -> None:
    aware = moment.replace(tzinfo=datetime.timezone(datetime.timedelta(minutes=minutes)))
    epoch = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
    expected = (aware - epoch) // datetime.timedelta(microseconds=1) * 1000
    assert units.parse_rfc3339(aware.isoformat()) == expected


@given(st.integers(-(10**18), 10**19))
def test_rfc3339_round_trip(ns: int) -> None:
    assert units.parse_rfc3339(units.format_rfc3339(ns)) == ns


@given(st.text(max_size=40))
def test_bad_text_is_a_value_error(text: str) -> None:
    for parser in (units.parse_rfc3339, units.parse_moment, units.parse_size, units.parse_duration):
        try:
            parser(text)
        except ValueError:
            pass


@pytest.mark.parametrize(
    "text",
    [
        "2024-05-01",
        "2024-05-01 12:00:00",
        "2024-13-01T00:00:00Z",
        "2024-05-01T12:00:00",
        "x" * 25,
        "2024-05-01T25:00:00Z",
    ],
)
def test_bad_rfc3339(text: str) -> None:
    with pytest.raises(ValueError):
        units.parse_rfc3339(text)


def test_go_time() -> None:
    assert units.format_go_time(1_714_566_600_500_000_000, local=False) == "2024-05-01 12:30:00.5 +0000 UTC"
    assert units.format_rfc3339(1_714_566_600_500_000_000, nano=False) == "2024-05-01T12:30:00Z"


def test_moments() -> None:
    now = 1_714_566_600 * units.NS
    assert units.parse_moment("10m", now) == now - 600 * units.NS
    assert units.parse_moment("1714566600.25") == now + 250_000_000
    assert units.parse_moment("2024-05-01T12:30:00Z") == now
    assert units.parse_moment("2024-05-01T14:30:00+02:00") == now
    assert units.parse_moment("2024-05-01Z") == now - 45000 * units.NS
    local = datetime.datetime(2024, 5, 1, 12, 30).astimezone()
    assert units.parse_moment("2024-05-01T12:30:00") == int(local.timestamp()) * units.NS
