"""One container's supervisor, from the fork of the runtime to the exit files. The order of things is the protocol."""

from __future__ import annotations

import posix

from ocikit.conmon import attach, finish, kernel, messages, runtime
from ocikit.conmon.diag import Fatal, debug, warn
from ocikit.conmon.loop import Loop

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
    from typing import Protocol

    from ocikit.conmon.console import Console
    from ocikit.conmon.oom import OomWatch
    from ocikit.conmon.options import Options

    class Log(Protocol):
        def write(self, stream: bytes, data: bytes) -> None: ...
        def reopen(self) -> None: ...
        def sync(self) -> None: ...
        def descriptor(self) -> int: ...
else:
    import _signal

READ_SIZE = 262144
PIPE_FULL = 65536  # a read that found a whole default pipe: its writer is faster than we are
F_SETPIPE_SZ = 1031
READS_PER_TURN = 16
BUSY = 16384  # a read of this size leaves buffers behind
TIDY_S = 1.0  # and this long after it they go
STDERR_REPORT_MAX = 8191
TERMINAL_RETRY_S = 0.1
FIRST_CHECK_S = 1  # how healthy it is should not be unknown for a whole interval
FORWARDED = (_signal.SIGTERM, _signal.SIGQUIT, _signal.SIGINT)


class Monitor:
    """Everything that one container needs while it lives."""

    def __init__(self, options: Options, logs: list[Log], sync: messages.Pipe, oom_score: bytes | None) -> None:
        self.options = options
        self.logs = logs
        self.sync = sync
        self.oom_score = oom_score
        self.loop = Loop()
        self.attach: attach.AttachServer | None = None
        self.console: Console | None = None
        self.stdio: runtime.Stdio
        self.terminal = -1
        self.size: tuple[int, int] | None = None
        self.oom: OomWatch | None = None
        self.runtime_pid = -1
        self.runtime_status: int | None = None
        self.container_pid = -1
        self.container_status: int | None = None
        self.orphans: dict[int, int] = {}  # ends of children whose place is not known yet
        self.timed_out = False
        self.health_pid = -1
        self.congested = False
        self.open_outputs: dict[int, tuple[bytes, bytes]] = {}  # fd -> (log name, packet type)
        self.inherited: list[int] = []
        self.tidying = False

    # -- signals ------------------------------------------------------------------------------------------------------

    def install_signals(self) -> None:
        """Python writes each signal's number into a pipe; the loop reads it. Nothing runs inside a handler."""
        reader, writer = posix.pipe2(posix.O_CLOEXEC | posix.O_NONBLOCK)
        _signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
        for number in (*FORWARDED, _signal.SIGCHLD, _signal.SIGUSR1):
            _signal.signal(number, _noted)

        def ready(_events: int) -> None:
            for number in posix.read(reader, 4096):
                if number in FORWARDED:
                    self._forward(number)
            self.reap()

        self.loop.watch(reader, ready)

    def _forward(self, number: int) -> None:
        if self.container_pid > 0 and self.container_status is None:
            target = self.container_pid
        elif self.runtime_pid > 0 and self.runtime_status is None:
            target = self.runtime_pid
        else:
            return
        try:
            posix.kill(target, number)
        except OSError as error:
            debug(f"forwarding signal {number}: {error}")

    def reap(self) -> None:
        while True:
            try:
                pid, status = posix.waitpid(-1, posix.WNOHANG)
            except ChildProcessError:
                self._without_children()
                return
            if pid == 0:
                return
            if pid == self.runtime_pid:
                self.runtime_status = status
            elif pid == self.container_pid:
                self.container_status = finish.exit_code(status)
            elif pid == self.health_pid:
                self.health_pid = -1
                self._plan_health()
            elif self.container_pid < 0:
                self.orphans[pid] = status

    def _without_children(self) -> None:
        """The container is nobody's child of ours: watch it from afar as long as it lives, its status is lost."""
        if self.container_pid < 0 or self.container_status is not None:
            return
        try:
            pidfd = posix.pidfd_open(self.container_pid, 0)
        except OSError:
            self.container_status = 0
            return

        def gone(_events: int) -> None:
            self.loop.forget(pidfd)
            posix.close(pidfd)
            if self.container_status is None:
                self.container_status = 0

        self.loop.watch(pidfd, gone)

    # -- the runtime's part -------------------------------------------------------------------------------------------

    def create(self, start_fd: int, null: int) -> None:
        """Run the runtime's create, restore or exec to its end and tell the engine the container's pid."""
        options = self.options
        words = runtime.command_line(options, self.console.path if self.console else None)
        self.runtime_pid = runtime.start(options, words, self.stdio, start_fd, self.oom_score, null)
        self.install_signals()
        _signal.pthread_sigmask(_signal.SIG_UNBLOCK, runtime.MASKED)
        self.stdio.close_child_ends()
        self.reap()
        while self.runtime_status is None:
            self.loop.turn()
        self._check_runtime()
        self._read_pid()
        if options.exec and not options.api_version:
            return
        self.sync.send(b"data" if options.api_version else b"pid", self.container_pid)

    def _check_runtime(self) -> None:
        status = self.runtime_status
        assert status is not None
        if status != 0:
            self._fail(self._runtime_stderr(), f"Failed to create container: exit status {finish.exit_code(status)}")
        if self.options.terminal and self.terminal < 0:
            # the descriptor may lie in the socket still
            while self.console is not None and self.terminal < 0:
                before = self.terminal
                self.loop.turn()
                if before == self.terminal:
                    break
            if self.terminal < 0:
                self._fail(b"Runtime did not set up terminal", "Runtime did not set up terminal")

    def _fail(self, message: bytes, text: str) -> None:
        key = b"data" if self.options.api_version else (b"exit_code" if self.options.exec else b"pid")
        self.sync.send(key, -1, message)
        raise Fatal(text)

    def _runtime_stderr(self) -> bytes:
        if self.stdio.stderr < 0:
            return b""
        try:
            return posix.read(self.stdio.stderr, STDERR_REPORT_MAX)
        except OSError:
            return b""

    def _read_pid(self) -> None:
        path = self.options.container_pidfile
        try:
            pid = int(kernel.read_file(path))
        except (OSError, ValueError) as error:
            self._fail(self._runtime_stderr(), f"Failed to read the pid file {path}: {error}")
        self.container_pid = pid
        if pid in self.orphans:
            self.container_status = finish.exit_code(self.orphans[pid])
        self.orphans.clear()

    # -- input and output ---------------------------------------------------------------------------------------------

    def terminal_arrived(self, master: int) -> None:
        self.terminal = master
        self.console = None
        if self.size:
            self.resize(*self.size)
        posix.set_blocking(master, False)
        if self.attach:
            self.attach.set_stdin(posix.dup(master))

    def resize(self, rows: int, columns: int) -> None:
        from ocikit.conmon import console

        self.size = (rows, columns)
        if self.terminal >= 0:
            console.resize(self.terminal, rows, columns)

    def reopen_logs(self) -> None:
        for log in self.logs:
            log.reopen()

    def watch_output(self) -> None:
        stdout = self.terminal if self.options.terminal else self.stdio.stdout
        for fd, name, kind in ((stdout, b"stdout", attach.STDOUT), (self.stdio.stderr, b"stderr", attach.STDERR)):
            if fd >= 0:
                self.open_outputs[fd] = (name, kind)
                self._watch_output(fd)

    def _watch_output(self, fd: int) -> None:
        def ready(_events: int) -> None:
            self._read_output(fd, READS_PER_TURN)

        self.loop.watch(fd, ready)

    def congestion(self, congested: bool) -> None:
        """A client's socket is full: leave the container's output where it is until there is room again."""
        self.congested = congested
        for fd in self.open_outputs:
            if congested:
                self.loop.forget(fd)
            else:
                self._watch_output(fd)

    def _read_output(self, fd: int, reads: int) -> bool:
        """Up to ``reads`` buffers of one stream: to the logs first, then to the clients. True when it is dry."""
        name, kind = self.open_outputs[fd]
        for _ in range(reads):
            try:
                data = posix.read(fd, READ_SIZE)
            except BlockingIOError:
                return True
            except OSError as error:
                if error.errno == 5 and fd == self.terminal:
                    self._terminal_idle(fd)
                else:
                    warn(f"stdio_input read failed {error}")
                    self._close_output(fd)
                return True
            if not data:
                self._close_output(fd)
                return True
            if len(data) > BUSY and not self.tidying:
                self._note_busy(fd, len(data))
            for log in self.logs:
                log.write(name, data)
            if self.attach:
                self.attach.broadcast(kind, data)
                if self.congested:
                    return False
        return False

    def _note_busy(self, fd: int, size: int) -> None:
        self.tidying = True
        self.loop.after(TIDY_S, self._tidy)
        if size >= PIPE_FULL:
            # Halves the switches between the two; only where it pays, since a user's pipes share one allowance.
            kernel.call("fcntl", fd, F_SETPIPE_SZ, READ_SIZE)

    def _tidy(self) -> None:
        self.tidying = False
        kernel.release_memory()

    def _terminal_idle(self, fd: int) -> None:
        """EIO: nobody has the other side open just now. Look again a little later; it is not the end."""
        self.loop.forget(fd)

        def again() -> None:
            if fd in self.open_outputs and not self.congested:
                self._watch_output(fd)

        self.loop.after(TERMINAL_RETRY_S, again)

    def _close_output(self, fd: int) -> None:
        self.loop.forget(fd)
        self.open_outputs.pop(fd, None)
        if fd != self.terminal:
            posix.close(fd)

    # -- the end ------------------------------------------------------------------------------------------------------

    def run(self) -> None:
        """Until the container has ended, or its time is up."""
        if self.options.timeout > 0:
            self.loop.after(self.options.timeout, self._time_is_up)
        if self.options.health_command:
            self._plan_health(FIRST_CHECK_S)
        while self.container_status is None and not self.timed_out:
            self.loop.turn()

    def _plan_health(self, at_most: int | None = None) -> None:
        """The next health check: one interval after the last one has ended, as a systemd timer would count it."""
        interval = finish.health_interval(self.options)
        if self.container_status is None and interval > 0:
            self.loop.after(interval if at_most is None else min(interval, at_most), self._check_health)

    def _check_health(self) -> None:
        if self.container_status is None and not self.timed_out:
            words = [self.options.health_command or "", *self.options.health_command_arg]
            self.health_pid = finish.start_command(words, self.oom_score)
            if self.health_pid < 0:
                self._plan_health()

    def _time_is_up(self) -> None:
        self.timed_out = True

    def end(self) -> int:
        """Everything between the container's end and the exit command; the status."""
        options = self.options
        if self.oom:
            self.oom.final_check()
        if not self.timed_out:
            self._drain()
        for log in self.logs:
            flush = getattr(log, "flush", None)
            if flush is not None:
                flush()
        if self.timed_out:
            self._kill_all()
        status = -1 if self.timed_out or self.container_status is None else self.container_status
        for fd in self.inherited:
            try:
                posix.close(fd)
            except OSError:
                continue
        if self.attach:
            self.attach.close()
        finish.write_exit_files(options, status)
        if options.exec:
            key = b"data" if options.api_version else b"exit_code"
            self.sync.send(key, status, b"command timed out" if self.timed_out else b"")
        if self.attach:
            self.attach.remove()
        return status

    def _drain(self) -> None:
        """What the container wrote last. A background process that still holds the pipe does not keep us."""
        self.congested = False
        for fd in list(self.open_outputs):
            while fd in self.open_outputs and not self._read_output(fd, 1):
                continue

    def _kill_all(self) -> None:
        try:
            group = posix.getpgid(self.container_pid)
            posix.kill(-group if group > 1 else self.container_pid, _signal.SIGKILL)
        except OSError as error:
            debug(f"killing the container: {error}")


def _noted(_number: int, _frame: object) -> None:
    """The wake-up pipe has it."""
