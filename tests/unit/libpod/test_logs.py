from __future__ import annotations

import datetime
import os
import threading
import time
from pathlib import Path

import pytest

from ocikit.libpod import logs


def record(second: int, text: str, flag: str = "F", stream: str = "stdout") -> str:
    return f"2026-11-23T17:10:{second:02d}.500000000+00:00 {stream} {flag} {text}\n"


def write(path: Path, *records: str) -> str:
    path.write_text("".join(records))
    return str(path)


def texts(path: str, **options: object) -> list[str]:
    return [line.text for line in logs.read(path, logs.LogOptions(**options))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "stamp",
    [
        "2026-11-23T17:10:58.773424591+00:00",
        "2024-02-29T00:00:00.000000001-05:30",
        "1999-12-31T23:59:59+02:00",
        "2026-03-01T12:00:00.5Z",
    ],
)
def test_stamps(stamp: str) -> None:
    head, _, rest = stamp.partition(".")
    zone = rest.lstrip("0123456789")
    expected = datetime.datetime.fromisoformat(stamp if not rest else head + zone.replace("Z", "+00:00")).timestamp()
    assert int(logs.parse_stamp(stamp)) == int(expected)


def test_nonsense_is_time_zero() -> None:
    assert logs.parse_stamp("yesterday") == 0.0


def test_stamp_round_trip() -> None:
    now = time.time_ns()
    assert abs(logs.parse_stamp(logs.format_stamp(now)) - now / 1e9) < 1e-5


def test_plain_reading_skips_what_is_no_line(tmp_path: Path) -> None:
    path = write(tmp_path / "l", record(1, "one"), "garbage\n", record(2, "two  spaces "), record(3, "cut")[:20])
    assert texts(path) == ["one", "two  spaces "]
    assert texts(str(tmp_path / "absent")) == []


def test_tail_and_bounds(tmp_path: Path) -> None:
    path = write(tmp_path / "l", *(record(n, str(n)) for n in range(10)))
    base = logs.parse_stamp("2026-11-23T17:10:00+00:00")
    assert texts(path, tail=3) == ["7", "8", "9"]
    assert texts(path, tail=0) == []
    assert texts(path, tail=100) == [str(n) for n in range(10)]
    assert texts(path, since=base + 7) == ["7", "8", "9"]
    assert texts(path, until=base + 2) == ["0", "1"]


def test_partial_pieces_are_one_line(tmp_path: Path) -> None:
    path = write(tmp_path / "l", record(1, "a"), record(2, "b1", "P"), record(2, "b2", "F"), record(3, "c"))
    assert texts(path, tail=2) == ["b1", "b2", "c"]
    options = logs.LogOptions()
    assert "".join(line.render(options) for line in logs.read(path, options)) == "a\nb1b2\nc\n"


def test_rotated_parts_come_first(tmp_path: Path) -> None:
    write(tmp_path / "l.2", record(1, "1"))
    write(tmp_path / "l.1", record(2, "2"), record(3, "3"))
    path = write(tmp_path / "l", record(4, "4"))
    assert texts(path) == ["1", "2", "3", "4"]
    assert texts(path, tail=3) == ["2", "3", "4"]


def test_tail_over_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "BLOCK", 64)
    path = write(tmp_path / "l", *(record(n % 60, f"line {n} " + "x" * (n % 90)) for n in range(200)))
    whole = texts(path)
    assert len(whole) == 200
    for count in (1, 2, 50, 199, 200, 300):
        assert texts(path, tail=count) == whole[-count:]


def test_rendering() -> None:
    line = logs.parse_line(record(1, "hi").encode().rstrip(b"\n"))
    assert line is not None
    assert line.render(logs.LogOptions()) == "hi\n"
    assert line.render(logs.LogOptions(timestamps=True)) == "2026-11-23T17:10:01.500000000+00:00 hi\n"
    assert line.render(logs.LogOptions(names=True), name="web") == "web hi\n"
    assert line.render(logs.LogOptions(colors=True), name="web", color=1) == "\033[31mweb hi\033[0m\n"


def test_following_sees_new_lines_and_a_replaced_file(tmp_path: Path) -> None:
    path = write(tmp_path / "l", record(1, "old"))
    alive = [True]

    def writer() -> None:
        time.sleep(0.2)
        with open(path, "a") as file:
            file.write(record(2, "new") + record(3, "half")[:10])
            file.flush()
            time.sleep(0.2)
            file.write(record(3, "half")[10:])
        write(tmp_path / "l.tmp", record(4, "replaced"))
        os.rename(tmp_path / "l.tmp", path)
        time.sleep(0.4)
        alive[0] = False

    thread = threading.Thread(target=writer)
    thread.start()
    options = logs.LogOptions(follow=True)
    found = [line.text for line in logs.read(path, options, running=lambda: alive[0])]
    thread.join()
    assert found == ["old", "new", "half", "replaced"]


def test_journal_entries() -> None:
    line = logs.parse_journal_entry(
        b'{"__REALTIME_TIMESTAMP":"1700000000123456","PRIORITY":"3","MESSAGE":"bad","CONTAINER_PARTIAL_MESSAGE":"true"}'
    )
    assert line is not None
    assert (line.text, line.stream, line.partial) == ("bad", "stderr", True)
    assert abs(line.when() - 1700000000.123456) < 1e-5
    line = logs.parse_journal_entry(b'{"__REALTIME_TIMESTAMP":"1","MESSAGE":[104,105,10]}')
    assert line is not None and line.text == "hi"
    assert logs.parse_journal_entry(b"-- no entries --") is None
