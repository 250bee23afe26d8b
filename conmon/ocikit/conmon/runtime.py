"""The OCI runtime's command line, and the child that becomes it."""

from __future__ import annotations

import posix

from ocikit.conmon import kernel, messages
from ocikit.conmon.diag import Fatal, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal

    from ocikit.conmon.options import Options
else:
    import _signal  # `signal` wraps every number in an enum, for 5 ms

MASKED = (_signal.SIGTERM, _signal.SIGQUIT, _signal.SIGINT)


def command_line(options: Options, console_socket: str | None) -> list[str]:
    """argv of ``create``, ``restore`` or ``exec``; pure."""
    words = [options.runtime]
    if options.systemd_cgroup and not options.exec:
        words.append("--systemd-cgroup")
    words += options.runtime_arg
    if options.exec:
        assert options.exec_process_spec is not None
        words += ["exec", "--pid-file", options.container_pidfile, "--process", options.exec_process_spec, "--detach"]
    else:
        assert options.bundle is not None
        words += ["restore" if options.restore else "create", "--bundle", options.bundle]
        words += ["--pid-file", options.container_pidfile]
        if options.restore:
            words += ["--detach", "--image-path", options.restore, "--work-path", options.bundle]
        if options.no_pivot:
            words.append("--no-pivot")
        if options.no_new_keyring:
            words.append("--no-new-keyring")
    words += options.runtime_opt
    if console_socket is not None:
        words += ["--console-socket", console_socket]
    words.append(options.cid)
    return words


class Stdio:
    """The pipes between the container and us; -1 where there is none."""

    __slots__ = ("child", "stderr", "stdin", "stdout")

    def __init__(self, want_stdin: bool, want_stdout: bool, want_any: bool) -> None:
        self.stdin = self.stdout = self.stderr = -1
        self.child = [-1, -1, -1]
        try:
            if want_stdin:
                self.child[0], self.stdin = posix.pipe2(posix.O_CLOEXEC)
                posix.set_blocking(self.stdin, False)
            if want_stdout:
                self.stdout, self.child[1] = _output_pipe()
            if want_any:
                self.stderr, self.child[2] = _output_pipe()
        except OSError as error:
            raise Fatal(f"Failed to create the container's pipes {reason(error)}") from None

    def close_child_ends(self) -> None:
        for fd in self.child:
            if fd >= 0:
                posix.close(fd)
        self.child = [-1, -1, -1]


def _output_pipe() -> tuple[int, int]:
    reader, writer = posix.pipe2(posix.O_CLOEXEC)
    posix.set_blocking(reader, False)
    return reader, writer


def start(options: Options, words: list[str], stdio: Stdio, start_fd: int, oom_score: bytes | None, null: int) -> int:
    """Fork the child that becomes the runtime; its pid. With ``--exec-attach`` it waits for the second start byte."""
    before = _signal.pthread_sigmask(_signal.SIG_BLOCK, MASKED)
    pid = posix.fork()
    if pid == 0:
        try:
            _become_runtime(options, words, stdio, start_fd, oom_score, null, before)
        except OSError as error:
            posix.write(2, f"Failed to execute {words[0]}: {reason(error)}\n".encode("utf-8", "surrogateescape"))
        finally:
            posix._exit(127)
    return pid


def _become_runtime(
    options: Options,
    words: list[str],
    stdio: Stdio,
    start_fd: int,
    oom_score: bytes | None,
    null: int,
    mask: object,
) -> None:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, _signal.SIGKILL)
    if not options.passthrough:
        for number, fd in enumerate(stdio.child):
            if fd >= 0:
                # processes that are not root may re-open /dev/stdout
                posix.fchmod(fd, 0o777)
            posix.dup2(null if fd < 0 else fd, number)
    environment = dict(posix.environ)
    _own_listen_fds(environment, bool(options.replace_listen_pid))
    if options.exec_attach and start_fd >= 0:
        messages.wait_for_byte(start_fd)
    restore_oom_score(oom_score)
    as_before_python()
    _signal.pthread_sigmask(_signal.SIG_SETMASK, mask)  # type: ignore[arg-type]
    posix.execve(options.runtime, words, environment)


def _own_listen_fds(environment: dict[bytes, bytes], always: bool) -> None:
    """Socket activation is meant for the process whose pid is named: that is the runtime now, no longer us."""
    listen_pid = environment.get(b"LISTEN_PID")
    if always or (listen_pid is not None and listen_pid == b"%d" % posix.getppid()):
        environment[b"LISTEN_PID"] = b"%d" % posix.getpid()


def as_before_python() -> None:
    """Python ignores SIGPIPE and SIGXFSZ, and an ignored signal stays ignored through execve: containers must not inherit it."""
    for number in (*MASKED, _signal.SIGPIPE, _signal.SIGXFSZ, _signal.SIGCHLD, _signal.SIGUSR1):
        _signal.signal(number, _signal.SIG_DFL)


OOM_SCORE = "/proc/self/oom_score_adj"


def protect_from_oom() -> bytes | None:
    """The kernel shall kill the container, not its monitor. The old score, for the children; None where unknown."""
    try:
        before = kernel.read_file(OOM_SCORE)
    except OSError:
        return None
    _write_oom_score(b"-1000")
    return before


def restore_oom_score(before: bytes | None) -> None:
    if before is not None:
        _write_oom_score(before)


def _write_oom_score(value: bytes) -> None:
    try:
        fd = posix.open(OOM_SCORE, posix.O_WRONLY | posix.O_CLOEXEC)
        try:
            posix.write(fd, value)
        finally:
            posix.close(fd)
    except OSError:
        return  # only root may lower it
