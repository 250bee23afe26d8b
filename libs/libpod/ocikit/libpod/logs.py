"""Reading what the monitors have logged: k8s-file logs (with their rotated parts) and journald.

    options = LogOptions(tail=10, since=None, until=None, follow=True, timestamps=False)
    for line in read(path, options, running=lambda: container_is_running()):
        out = line.render(options, name="web")            # text, newline included

Times are seconds since the epoch. Line layout: conmon.md, section 6.1.
"""

from __future__ import annotations

import os
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

BLOCK = 1 << 18
POLL_S = 0.1
COLORS = (37, 31, 32, 33, 34, 35, 36)  # of the names of several containers


class LogOptions:
    """``tail`` -1 for everything; ``since`` and ``until`` in seconds since the epoch, None for no bound."""

    __slots__ = ("colors", "follow", "names", "since", "tail", "timestamps", "until")

    def __init__(
        self,
        *,
        tail: int = -1,
        since: float | None = None,
        until: float | None = None,
        follow: bool = False,
        timestamps: bool = False,
        names: bool = False,
        colors: bool = False,
    ) -> None:
        self.tail = tail
        self.since = since
        self.until = until
        self.follow = follow
        self.timestamps = timestamps
        self.names = names
        self.colors = colors


class LogLine:
    """One line: ``stamp`` as logged, ``stream`` stdout or stderr, ``partial`` if its newline never came."""

    __slots__ = ("partial", "stamp", "stream", "text")

    def __init__(self, stamp: str, stream: str, partial: bool, text: str) -> None:
        self.stamp = stamp
        self.stream = stream
        self.partial = partial
        self.text = text

    def when(self) -> float:
        return parse_stamp(self.stamp)

    def render(self, options: LogOptions, name: str = "", color: int = 0) -> str:
        """As podman prints it. A partial line has no newline, so that its rest can follow."""
        head = f"{self.stamp} " if options.timestamps else ""
        if name:
            head = f"{name} {head}"
        if options.colors:
            return f"\033[{COLORS[color % len(COLORS)]}m{head}{self.text}\033[0m" + ("" if self.partial else "\n")
        return head + self.text + ("" if self.partial else "\n")


def parse_line(line: bytes) -> LogLine | None:
    """One line of a k8s-file; None for what is none (a line cut by a crash)."""
    parts = line.split(b" ", 3)
    if len(parts) != 4 or parts[2][:1] not in (b"F", b"P"):
        return None
    stamp, stream, flag, text = parts
    try:
        return LogLine(stamp.decode(), stream.decode(), flag[:1] == b"P", text.decode("utf-8", "surrogateescape"))
    except UnicodeDecodeError:
        return None


def parse_stamp(stamp: str) -> float:
    """Seconds since the epoch of ``2026-11-23T17:10:58.773424591+00:00`` (or ``...Z``); 0.0 for what is none."""
    try:
        day = _days(int(stamp[0:4]), int(stamp[5:7]), int(stamp[8:10]))
        seconds = int(stamp[11:13]) * 3600 + int(stamp[14:16]) * 60 + int(stamp[17:19])
        rest = stamp[19:]
        fraction = 0.0
        if rest.startswith("."):
            digits = 1
            while digits < len(rest) and rest[digits].isdigit():
                digits += 1
            fraction = float("0" + rest[:digits])
            rest = rest[digits:]
        offset = 0
        if rest and rest[0] in "+-":
            offset = (int(rest[1:3]) * 3600 + int(rest[4:6]) * 60) * (-1 if rest[0] == "-" else 1)
        return day * 86400 + seconds - offset + fraction
    except (ValueError, IndexError):
        return 0.0


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 in the Gregorian calendar; datetime costs 3 ms to load."""
    year -= month <= 2
    era = year // 400
    of_era = year - era * 400
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def parts(path: str) -> list[str]:
    """The log and its rotated parts, oldest first."""
    found = [path]
    number = 1
    while os.path.exists(f"{path}.{number}"):
        found.insert(0, f"{path}.{number}")
        number += 1
    return found


def read(path: str, options: LogOptions, running: Callable[[], bool] | None = None) -> Iterator[LogLine]:
    """The lines that ``options`` asks for; with ``follow`` on and on while ``running()`` says so.

    A log that does not exist is an empty one (a container that never started).
    """
    position, inode, lines = _existing(path, options)
    for line in lines:
        if options.until is not None and line.when() > options.until:
            return
        if options.since is None or line.when() >= options.since:
            yield line
    if not options.follow:
        return
    yield from _follow(path, position, inode, options, running or _always)


def _always() -> bool:
    return True


def _existing(path: str, options: LogOptions) -> tuple[int, int, Iterator[LogLine]]:
    """(where following has to go on, the file's inode, the lines that are there now)."""
    try:
        status = os.stat(path)
    except OSError:
        return 0, 0, iter(())
    end = status.st_size
    if options.tail >= 0:
        return end, status.st_ino, iter(_tail(path, options.tail, end))
    return end, status.st_ino, _forward(path, end)


def _forward(path: str, end: int) -> Iterator[LogLine]:
    for part in parts(path):
        limit = end if part == path else None
        for raw in _raw_lines(part, 0, limit):
            line = parse_line(raw)
            if line is not None:
                yield line


def _raw_lines(path: str, start: int, end: int | None) -> Iterator[bytes]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        rest = b""
        position = start
        while True:
            size = BLOCK if end is None else min(BLOCK, end - position)
            data = os.pread(fd, size, position) if size > 0 else b""
            if not data:
                break
            position += len(data)
            *lines, rest = (rest + data).split(b"\n")
            yield from lines
        if rest:
            yield rest
    finally:
        os.close(fd)


def _tail(path: str, count: int, end: int) -> list[LogLine]:
    """The last ``count`` lines, read from the back; pieces of one line (P ... F) count as one, as podman counts."""
    found: list[LogLine] = []
    whole = 0
    for part in reversed(parts(path)):
        for raw in _raw_lines_backwards(part, end if part == path else None):
            line = parse_line(raw)
            if line is None:
                continue
            if not line.partial or not found:
                if whole == count:
                    found.reverse()
                    return found
                whole += 1
            found.append(line)
    found.reverse()
    return found


def _raw_lines_backwards(path: str, end: int | None) -> Iterator[bytes]:
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        position = os.fstat(fd).st_size if end is None else end
        rest = b""
        first = True
        while position > 0:
            size = min(BLOCK, position)
            position -= size
            block = os.pread(fd, size, position) + rest
            rest, *lines = block.split(b"\n")
            if first and lines and not lines[-1]:
                lines.pop()  # after the last newline
            first = False
            yield from reversed(lines)
        if rest:
            yield rest
    finally:
        os.close(fd)


def _follow(
    path: str, position: int, inode: int, options: LogOptions, running: Callable[[], bool]
) -> Iterator[LogLine]:
    """New lines as they come. A replaced file (size limit, logrotate) is read to its end, then the new one from its start."""
    fd = -1
    rest = b""
    try:
        while True:
            alive = running()
            if fd < 0:
                fd = _open_or_none(path)
                if fd >= 0 and os.fstat(fd).st_ino != inode:
                    position, inode, rest = 0, os.fstat(fd).st_ino, b""
            data = os.pread(fd, BLOCK, position) if fd >= 0 else b""
            if data:
                position += len(data)
                *raw_lines, rest = (rest + data).split(b"\n")
                for raw in raw_lines:
                    line = parse_line(raw)
                    if line is None or (options.since is not None and line.when() < options.since):
                        continue
                    if options.until is not None and line.when() > options.until:
                        return
                    yield line
                continue
            if fd >= 0 and _replaced(path, fd):
                os.close(fd)
                fd = -1
                continue
            if not alive or (options.until is not None and time.time() > options.until):
                return
            time.sleep(POLL_S)
    finally:
        if fd >= 0:
            os.close(fd)


def _open_or_none(path: str) -> int:
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return -1


def _replaced(path: str, fd: int) -> bool:
    try:
        return os.stat(path).st_ino != os.fstat(fd).st_ino
    except OSError:
        return False


def read_journal(cid: str, options: LogOptions) -> Iterator[LogLine]:
    """The lines that the journald driver wrote, through journalctl (the journal's files have no other public reader)."""
    from ocikit.common.errors import Unsupported

    journalctl = next((p for p in ("/usr/bin/journalctl", "/bin/journalctl") if os.access(p, os.X_OK)), "")
    if not journalctl:
        raise Unsupported(
            f"the log of container {cid[:12]} is in the journal, and journalctl is not installed",
            hint="Install systemd, or create containers with --log-driver k8s-file.",
        )
    words = [journalctl, "--output=json", "--quiet", "--all", f"CONTAINER_ID_FULL={cid}"]
    if options.tail >= 0:
        words.append(f"--lines={options.tail}")
    for flag, bound in (("--since", options.since), ("--until", options.until)):
        if bound is not None:
            words.append(f"{flag}=@{bound:.6f}")
    if options.follow:
        words.append("--follow")
        if options.tail < 0:
            words.append("--no-tail")
    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.posix_spawn(journalctl, words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, writer, 1)])
    os.close(writer)
    try:
        with open(reader, "rb") as stream:
            for raw in stream:
                line = parse_journal_entry(raw)
                if line is not None:
                    yield line
    finally:
        try:
            os.kill(pid, 15)
        except ProcessLookupError:
            pass
        os.waitpid(pid, 0)


def parse_journal_entry(raw: bytes) -> LogLine | None:
    """One entry of ``journalctl --output=json``."""
    from ocikit.common import jsonfast

    try:
        entry = jsonfast.loads(raw)
        micros = int(entry["__REALTIME_TIMESTAMP"])
    except (ValueError, KeyError, TypeError):
        return None
    message = entry.get("MESSAGE", "")
    if isinstance(message, list):  # bytes that are no UTF-8
        message = bytes(message).decode("utf-8", "surrogateescape")
    stamp = format_stamp(micros * 1000)
    stream = "stderr" if str(entry.get("PRIORITY")) == "3" else "stdout"
    return LogLine(stamp, stream, entry.get("CONTAINER_PARTIAL_MESSAGE") == "true", str(message).removesuffix("\n"))


def format_stamp(nanos: int) -> str:
    """Local time with nanoseconds and zone, as in the log files."""
    second, rest = divmod(nanos, 1_000_000_000)
    now = time.localtime(second)
    minutes = now.tm_gmtoff // 60
    sign = "-" if minutes < 0 else "+"
    zone = f"{sign}{abs(minutes) // 60:02d}:{abs(minutes) % 60:02d}"
    return f"{time.strftime('%Y-%m-%dT%H:%M:%S', now)}.{rest:09d}{zone}"
