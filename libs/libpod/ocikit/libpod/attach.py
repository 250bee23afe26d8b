"""The client of a monitor's attach socket: streams, raw terminal, window size, detach keys.

    sock = attach.connect(f"{bundle}/attach")            # before OciRuntime.start: nothing is replayed
    end = attach.copy(sock, attach.Streams(stdin=0, stdout=1, stderr=2), terminal=True,
                      detach_keys=attach.parse_detach_keys("ctrl-p,ctrl-q"), ctl=f"{bundle}/ctl",
                      forward=lambda signum: runtime.kill(cid, signum))
    end                                                   # "eof": the container ended; "detached": the keys were typed

``Streams`` holds descriptors, -1 for a stream that is not attached. Packets: conmon.md, section 7.
"""

from __future__ import annotations

import _socket
import os
import select

from ocikit.common.errors import OcikitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from collections.abc import Callable, Sequence
    from typing import Any
else:
    import _signal  # `signal` wraps every number in an enum, for 5 ms

STDOUT, STDERR = 2, 3
PACKET_MAX = 8193
STDIN_MAX = 32768
DEFAULT_DETACH_KEYS = "ctrl-p,ctrl-q"
SIGWINCH = 28
# What a foreground client hands on to its container (podman-run(1), --sig-proxy). Not: what cannot be caught (KILL, STOP),
# what means the client itself (CHLD, PIPE, URG, WINCH, TTIN, TTOU), what a fault of the client's own code raises.
PROXIED = tuple(sorted(set(range(1, 32)) - {9, 19} - {17, 13, 23, 28, 21, 22} - {4, 5, 7, 8, 11}))


class AttachFailed(OcikitError):
    """Nobody listens on the attach socket."""


class Streams:
    """Descriptors of the client's side; -1 for none."""

    __slots__ = ("stderr", "stdin", "stdout")

    def __init__(self, stdin: int = -1, stdout: int = 1, stderr: int = 2) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr


def connect(path: str) -> _socket.socket:
    """Connect to ``<bundle>/attach``; through a descriptor, since the path may be longer than sun_path's 108 bytes."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)
    try:
        fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            sock.connect(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)
    except OSError as error:
        sock.close()
        raise AttachFailed(f"cannot attach to the container's monitor at {path}: {error.strerror}") from None
    return sock


def parse_detach_keys(text: str) -> bytes:
    """``"ctrl-p,ctrl-q"`` -> ``b"\\x10\\x11"``; "" -> b"" (no way to detach). UsageError for what is no key.

    >>> parse_detach_keys("ctrl-@,a,ctrl-[")
    b'\\x00a\\x1b'
    """
    keys = bytearray()
    for word in text.split(",") if text else ():
        if len(word) == 1:
            keys += word.encode()
        elif len(word) == 6 and word.startswith("ctrl-") and (word[5].isascii() and word[5] in _CONTROL):
            keys.append(ord(word[5].upper()) & 0x1F if word[5] != "?" else 127)
        else:
            raise UsageError(f'invalid detach keys "{text}": unknown character: "{word}"')
    return bytes(keys)


_CONTROL = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ@[\\]^_?"


class KeyWatch:
    """Holds back what might become the detach keys. ``feed`` returns (bytes to send, detached)."""

    __slots__ = ("_held", "_keys")

    def __init__(self, keys: bytes) -> None:
        self._keys = keys
        self._held = bytearray()

    def feed(self, data: bytes) -> tuple[bytes, bool]:
        keys = self._keys
        if not keys or (not self._held and keys[:1] not in data):
            return data, False
        held, out = self._held, bytearray()
        for byte in data:
            held.append(byte)
            while held and not keys.startswith(held):
                out.append(held.pop(0))
            if len(held) == len(keys):
                held.clear()
                return bytes(out), True
        return bytes(out), False


class RawTerminal:
    """Puts a terminal into raw mode and back; on what is no terminal it does nothing."""

    __slots__ = ("_before", "_fd")

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._before: list[Any] | None = None

    def __enter__(self) -> RawTerminal:
        if self._fd >= 0 and os.isatty(self._fd):
            import termios

            self._before = termios.tcgetattr(self._fd)
            mode = termios.tcgetattr(self._fd)
            mode[0] &= ~(
                termios.IGNBRK
                | termios.BRKINT
                | termios.PARMRK
                | termios.ISTRIP
                | termios.INLCR
                | termios.IGNCR
                | termios.ICRNL
                | termios.IXON
            )
            mode[1] &= ~termios.OPOST
            mode[2] = (mode[2] & ~(termios.CSIZE | termios.PARENB)) | termios.CS8
            mode[3] &= ~(termios.ECHO | termios.ECHONL | termios.ICANON | termios.ISIG | termios.IEXTEN)
            mode[6][termios.VMIN] = 1
            mode[6][termios.VTIME] = 0
            termios.tcsetattr(self._fd, termios.TCSANOW, mode)
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._before is not None:
            import termios

            termios.tcsetattr(self._fd, termios.TCSADRAIN, self._before)
            self._before = None


def terminal_size(fd: int) -> tuple[int, int] | None:
    """(rows, columns); None for what is no terminal."""
    try:
        size = os.get_terminal_size(fd)
    except OSError:
        return None
    return size.lines, size.columns


def resize(ctl: str, rows: int, columns: int) -> bool:
    """Ask the monitor for a window size; False while its fifo has no reader."""
    return _tell(ctl, b"1 %d %d\n" % (rows, columns))


def reopen_logs(ctl: str) -> bool:
    """Ask the monitor to open its log files anew, after they were moved away."""
    return _tell(ctl, b"2 0 0\n")


def _tell(ctl: str, line: bytes) -> bool:
    try:
        fd = os.open(ctl, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        os.write(fd, line)
    except OSError:
        return False
    finally:
        os.close(fd)
    return True


def copy(
    sock: _socket.socket,
    streams: Streams,
    *,
    terminal: bool = False,
    detach_keys: bytes = b"",
    ctl: str = "",
    forward: Callable[[int], None] | None = None,
    signals: Sequence[int] = PROXIED,
    before_start: Callable[[], None] | None = None,
) -> str:
    """Copy both ways until the container ends ("eof") or the keys are typed ("detached"). Closes ``sock``.

    ``terminal`` puts stdin into raw mode and follows its size through ``ctl``; ``forward`` is called with each of
    ``signals`` that arrives. ``before_start`` runs once everything stands (raw mode, size sent): the place for
    OciRuntime.start. Broken output (a closed pipe) ends the copying of that stream, not the container.
    """
    with RawTerminal(streams.stdin if terminal else -1), _Signals(terminal, forward, signals) as caught:
        session = _Session(sock, streams, KeyWatch(detach_keys), ctl, caught)
        try:
            if terminal:
                session.send_size()
            if before_start is not None:
                before_start()
            return session.run()
        finally:
            sock.close()


class _Signals:
    """Turns the wanted signals into bytes of a pipe while in scope; handlers and wake-up descriptor go back after."""

    __slots__ = ("_before", "_forward", "_old_wakeup", "_wanted", "_writer", "reader")

    def __init__(self, terminal: bool, forward: Callable[[int], None] | None, signals: Sequence[int]) -> None:
        self._wanted = [*(signals if forward else ()), *((SIGWINCH,) if terminal else ())]
        self._forward = forward
        self._before: dict[int, Any] = {}
        self.reader = -1
        self._writer = -1

    def __enter__(self) -> _Signals:
        if not self._wanted:
            return self
        self.reader, self._writer = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            self._old_wakeup = _signal.set_wakeup_fd(self._writer, warn_on_full_buffer=False)
        except ValueError:  # not the main thread: nothing to catch here
            self._wanted = []
            return self
        for number in self._wanted:
            try:
                if _signal.getsignal(number) == _signal.SIG_IGN:
                    continue  # nohup and the like stay in force
                self._before[number] = _signal.signal(number, _noted)
            except OSError:
                continue
        return self

    def __exit__(self, *_exc: object) -> None:
        for number, handler in self._before.items():
            _signal.signal(number, _signal.SIG_DFL if handler is None else handler)
        if self._wanted:
            _signal.set_wakeup_fd(self._old_wakeup)
        for fd in (self.reader, self._writer):
            if fd >= 0:
                os.close(fd)

    def take(self) -> bytes:
        try:
            return os.read(self.reader, 512)
        except BlockingIOError:
            return b""

    def pass_on(self, number: int) -> None:
        if self._forward is not None and number in self._before:
            self._forward(number)


def _noted(_number: int, _frame: object) -> None:
    """The pipe has it."""


class _Session:
    __slots__ = ("_caught", "_ctl", "_fd", "_keys", "_poll", "_sock", "_stdin_open", "_streams")

    def __init__(self, sock: _socket.socket, streams: Streams, keys: KeyWatch, ctl: str, caught: _Signals) -> None:
        self._sock = sock
        self._fd = sock.fileno()
        self._streams = streams
        self._keys = keys
        self._ctl = ctl
        self._caught = caught
        self._stdin_open = streams.stdin >= 0
        self._poll = select.poll()

    def send_size(self) -> None:
        size = terminal_size(self._streams.stdin) if self._streams.stdin >= 0 else None
        if size is None and self._streams.stdout >= 0:
            size = terminal_size(self._streams.stdout)
        if size and self._ctl:
            resize(self._ctl, *size)

    def run(self) -> str:
        poll = self._poll
        poll.register(self._fd, select.POLLIN)
        if self._stdin_open:
            poll.register(self._streams.stdin, select.POLLIN)
        if self._caught.reader >= 0:
            poll.register(self._caught.reader, select.POLLIN)
        while True:
            for fd, _ in poll.poll():
                if fd == self._fd:
                    if not self._receive():
                        return "eof"
                elif fd == self._caught.reader:
                    self._take_signals()
                elif not self._send():
                    return "detached"

    def _receive(self) -> bool:
        """One packet to the stream that it names; False at the end."""
        try:
            packet = self._sock.recv(PACKET_MAX)
        except OSError:
            return False  # ECONNRESET: the end, too
        if not packet:
            return False
        streams = self._streams
        target = streams.stdout if packet[0] == STDOUT else streams.stderr if packet[0] == STDERR else -1
        if target >= 0:
            try:
                _write_all(target, memoryview(packet)[1:])
            except OSError:
                if packet[0] == STDOUT:
                    streams.stdout = -1
                else:
                    streams.stderr = -1
        return True

    def _send(self) -> bool:
        """One read of stdin to the container; False when the detach keys were typed."""
        try:
            data = os.read(self._streams.stdin, STDIN_MAX)
        except OSError:
            data = b""
        if not data:
            self._end_stdin()
            return True
        out, detached = self._keys.feed(data)
        if out:
            try:
                self._sock.send(out)
            except OSError:
                self._end_stdin()
        return not detached

    def _end_stdin(self) -> None:
        self._poll.unregister(self._streams.stdin)
        try:
            self._sock.shutdown(_socket.SHUT_WR)
        except OSError:
            return

    def _take_signals(self) -> None:
        for number in self._caught.take():
            if number == SIGWINCH:
                self.send_size()
            else:
                self._caught.pass_on(number)


def _write_all(fd: int, data: memoryview) -> None:
    while data:
        try:
            data = data[os.write(fd, data) :]
        except BlockingIOError:  # somebody made our terminal non-blocking
            select.select([], [fd], [])
