"""``conmon --help``: loaded only when asked for."""

from __future__ import annotations

from ocikit.conmon import options

_TEXTS = {
    "help": "Show help options",
    "api-version": "Conmon API version to use",
    "bundle": "Location of the OCI Bundle path",
    "cid": "Identification of Container",
    "conmon-pidfile": "PID file for the conmon process",
    "container-pidfile": "PID file for the initial pid inside of container",
    "cuuid": "Container UUID",
    "exec": "Exec a command into a running container",
    "exec-attach": "Attach to an exec session",
    "exec-process-spec": "Path to the process spec for execution",
    "exit-command": "Path to the program to execute when the container terminates its execution",
    "exit-command-arg": "Additional arg to pass to the exit command.  Can be specified multiple times",
    "exit-delay": "Delay before invoking the exit command (in seconds)",
    "exit-dir": "Path to the directory where exit files are written",
    "full-attach": "Bind the attach socket in the bundle and ignore --socket-dir-path",
    "health-command": "Path to a program that is run every --health-interval while the container runs",
    "health-command-arg": "Additional arg to pass to the health command. Can be specified multiple times",
    "health-interval": "Seconds between the end of one run of the health command and the next",
    "leave-stdin-open": "Leave stdin open when attached client disconnects",
    "log-allowlist-dir": "Rotate log files only inside this directory. Can be specified multiple times",
    "log-global-size-max": "Maximum size of all log files",
    "log-label": "Additional journald field LABEL=VALUE. Can be specified multiple times",
    "log-level": "Print debug logs based on log level",
    "log-max-files": "Number of rotated log files to keep",
    "log-path": "Log file path",
    "log-rotate": "Rotate the log file instead of truncating it",
    "log-size-max": "Maximum size of log file",
    "log-tag": "Additional tag to use for logging",
    "name": "Container name",
    "no-container-partial-message": "Leave out journald's CONTAINER_PARTIAL_MESSAGE field",
    "no-new-keyring": "Do not create a new session keyring for the container",
    "no-pivot": "Do not use pivot_root",
    "no-sync-log": "Do not manually call sync on logs after container shutdown",
    "persist-dir": "Persistent directory for a container that can be used for storing container data",
    "replace-listen-pid": "Replace listen pid if set for oci-runtime pid",
    "restore": "Restore a container from a checkpoint",
    "runtime": "Path of the OCI runtime",
    "runtime-arg": "Additional arg to pass to the runtime. Can be specified multiple times",
    "runtime-opt": "Additional opts to pass to the restore or exec command. Can be specified multiple times",
    "sdnotify-socket": "Path to the host's sd-notify socket to relay messages to",
    "seccomp-notify-plugins": "Not supported",
    "seccomp-notify-socket": "Not supported",
    "socket-dir-path": "Location of container attach sockets",
    "stdin": "Open up a pipe to pass stdin to the container",
    "sync": "Keep the main conmon process as its child by only forking once",
    "syslog": "Log to syslog (use with cgroupfs cgroup manager)",
    "systemd-cgroup": "Enable systemd cgroup manager, rather than use the cgroupfs directly",
    "terminal": "Allocate a pseudo-TTY. The default is false",
    "timeout": "Kill container after specified timeout in seconds",
    "version": "Print the version and exit",
}


def text() -> str:
    """The whole help; every option of the table is in it."""
    lines = ["Usage:", "  conmon [OPTION…] - conmon utility", "", "Help Options:"]
    lines.append(_line("help"))
    lines += ["", "Application Options:"]
    lines += [_line(name) for name in options.TABLE if name != "help"]
    return "\n".join(lines) + "\n\n"


def _line(name: str) -> str:
    short = options.TABLE[name][1]
    words = f"-{short}, --{name}" if short else f"--{name}"
    return f"  {words:<32} {_TEXTS[name]}"
