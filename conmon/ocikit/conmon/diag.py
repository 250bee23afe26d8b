"""conmon's own diagnostics: ``[conmon:e]: text`` on stderr and, where asked, to syslog."""

from __future__ import annotations

import posix

_MARKS = ("", "e", "w", "i", "d", "d")
_SYSLOG = ("", "error", "nwarn", "ninfo", "ndebug", "ndebug")
_PRIORITY = (0, 3, 4, 6, 7, 7)
_state: list[int | str] = [2, 0, ""]  # level, syslog wanted, short container id


class Fatal(Exception):
    """The monitor cannot go on; the text is reported once and the exit status is 1."""


def configure(level: int, syslog: bool, cid: str) -> None:
    _state[:] = [level, int(syslog), cid[:20]]


def say(level: int, text: str) -> None:
    """Report ``text`` at 1 error, 2 warning, 3 info, 4 debug. Never raises: nobody is left to hear of it."""
    if level > int(_state[0]):
        return
    try:
        posix.write(2, f"[conmon:{_MARKS[level]}]: {text}\n".encode("utf-8", "surrogateescape"))
    except OSError:
        pass
    if _state[1]:
        _to_syslog(level, text)


def _to_syslog(level: int, text: str) -> None:
    import _socket

    try:
        sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK)
    except OSError:
        return
    line = f"<{8 + _PRIORITY[level]}>conmon: conmon {_state[2]} <{_SYSLOG[level]}>: {text}"
    try:
        sock.connect("/dev/log")
        sock.send(line.encode("utf-8", "surrogateescape"))
    except OSError:
        pass
    finally:
        sock.close()


def warn(text: str) -> None:
    say(2, text)


def debug(text: str) -> None:
    say(4, text)


def reason(error: OSError) -> str:
    return error.strerror or str(error)
