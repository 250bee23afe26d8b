"""Starting conmon for a container: ours or any other that speaks the same command line.

    starting = spawn(MonitorOptions(runtime=..., conmon=find_conmon(...), cid=..., bundle=..., ...))   # returns at once
    ...                                # write config.json, set up the network: the monitor starts up meanwhile
    starting.move_to_cgroup("/libpod_parent/conmon")
    monitor = starting.create()        # the container is created: monitor.container_pid, monitor.conmon_pid
    # connect attach clients now; then OciRuntime.start(cid)
    monitor.wait_end(timeout_s)        # True once the exit file is written
    monitor.cleaned_up()               # after own clean-up: the exit command is not run; close() without it: it is
    starting.abort()                   # instead of create(): nothing of the monitor is left

``create_container(options)`` is spawn and create in one. What the bundle needs at ``spawn`` is only the folders of the
log, the pid files and the bundle itself; config.json must be there at ``create``.

Why spawn so early: a monitor of ours needs 10 ms of its own until it waits on its start pipe, and the engine has as much
to do before ``create``; on two cores they overlap. Why not fork this process instead: docs/tools/conmon.md, "Start-up".
"""

from __future__ import annotations

import _socket
import os
import sys

from ocikit.common.errors import OcikitError
from ocikit.libpod import oci

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

CREATE_TIMEOUT_S = 240
DEFAULT_PATHS = (
    "/usr/libexec/podman/conmon",
    "/usr/local/libexec/podman/conmon",
    "/usr/local/lib/podman/conmon",
    "/usr/bin/conmon",
    "/usr/sbin/conmon",
    "/usr/local/bin/conmon",
    "/usr/local/sbin/conmon",
)


class MonitorFailed(OcikitError):
    """conmon did not start, or died before it could say why."""

    exit_code = 126


class MonitorOptions:
    """What a monitor has to know. Paths are absolute; ``exit_command`` is a whole argv, empty for none.

    runtime: OciRuntime           its path and global arguments go to the monitor
    conmon: list of words         find_conmon()
    log: ``k8s-file:PATH``, ``journald``, ``none``, ``passthrough`` (repeatable, a list)
    keep_fds                      descriptors that the monitor holds until the container's end (reserved ports)
    preserve_fds                  N: descriptors 3 ... 2+N are the container's
    health_command, health_interval_s  a whole argv, run by our own monitor in that interval; see keeps_time()
    env                           added to our own environment; None removes
    """

    def __init__(
        self,
        *,
        runtime: oci.OciRuntime,
        conmon: Sequence[str],
        cid: str,
        bundle: str,
        pidfile: str,
        name: str = "",
        conmon_pidfile: str = "",
        exit_dir: str = "",
        persist_dir: str = "",
        log: Sequence[str] = ("none",),
        log_level: str = "warning",
        log_size_max: int = -1,
        log_tag: str = "",
        log_labels: Sequence[str] = (),
        syslog: bool = True,
        oci_log: str = "",
        terminal: bool = False,
        stdin: bool = False,
        leave_stdin_open: bool = False,
        timeout_s: int = 0,
        exit_command: Sequence[str] = (),
        exit_delay_s: int = 0,
        systemd_cgroup: bool = False,
        no_pivot: bool = False,
        no_new_keyring: bool = False,
        sdnotify_socket: str = "",
        preserve_fds: int = 0,
        keep_fds: Sequence[int] = (),
        restore: str = "",
        runtime_options: Sequence[str] = (),
        env: Mapping[str, str | None] | None = None,
        health_command: Sequence[str] = (),
        health_interval_s: int = 0,
        exec_session: str = "",
        exec_process_spec: str = "",
    ) -> None:
        self.runtime = runtime
        self.conmon = conmon
        self.cid = cid
        self.bundle = bundle
        self.pidfile = pidfile
        self.name = name
        self.conmon_pidfile = conmon_pidfile
        self.exit_dir = exit_dir
        self.persist_dir = persist_dir
        self.log = log
        self.log_level = log_level
        self.log_size_max = log_size_max
        self.log_tag = log_tag
        self.log_labels = log_labels
        self.syslog = syslog
        self.oci_log = oci_log
        self.terminal = terminal
        self.stdin = stdin
        self.leave_stdin_open = leave_stdin_open
        self.timeout_s = timeout_s
        self.exit_command = exit_command
        self.exit_delay_s = exit_delay_s
        self.systemd_cgroup = systemd_cgroup
        self.no_pivot = no_pivot
        self.no_new_keyring = no_new_keyring
        self.sdnotify_socket = sdnotify_socket
        self.preserve_fds = preserve_fds
        self.keep_fds = keep_fds
        self.restore = restore
        self.runtime_options = runtime_options
        self.env = env or {}
        self.health_command = health_command
        self.health_interval_s = health_interval_s
        self.exec_session = exec_session
        self.exec_process_spec = exec_process_spec


def find_conmon(configured: str = "", candidates: Sequence[str] = ()) -> list[str]:
    """The words that start a monitor: ``--conmon``, else ours where it is installed, else containers.conf's candidates.

    Ours is started as ``python -I -S __main__.py``: without site and its .pth files the interpreter is up in 10 ms.
    """
    if configured:
        if not os.access(configured, os.X_OK):
            raise MonitorFailed(f"conmon {configured} does not exist or is not executable", exit_code=125)
        return [configured]
    launcher = own_launcher()
    if launcher:
        return [sys.executable, "-I", "-S", launcher]
    for path in (*candidates, *DEFAULT_PATHS):
        if os.access(path, os.X_OK):
            return [path]
    raise MonitorFailed(
        "no conmon is installed",
        hint="Install the package ocikit-conmon, or your distribution's conmon.",
        exit_code=125,
    )


def own_launcher() -> str:
    """The file to run for our own monitor, "" where ocikit-conmon is not installed. Nothing of it is imported."""
    import ocikit

    for folder in ocikit.__path__:
        path = f"{folder}/conmon/__main__.py"
        if os.path.exists(path):
            return path
    return ""


def keeps_time(conmon: Sequence[str]) -> bool:
    """Does this monitor run health checks itself? Ours does; the C conmon refuses the options, so they are left out for it."""
    return conmon[-1] == own_launcher()


def command_line(options: MonitorOptions) -> list[str]:
    """conmon's argv as podman lays it out (conmon.md, sections 13 and 14). Pure."""
    o = options
    words = [*o.conmon, "--api-version", "1", "-c", o.cid, "-u", o.exec_session or o.cid, "-r", o.runtime.path]
    words += ["-b", o.bundle, "-p", o.pidfile]
    if o.name:
        words += ["-n", o.name]
    for option, value in (("--exit-dir", o.exit_dir), ("--persist-dir", o.persist_dir)):
        if value:
            words += [option, value]
    words.append("--full-attach")
    for log in o.log:
        words += ["-l", log]
    words += ["--log-level", o.log_level]
    if o.syslog:
        words.append("--syslog")
    if o.log_size_max > 0:
        words += ["--log-size-max", str(o.log_size_max)]
    if o.systemd_cgroup and not o.exec_session:
        words.append("-s")
    if o.oci_log:
        for word in ("--log-format=json", "--log", o.oci_log):
            words.append(f"--runtime-arg={word}")
    words += [f"--runtime-arg={word}" for word in o.runtime.global_args]
    if o.log_tag:
        words += ["--log-tag", o.log_tag]
    for label in o.log_labels:
        words += ["--log-label", label]
    if o.sdnotify_socket:
        words.append(f"--sdnotify-socket={o.sdnotify_socket}")
    for flag, given in (
        ("-t", o.terminal),
        ("-i", o.stdin),
        ("--leave-stdin-open", o.leave_stdin_open),
        ("--no-pivot", o.no_pivot),
        ("--no-new-keyring", o.no_new_keyring),
    ):
        if given:
            words.append(flag)
    if o.timeout_s:
        words.append(f"--timeout={o.timeout_s}")
    if o.exec_session:
        words += ["-e", "--exec-attach", "--exec-process-spec", o.exec_process_spec]
    if o.conmon_pidfile:
        words += ["--conmon-pidfile", o.conmon_pidfile]
    if o.health_command and o.health_interval_s > 0 and keeps_time(o.conmon):
        words += ["--health-interval", str(o.health_interval_s), "--health-command", o.health_command[0]]
        for word in o.health_command[1:]:
            words += ["--health-command-arg", word]
    if o.exit_command:
        words += ["--exit-command", o.exit_command[0]]
        for word in o.exit_command[1:]:
            words += ["--exit-command-arg", word]
        if o.exit_delay_s:
            words += ["--exit-delay", str(o.exit_delay_s)]
    runtime_options = list(o.runtime_options)
    if o.preserve_fds:
        runtime_options += ["--preserve-fds", str(o.preserve_fds)]
    for word in runtime_options:
        words += ["--runtime-opt", word]
    if o.restore:
        words += ["--restore", o.restore]
    return words


def create_container(options: MonitorOptions, cgroup: str = "") -> Monitor:
    """Spawn the monitor and have it create the container."""
    starting = spawn(options)
    if cgroup:
        starting.move_to_cgroup(cgroup)
    return starting.create()


def spawn(options: MonitorOptions) -> Starting:
    """Start conmon up to its start pipe; returns at once."""
    sync, sync_theirs = _pair()
    start, start_theirs = _pair()
    pipes = [("_OCI_SYNCPIPE", sync_theirs), ("_OCI_STARTPIPE", start_theirs)]
    attach = None
    if options.exec_session:
        attach, attach_theirs = _pair()
        pipes.append(("_OCI_ATTACHPIPE", attach_theirs))
    handover = None
    if options.exit_command and keeps_time(options.conmon):
        handover, handover_theirs = _pair()
        pipes.append(("_OCIKIT_HANDOVERPIPE", handover_theirs))
    env: dict[str, str] = dict(os.environ)
    for stale in _NOT_PASSED_ON:
        env.pop(stale, None)
    for key, value in options.env.items():
        if value is None:
            env.pop(key, None)
        else:
            env[key] = value
    keep = {*options.keep_fds, *range(3, 3 + options.preserve_fds)}
    _close_on_exec_except(keep)
    for variable, end in pipes:
        os.set_inheritable(end.fileno(), True)
        env[variable] = str(end.fileno())
    for fd in options.keep_fds:
        os.set_inheritable(fd, True)
    words = command_line(options)
    try:
        pid = os.posix_spawn(words[0], words, env, setpgroup=0, setsigdef=oci.RESET_SIGNALS)
    except OSError as error:
        raise MonitorFailed(f"cannot start conmon {words[0]}: {error.strerror}", exit_code=125) from None
    finally:
        for _, end in pipes:
            end.close()
    return Starting(options, pid, sync, start, attach, handover)


# A clean-up that restarts its container has the pipes of the monitor that started it in its environment.
_NOT_PASSED_ON = ("NOTIFY_SOCKET", "_OCI_SYNCPIPE", "_OCI_STARTPIPE", "_OCI_ATTACHPIPE", "_OCIKIT_HANDOVERPIPE")


def _pair() -> tuple[_socket.socket, _socket.socket]:
    return _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_CLOEXEC)


def _close_on_exec_except(keep: set[int]) -> None:
    """A pipe that a caller's shell happened to leave open must not stay open for the container's whole life."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in keep:
            try:
                if os.get_inheritable(fd):
                    os.set_inheritable(fd, False)
            except OSError:
                continue


class Starting:
    """A conmon that waits for its start byte. Exactly one of ``create``, ``begin_exec`` or ``abort`` has to follow."""

    __slots__ = ("_waited", "attach_pipe", "handover", "options", "pid", "start_pipe", "sync")

    def __init__(
        self,
        options: MonitorOptions,
        pid: int,
        sync: _socket.socket,
        start_pipe: _socket.socket,
        attach_pipe: _socket.socket | None,
        handover: _socket.socket | None = None,
    ) -> None:
        self.options = options
        self.pid = pid  # of the process that is to fork the monitor
        self.sync = sync
        self.start_pipe = start_pipe
        self.attach_pipe = attach_pipe
        self.handover = handover
        self._waited = False

    def move_to_cgroup(self, path: str) -> None:
        """Out of our session's cgroup, into ``path`` of every hierarchy; where we may not, it stays (rootless)."""
        from ocikit.libpod import conmon_cgroup

        conmon_cgroup.move(self.pid, path)

    def release(self) -> None:
        """The start byte, and the end of the process that daemonised."""
        try:
            self.start_pipe.send(b"\0")
        except OSError:
            pass  # it has died; its status says so
        code = oci.wait(self.pid)
        self._waited = True
        if code:
            self.close()
            raise MonitorFailed(f"conmon failed: exit status {code}", exit_code=125)

    def create(self) -> Monitor:
        """Let it run the runtime's ``create``; raises what the runtime said."""
        self.release()
        pid = self.read_pid()
        self.start_pipe.close()
        return Monitor(pid, _read_number(self.options.conmon_pidfile), self.sync, self.handover)

    def read_pid(self) -> int:
        """The first message on the sync pipe: the process's pid, or the runtime's complaint as an exception."""
        value, message = self.read_message(CREATE_TIMEOUT_S)
        if value is None or value < 0:
            self.close()
            text = oci.log_text(self.options.oci_log) if self.options.oci_log else ""
            text = text or oci.plain_text(message.encode())
            if text:
                raise oci.failure(self.options.runtime.name, text, "create")
            raise MonitorFailed("container create failed: conmon ended without a message")
        return value

    def read_message(self, timeout_s: float | None = None) -> tuple[int | None, str]:
        """(data, message) of the next line on the sync pipe; (None, "") at its end."""
        return read_message(self.sync, timeout_s)

    def abort(self) -> None:
        """End a monitor that was not released; no container exists yet."""
        if not self._waited:
            try:
                os.kill(self.pid, 9)
            except ProcessLookupError:
                pass
            oci.wait(self.pid)
            self._waited = True
        self.close()

    def close(self) -> None:
        for end in (self.sync, self.start_pipe, self.attach_pipe, self.handover):
            if end is not None:
                end.close()


class Monitor:
    """A running monitor: its container's pid, its own, and the sync pipe whose end tells that the exit file is written."""

    __slots__ = ("_handover", "conmon_pid", "container_pid", "sync")

    def __init__(
        self, container_pid: int, conmon_pid: int, sync: _socket.socket, handover: _socket.socket | None = None
    ) -> None:
        self.container_pid = container_pid
        self.conmon_pid = conmon_pid
        self.sync = sync
        self._handover = handover

    def wait_end(self, timeout_s: float | None = None) -> bool:
        """Wait until the monitor has written the exit file (or died). False if the time is up before."""
        try:
            self.sync.settimeout(timeout_s)
            while self.sync.recv(8192):
                continue
        except TimeoutError:
            return False
        except OSError:
            pass
        return True

    def cleaned_up(self) -> None:
        """Tell the monitor that the container is cleaned up: it does not run the exit command. The C conmon always does.

        To be called after the clean-up and before ``close``, within 20 seconds of the container's end.
        """
        if self._handover is not None:
            try:
                self._handover.send(b"1")
            except OSError:
                pass

    def close(self) -> None:
        """Let go of the pipes; the container goes on, and the exit command does the clean-up."""
        self.sync.close()
        if self._handover is not None:
            self._handover.close()
            self._handover = None


def read_message(sync: _socket.socket, timeout_s: float | None) -> tuple[int | None, str]:
    """One JSON line from conmon. Anything that is none counts as the end."""
    from ocikit.common import jsonfast

    sync.settimeout(timeout_s)
    try:
        data = sync.recv(65536)
        while data and not data.endswith(b"\n"):  # a stream instead of packets
            more = sync.recv(65536)
            if not more:
                break
            data += more
    except TimeoutError:
        raise MonitorFailed(f"conmon did not answer for {timeout_s:.0f} seconds") from None
    except OSError:
        return None, ""
    try:
        record: Any = jsonfast.loads(data)
        return int(record["data"]), str(record.get("message", ""))
    except (ValueError, KeyError, TypeError):
        return None, ""


def _read_number(path: str) -> int:
    """A pid file's number, 0 where there is none."""
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0
