"""One more process in a running container, through a monitor of its own (conmon.md, section 13).

    session = execsession.begin(MonitorOptions(..., exec_session=EXEC_ID, exec_process_spec=PATH, terminal=tty, stdin=True))
    sock = attach.connect(session.attach_path)           # only if somebody is attached
    session.start()                                       # the process runs: session.pid
    attach.copy(sock, streams, ...)
    session.exit_code()                                   # waits for it; -1 after a timeout

or ``code = execsession.run(options, streams)`` for all of it. The caller makes ``<userdata>/<exec id>/`` with ``exit/`` and
``persist/<cid>/`` and the process file, see ``prepare``.
"""

from __future__ import annotations

import os

from ocikit.libpod import attach, monitor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def prepare(folder: str, cid: str, process: Mapping[str, object]) -> str:
    """Make an exec session's folder with its sub-folders; write the process description, return its path."""
    path = folders(folder, cid)
    describe(path, process)
    return path


def folders(folder: str, cid: str) -> str:
    """Make an exec session's folder with its sub-folders; the path for its process description, due before ``begin``."""
    os.makedirs(f"{folder}/exit", mode=0o700, exist_ok=True)
    os.makedirs(f"{folder}/persist/{cid}", mode=0o700, exist_ok=True)
    return f"{folder}/exec-process-{os.urandom(5).hex()}"


def describe(path: str, process: Mapping[str, object]) -> None:
    """Write the process description."""
    from ocikit.common import jsonfast

    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with open(fd, "w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(jsonfast.dumps(dict(process)))


def begin(options: monitor.MonitorOptions | monitor.Starting, cgroup: str = "") -> ExecSession:
    """Start the monitor of the session (one spawned already goes on); it listens for clients and waits for ``start``."""
    starting = options if isinstance(options, monitor.Starting) else monitor.spawn(options)
    if cgroup:
        starting.move_to_cgroup(cgroup)
    starting.release()
    assert starting.attach_pipe is not None
    value, _ = monitor.read_message(starting.attach_pipe, monitor.CREATE_TIMEOUT_S)
    if value is None:
        starting.close()
        raise monitor.MonitorFailed("conmon ended before the exec session could be attached", exit_code=125)
    return ExecSession(starting)


class ExecSession:
    """A prepared, then a running exec session. ``close`` in the end; closing early ends nothing in the container."""

    __slots__ = ("_starting", "attach_path", "conmon_pid", "ctl_path", "pid", "terminal")

    def __init__(self, starting: monitor.Starting) -> None:
        self._starting = starting
        bundle = starting.options.bundle
        self.terminal = starting.options.terminal
        self.attach_path = f"{bundle}/attach"
        self.ctl_path = f"{bundle}/ctl"
        self.pid = 0
        self.conmon_pid = 0

    def start(self) -> int:
        """Let the process run; its host pid. Raises what the runtime said where it could not."""
        starting = self._starting
        try:
            starting.start_pipe.send(b"\0")
        except OSError:
            pass  # read_pid tells what became of it
        self.pid = starting.read_pid()
        return self.pid

    def exit_code(self, timeout_s: float | None = None) -> int:
        """Wait for the end: the exit code, 128 + signal, or -1 after the monitor's own timeout or death."""
        value, _ = self._starting.read_message(timeout_s)
        return -1 if value is None else value

    def close(self) -> None:
        self._starting.close()


def run(
    options: monitor.MonitorOptions | monitor.Starting,
    streams: attach.Streams | None,
    *,
    cgroup: str = "",
    detach_keys: bytes = b"",
    forward: Callable[[int], None] | None = None,
    started: Callable[[int], None] | None = None,
) -> int | None:
    """A whole session: its exit code, None if the client detached. Without ``streams`` it returns once started: 0.

    ``started`` is called with the process's pid, before its output is copied.
    """
    session = begin(options, cgroup)
    terminal = session.terminal
    try:
        if streams is None:
            pid = session.start()
            if started:
                started(pid)
            return 0
        sock = attach.connect(session.attach_path)

        def go() -> None:
            pid = session.start()
            if started:
                started(pid)

        end = attach.copy(
            sock,
            streams,
            terminal=terminal,
            detach_keys=detach_keys,
            ctl=session.ctl_path,
            forward=forward,
            before_start=go,
        )
        return None if end == "detached" else session.exit_code()
    finally:
        session.close()
