"""The log drivers against files and a socket of the test's own."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

import pytest

from ocikit.conmon import journal, k8slog, rotate

H = b"T stdout "


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a\n", b"T stdout F a\n"),
        (b"a\nb\n", b"T stdout F a\nT stdout F b\n"),
        (b"a\nb", b"T stdout F a\nT stdout P b\n"),
        (b"b", b"T stdout P b\n"),
        (b"\n\n", b"T stdout F \nT stdout F \n"),
        (b"a\r\n", b"T stdout F a\r\n"),
    ],
)
def test_framing(data: bytes, expected: bytes) -> None:
    assert b"".join(k8slog.frame(H, data)) == expected
    assert b"".join(k8slog.records(H, data)) == expected


def test_long_lines_are_cut_at_8192() -> None:
    lines = b"".join(k8slog.frame(H, b"x" * 20000 + b"\nshort\n")).splitlines()
    assert [(line[9:10], len(line) - 11) for line in lines] == [(b"P", 8192), (b"P", 8192), (b"F", 3616), (b"F", 5)]


def test_bulk_and_line_by_line_agree() -> None:
    data = b"".join(b"y" * (n % 300) + b"\n" for n in range(1000))
    assert b"".join(k8slog.frame(H, data)) == b"".join(k8slog.records(H, data))


def test_line_layout(tmp_path: Path) -> None:
    log = k8slog.K8sFile(str(tmp_path / "l"))
    log.write(b"stdout", b"out\n")
    log.write(b"stderr", b"err")
    first, second = (tmp_path / "l").read_bytes().splitlines()
    stamp, stream, flag, text = first.split(b" ", 3)
    assert (stream, flag, text) == (b"stdout", b"F", b"out")
    assert len(stamp) == 35
    assert stamp[19:20] == b"."
    assert stamp[-3:-2] == b":"
    assert second.split(b" ", 3)[1:] == [b"stderr", b"P", b"err"]
    assert (tmp_path / "l").stat().st_mode & 0o777 == 0o640
    assert log.size == (tmp_path / "l").stat().st_size


def test_size_limit_keeps_the_last_lines(tmp_path: Path) -> None:
    log = k8slog.K8sFile(str(tmp_path / "l"), size_max=300)
    for number in range(1, 9):
        log.write(b"stdout", b"%040d\n" % number)  # 86 bytes a line
    assert [int(line.rsplit(b" ", 1)[1]) for line in (tmp_path / "l").read_bytes().splitlines()] == [7, 8]
    assert [path.name for path in tmp_path.iterdir()] == ["l"]


def test_size_limit_within_one_read(tmp_path: Path) -> None:
    log = k8slog.K8sFile(str(tmp_path / "l"), size_max=300)
    log.write(b"stdout", b"".join(b"%040d\n" % number for number in range(1, 9)))
    assert [int(line.rsplit(b" ", 1)[1]) for line in (tmp_path / "l").read_bytes().splitlines()] == [7, 8]


def test_rotation_keeps_n_files(tmp_path: Path) -> None:
    log = k8slog.K8sFile(str(tmp_path / "l"), size_max=300, max_files=2)
    for number in range(1, 12):
        log.write(b"stdout", b"%040d\n" % number)
    found = {p.name: [int(line[-2:]) for line in p.read_bytes().splitlines()] for p in tmp_path.iterdir()}
    assert found == {"l": [10, 11], "l.1": [7, 8, 9], "l.2": [4, 5, 6]}


def test_global_limit_drops(tmp_path: Path) -> None:
    log = k8slog.K8sFile(str(tmp_path / "l"), global_max=300)
    for number in range(1, 9):
        log.write(b"stdout", b"%040d\n" % number)
    assert len((tmp_path / "l").read_bytes().splitlines()) == 4


def test_reopen_after_a_rename(tmp_path: Path) -> None:
    log = k8slog.K8sFile(str(tmp_path / "l"))
    log.write(b"stdout", b"one\n")
    (tmp_path / "l").rename(tmp_path / "old")
    log.reopen()
    log.write(b"stdout", b"two\n")
    assert (tmp_path / "old").read_bytes().endswith(b"one\n")
    assert (tmp_path / "l").read_bytes().endswith(b"two\n")


def test_rotation_refuses_links_and_foreign_folders(tmp_path: Path) -> None:
    (tmp_path / "l").symlink_to(tmp_path / "target")
    log = k8slog.K8sFile(str(tmp_path / "l"), size_max=100, max_files=1)
    for _ in range(4):
        log.write(b"stdout", b"x" * 40 + b"\n")
    assert len((tmp_path / "target").read_bytes().splitlines()) == 4
    with pytest.raises(rotate.Refused, match="allowed"):
        rotate.shift(str(tmp_path / "target"), log.fd, 1, ("/nowhere",))


class FakeJournal:
    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(self.path)
        self.socket.settimeout(5)

    def entry(self) -> list[tuple[str, bytes]]:
        data, fds, _, _ = socket.recv_fds(self.socket, 1 << 18, 1)
        if fds:
            with open(fds[0], "rb") as file:
                file.seek(0)
                data = file.read()
        found = []
        while data:
            line, _, rest = data.partition(b"\n")
            if b"=" in line:
                key, _, value = line.partition(b"=")
                data = rest
            else:
                key, size = line, struct.unpack("<Q", rest[:8])[0]
                value, data = rest[8 : 8 + size], rest[9 + size :]
            found.append((key.decode(), value))
        return found


CID = "0123456789abcdef"


def test_journal_fields(tmp_path: Path) -> None:
    fake = FakeJournal(tmp_path / "s")
    log = journal.Journal(CID, "web", "tag", ["A=1"], False, fake.path)
    log.write(b"stderr", b"bad\n")
    assert fake.entry() == [
        ("MESSAGE", b"bad\n"),
        ("CONTAINER_ID_FULL", CID.encode()),
        ("PRIORITY", b"3"),
        ("CONTAINER_ID", CID[:12].encode()),
        ("CONTAINER_TAG", b"tag"),
        ("CONTAINER_NAME", b"web"),
        ("SYSLOG_IDENTIFIER", b"tag"),
        ("A", b"1"),
    ]
    log.write(b"stdout", b"<2>loud\n")
    assert fake.entry()[0:3:2] == [("MESSAGE", b"loud\n"), ("PRIORITY", b"2")]


def test_journal_joins_partial_lines_and_flushes(tmp_path: Path) -> None:
    fake = FakeJournal(tmp_path / "s")
    log = journal.Journal(CID, None, None, [], False, fake.path)
    log.write(b"stdout", b"part")
    log.write(b"stdout", b"more\nrest")
    assert fake.entry()[0] == ("MESSAGE", b"partmore\n")
    log.flush()
    assert ("MESSAGE", b"rest") in (last := fake.entry())
    assert ("CONTAINER_PARTIAL_MESSAGE", b"true") in last
    log.write(b"stdout", b"z" * 10000 + b"\n")
    assert len(fake.entry()[0][1]) == 8191
    assert len(fake.entry()[0][1]) == 10000 - 8191 + 1


def test_journal_big_entry_goes_as_memfd(tmp_path: Path) -> None:
    fake = FakeJournal(tmp_path / "s")
    sender = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sender.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
    journal.send(sender, fake.path, journal.field(b"MESSAGE", b"x" * 300_000))
    assert fake.entry() == [("MESSAGE", b"x" * 300_000)]


def test_no_journal_is_nobodys_business(tmp_path: Path) -> None:
    journal.Journal(CID, None, None, [], False, str(tmp_path / "none")).write(b"stdout", b"x\n")
