"""``conmon``: from the command line to the monitor's loop. ``run`` is what the launcher calls, ``main`` the console script."""

from __future__ import annotations

import gc
import posix
import sys

from ocikit.conmon import attach, control, diag, finish, kernel, messages, monitor, options, runtime

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal as _signal
else:
    import _signal


def main() -> None:
    """The console script's entry point: starts over in the smallest Python, which costs 10 ms once and saves 3 MiB for good."""
    if not (sys.flags.no_site and sys.flags.isolated):
        launcher = __file__.rpartition("/")[0] + "/__main__.py"
        posix.execv(sys.executable, [sys.executable, "-I", "-S", launcher, *sys.argv[1:]])
    run(sys.argv[1:])


def run(words: list[str]) -> None:
    """The whole life of the process; does not return."""
    gc.disable()  # nothing here makes cycles that live
    try:
        chosen = options.parse(words)
        if chosen.version:
            _print(f"conmon version {options.VERSION}\ncommit: ocikit\n")
            posix._exit(0)
        if chosen.help:
            from ocikit.conmon.help import text

            _print(text())
            posix._exit(0)
        options.check(chosen, _access_error(chosen.runtime), posix.getcwd())
    except options.Refused as refused:
        posix.write(2, f"{refused}\n".encode("utf-8", "surrogateescape"))
        posix._exit(1)
    diag.configure(chosen.level, bool(chosen.syslog), chosen.cid)
    try:
        status = supervise(chosen)
    except diag.Fatal as fatal:
        diag.say(1, str(fatal))
        status = 1
    posix._exit(status & 0xFF)


def _print(text: str) -> None:
    posix.write(1, text.encode())


def _access_error(path: str | None) -> str | None:
    if path is None or posix.access(path, posix.X_OK):
        return None
    try:
        posix.stat(path)
    except OSError as error:
        return diag.reason(error)
    return "Permission denied"


def supervise(chosen: options.Options) -> int:
    """Set up, daemonise, watch, clean up; the exit status."""
    inherited = _inherited_descriptors()
    logs = _open_logs(chosen)
    oom_score = runtime.protect_from_oom()
    _signal.signal(_signal.SIGPIPE, _signal.SIG_IGN)
    _signal.signal(_signal.SIGTERM, _die)
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)  # not Python's KeyboardInterrupt
    start_fd = messages.inherited(b"_OCI_STARTPIPE")
    if start_fd >= 0:
        messages.wait_for_byte(start_fd)
        if not chosen.exec_attach:
            posix.close(start_fd)
    null = posix.open("/dev/null", posix.O_RDWR | posix.O_CLOEXEC)
    while null < 3:  # started without some of 0, 1 and 2: no pipe of ours may land there
        null = posix.open("/dev/null", posix.O_RDWR | posix.O_CLOEXEC)
    if not chosen.sync:
        child = posix.fork()
        if child:
            _leave_background(chosen, child)
    sync = messages.Pipe(b"_OCI_SYNCPIPE")
    attach_pipe = messages.Pipe(b"_OCI_ATTACHPIPE") if chosen.exec_attach else None
    if attach_pipe is not None and attach_pipe.fd < 0:
        raise diag.Fatal("--exec-attach needs _OCI_ATTACHPIPE in the environment")
    handover = messages.inherited(b"_OCIKIT_HANDOVERPIPE")
    if not chosen.passthrough:
        _detach_stdio(null)
    if not chosen.sync or posix.getpid() != posix.getsid(0):
        try:
            posix.setsid()
        except OSError:
            pass  # already leads its group
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 1)
    watch = monitor.Monitor(chosen, logs, sync, oom_score)
    ours = (sync.fd, start_fd, handover, attach_pipe.fd if attach_pipe else -1)
    watch.inherited = [fd for fd in inherited if fd not in ours]
    link = ""
    registered = False
    status = 1
    try:
        link = _set_up_stdio(chosen, watch)
        if attach_pipe is not None:
            attach_pipe.send(b"data", 0)
            attach_pipe.close()
        registered = True
        watch.create(start_fd, null)
        if start_fd >= 0 and chosen.exec_attach:
            posix.close(start_fd)
        if chosen.passthrough:
            _detach_stdio(null)
        _settle(chosen, watch)
        watch.run()
        status = watch.end()
    except diag.Fatal as fatal:
        diag.say(1, str(fatal))
    finally:
        if registered:
            status = _run_exit_command(chosen, logs, oom_score, status, handover)
        if link:
            _remove_link(link)
    return status


def _open_logs(chosen: options.Options) -> list[monitor.Log]:
    logs: list[monitor.Log] = []
    for driver, path in chosen.drivers:
        if driver == "k8s-file":
            from ocikit.conmon.k8slog import K8sFile

            keep = chosen.log_max_files if chosen.log_rotate else 0
            allowed = tuple(chosen.log_allowlist_dir)
            logs.append(K8sFile(path, chosen.log_size_max, chosen.log_global_size_max, keep, allowed))
        elif driver == "journald":
            from ocikit.conmon.journal import Journal

            no_partial = bool(chosen.no_container_partial_message)
            logs.append(Journal(chosen.cid, chosen.name, chosen.log_tag, chosen.log_label, no_partial))
    return logs


def _leave_background(chosen: options.Options, child: int) -> None:
    """The first process: names the second one and goes; the engine waits for this."""
    status = 0
    if chosen.conmon_pidfile:
        try:
            finish.write_atomically(chosen.conmon_pidfile, b"%d" % child)
        except OSError as error:
            diag.say(1, f"Failed to write conmon pidfile {chosen.conmon_pidfile} {diag.reason(error)}")
            status = 1
    posix._exit(status)


def _set_up_stdio(chosen: options.Options, watch: monitor.Monitor) -> str:
    """Pipes or console, attach socket, fifos, notify relay; the link in the socket folder, ``""`` where there is none."""
    if chosen.terminal:
        from ocikit.conmon.console import Console

        watch.console = Console(watch.loop, watch.terminal_arrived)
    piped = not chosen.passthrough
    plain = piped and not chosen.terminal
    watch.stdio = runtime.Stdio(bool(chosen.stdin) and plain, plain, piped)
    if not chosen.bundle:
        return ""
    if chosen.sdnotify_socket:
        from ocikit.conmon.notify import Relay

        Relay(watch.loop, chosen.bundle, chosen.sdnotify_socket)
    if not piped:
        return ""
    link = ""
    folder = chosen.bundle
    if not chosen.full_attach:
        folder = link = attach.make_link(chosen.socket_dir_path, chosen.cuuid, chosen.bundle)
    keep_stdin = bool(chosen.leave_stdin_open) or not chosen.stdin
    server = attach.AttachServer(watch.loop, folder, keep_stdin, watch.congestion)
    server.listen()
    if chosen.terminal:
        server.expect_stdin()
    elif watch.stdio.stdin >= 0:
        server.set_stdin(watch.stdio.stdin)
    watch.attach = server
    control.Control(chosen.bundle, watch.resize, watch.reopen_logs).watch(watch.loop)
    return link


def _settle(chosen: options.Options, watch: monitor.Monitor) -> None:
    """The engine has its answer; now the watchers of a running container, and the memory that only the start needed."""
    from ocikit.conmon.oom import OomWatch

    if not chosen.exec:
        folders = tuple(folder for folder in (chosen.persist_dir, chosen.bundle) if folder)
        watch.oom = OomWatch(watch.container_pid, folders)
        watch.oom.watch(watch.loop)
    kernel.keep_buffers()
    watch.watch_output()
    # Not at once: it costs 3 ms of processor time, and a container that ends soon leaves no memory to save.
    watch.loop.after(0.3, kernel.release_memory)


def _run_exit_command(
    chosen: options.Options, logs: list[monitor.Log], oom_score: bytes | None, status: int, handover: int
) -> int:
    """Everything that nobody waits for: clean up, then bring the log to the disk.

    The C conmon syncs before it writes the exit file, and 100 MB of log then cost everyone who waits half a second. Whoever
    reads the log meanwhile gets it from the page cache; where the clean-up removes it, nothing is left to sync.
    """
    _signal.set_wakeup_fd(-1)
    _signal.signal(_signal.SIGCHLD, _signal.SIG_DFL)
    finish.close_descriptors((handover, *(log.descriptor() for log in logs)))
    kernel.prctl(kernel.PR_SET_CHILD_SUBREAPER, 0)
    if chosen.exit_command and not finish.engine_cleans_up(handover):
        status = finish.run_exit_command(chosen, oom_score) or status
    if not chosen.no_sync_log:
        for log in logs:
            log.sync()
    return status


def _remove_link(link: str) -> None:
    try:
        posix.unlink(link)
    except OSError:
        return


def _detach_stdio(null: int) -> None:
    for number in range(3):
        posix.dup2(null, number)


def _inherited_descriptors() -> list[int]:
    """Descriptors that came with us; reserved ports, say. They are held open until the container's end."""
    found = []
    for name in posix.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2:
            try:
                if posix.get_inheritable(fd):
                    found.append(fd)
            except OSError:
                continue
    return found


def _die(_number: int, _frame: object) -> None:
    posix._exit(1)
