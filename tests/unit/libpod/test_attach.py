"""The attach client against a socket pair: no monitor, no container."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import threading
from pathlib import Path

import pytest

from ocikit.common.errors import UsageError
from ocikit.libpod import attach


@pytest.mark.parametrize(
    ("text", "keys"),
    [("ctrl-p,ctrl-q", b"\x10\x11"), ("a,ctrl-@,ctrl-[", b"a\0\x1b"), ("ctrl-?", b"\x7f"), ("", b"")],
)
def test_detach_keys(text: str, keys: bytes) -> None:
    assert attach.parse_detach_keys(text) == keys


@pytest.mark.parametrize("text", ["ctrl-", "ctrl-pp", "ab", "ctrl-1", ","])
def test_wrong_detach_keys(text: str) -> None:
    with pytest.raises(UsageError):
        attach.parse_detach_keys(text)


@pytest.mark.parametrize(
    ("keys", "feeds", "sent", "detached"),
    [
        (b"\x10\x11", [b"abc"], b"abc", False),
        (b"\x10\x11", [b"ab\x10", b"\x11rest"], b"ab", True),
        (b"\x10\x11", [b"\x10", b"x"], b"\x10x", False),
        (b"\x10\x11", [b"\x10\x10\x11"], b"\x10", True),
        (b"aab", [b"aaab"], b"a", True),
        (b"aab", [b"aa", b"c"], b"aac", False),
        (b"", [b"\x10\x11"], b"\x10\x11", False),
    ],
)
def test_key_watch(keys: bytes, feeds: list[bytes], sent: bytes, detached: bool) -> None:
    watch = attach.KeyWatch(keys)
    out, end = b"", False
    for data in feeds:
        more, end = watch.feed(data)
        out += more
    assert (out, end) == (sent, detached)


class Monitor:
    """The other end of the attach socket."""

    def __init__(self) -> None:
        self.client, self.server = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def test_streams_are_told_apart_and_end_of_file_ends() -> None:
    monitor = Monitor()
    out_r, out_w = os.pipe()
    err_r, err_w = os.pipe()
    monitor.server.send(b"\x02out")
    monitor.server.send(b"\x03err")
    monitor.server.send(b"\x02more")
    monitor.server.close()
    assert attach.copy(monitor.client, attach.Streams(-1, out_w, err_w)) == "eof"
    assert os.read(out_r, 100) == b"outmore"
    assert os.read(err_r, 100) == b"err"
    for fd in (out_r, out_w, err_r, err_w):
        os.close(fd)


def test_stdin_ends_with_a_half_close_and_output_goes_on() -> None:
    monitor = Monitor()
    in_r, in_w = os.pipe()
    out_r, out_w = os.pipe()
    os.write(in_w, b"hello")
    os.close(in_w)

    def serve() -> None:
        assert monitor.server.recv(100) == b"hello"
        assert monitor.server.recv(100) == b""
        monitor.server.send(b"\x02late")
        monitor.server.close()

    thread = threading.Thread(target=serve)
    thread.start()
    assert attach.copy(monitor.client, attach.Streams(in_r, out_w, -1)) == "eof"
    thread.join()
    assert os.read(out_r, 100) == b"late"
    for fd in (in_r, out_r, out_w):
        os.close(fd)


def test_detaching_leaves_the_keys_out() -> None:
    monitor = Monitor()
    in_r, in_w = os.pipe()
    os.write(in_w, b"hi\x10\x11")
    assert attach.copy(monitor.client, attach.Streams(in_r, -1, -1), detach_keys=b"\x10\x11") == "detached"
    assert monitor.server.recv(100) == b"hi"
    os.close(in_r)
    os.close(in_w)


def test_a_broken_output_does_not_end_the_copy() -> None:
    monitor = Monitor()
    out_r, out_w = os.pipe()
    os.close(out_r)
    monitor.server.send(b"\x02lost")
    monitor.server.send(b"\x02lost too")
    monitor.server.close()
    assert attach.copy(monitor.client, attach.Streams(-1, out_w, -1)) == "eof"
    os.close(out_w)


def test_signals_are_forwarded_and_handlers_restored() -> None:
    monitor = Monitor()
    got: list[int] = []
    before = signal.getsignal(signal.SIGUSR1)

    def forward(number: int) -> None:
        got.append(number)
        monitor.server.close()

    end = attach.copy(
        monitor.client,
        attach.Streams(-1, -1, -1),
        forward=forward,
        before_start=lambda: os.kill(os.getpid(), signal.SIGUSR1),
    )
    assert (end, got) == ("eof", [signal.SIGUSR1])
    assert signal.getsignal(signal.SIGUSR1) == before


def test_raw_terminal_and_size(tmp_path: Path) -> None:
    ctl = tmp_path / "ctl"
    os.mkfifo(ctl)
    reader = os.open(ctl, os.O_RDONLY | os.O_NONBLOCK)
    master, slave = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    before = termios.tcgetattr(slave)
    seen: list[int] = []
    monitor = Monitor()
    monitor.server.close()
    attach.copy(
        monitor.client,
        attach.Streams(slave, slave, -1),
        terminal=True,
        ctl=str(ctl),
        before_start=lambda: seen.append(termios.tcgetattr(slave)[3]),
    )
    assert not seen[0] & (termios.ECHO | termios.ICANON)
    assert termios.tcgetattr(slave) == before
    assert select.select([reader], [], [], 0)[0]
    assert os.read(reader, 100) == b"1 40 100\n"
    for fd in (reader, master, slave):
        os.close(fd)


def test_connect_to_a_long_path_and_to_nobody(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 120)
    folder.mkdir()
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    fd = os.open(folder, os.O_PATH)
    listener.bind(f"/proc/self/fd/{fd}/attach")
    os.close(fd)
    listener.listen()
    attach.connect(str(folder / "attach")).close()
    listener.close()
    with pytest.raises(attach.AttachFailed):
        attach.connect(str(folder / "attach"))
    with pytest.raises(attach.AttachFailed):
        attach.connect(str(folder / "absent"))


def test_no_reader_on_the_control_fifo(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "ctl")
    assert attach.resize(str(tmp_path / "ctl"), 1, 1) is False
    assert attach.reopen_logs(str(tmp_path / "absent")) is False
