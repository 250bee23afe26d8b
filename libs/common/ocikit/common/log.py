"""Messages about the work, on standard error, in the form that the Go tools use. ``logging`` would cost 15 ms.

The level is a number as in logging, so that a library's own loggers can follow it: ``set_level("debug")`` also sends
what ``logging`` receives here.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

LEVELS = {
    "trace": 5,
    "debug": 10,
    "info": 20,
    "warn": 30,
    "warning": 30,
    "error": 40,
    "fatal": 50,
    "panic": 60,
}
level = 30
# Whether messages go to syslog as well (podman --syslog).
to_syslog = False
# syslog(3)'s numbers.
_PRIORITIES = {"trace": 7, "debug": 7, "info": 6, "warning": 4, "error": 3, "fatal": 2, "panic": 2}
_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._/@^+")


def set_level(name: str) -> None:
    """Shows messages of that level and above. ValueError for a name that is none of LEVELS."""
    global level
    if name.lower() not in LEVELS:
        raise ValueError(name)
    level = LEVELS[name.lower()]
    if level <= 20:
        import logging

        class Bridge(logging.Handler):
            def emit(self, record: logging.LogRecord) -> None:
                write(record.levelname.lower(), record.getMessage())

        logging.basicConfig(level=max(level, 1), handlers=[Bridge()], force=True)


def format_line(kind: str, message: str, now: float | None = None, fields: dict[str, str] | None = None) -> str:
    """One line as logrus writes it where standard error is no terminal; ``fields`` follow the message, sorted."""
    import time

    when = time.localtime(now)
    offset = when.tm_gmtoff
    sign = "-" if offset < 0 else "+"
    zone = f"{sign}{abs(offset) // 3600:02d}:{abs(offset) % 3600 // 60:02d}" if offset else "Z"
    words = [("msg", message), *sorted((fields or {}).items())]
    text = " ".join(f"{key}={_quoted(value)}" for key, value in words)
    return f'time="{time.strftime("%Y-%m-%dT%H:%M:%S", when)}{zone}" level={kind} {text}'


def _quoted(text: str) -> str:
    if text and _PLAIN.issuperset(text):
        return text
    from ocikit.common.cli.values import go_quote

    return go_quote(text)


def write(kind: str, message: str, fields: dict[str, str] | None = None) -> None:
    """Prints without asking for the level."""
    if to_syslog:
        import syslog

        syslog.syslog(_PRIORITIES.get(kind, syslog.LOG_INFO), message)
    try:
        sys.stderr.write(format_line(kind, message, None, fields) + "\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        pass  # nobody is left to read it


def debug(message: str, *args: Any) -> None:
    """For whoever looks for a fault; ``args`` are put in with % only when the message is shown."""
    if level <= 10:
        write("debug", message % args if args else message)


def info(message: str, *args: Any) -> None:
    """For whoever wants to know more than usual."""
    if level <= 20:
        write("info", message % args if args else message)


def info_about(message: str, **fields: str) -> None:
    """As ``info``, with fields after the message: ``msg="Copying image ref 1/3" from=... to=...``."""
    if level <= 20:
        write("info", message, fields)


def warning(message: str, *args: Any) -> None:
    """Something is not as asked for, and the work goes on."""
    if level <= 30:
        write("warning", message % args if args else message)


def error(message: str, *args: Any) -> None:
    """A part of the work failed, and the rest goes on."""
    if level <= 40:
        write("error", message % args if args else message)
