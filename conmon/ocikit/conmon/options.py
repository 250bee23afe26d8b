"""The command line: GLib's rules, the C conmon's options, and its order of complaints (docs/tools/conmon.md, "Options").

``parse`` is pure: words in, ``Options`` out, or ``Refused`` with the text that belongs on stderr.
"""

from __future__ import annotations

VERSION = "2.2.1"

FLAG, TEXT, INT, LIST = 0, 1, 2, 3

# long name -> (kind, short name, default)
TABLE: dict[str, tuple[int, str, str | int | None]] = {
    "api-version": (FLAG, "", 0),
    "bundle": (TEXT, "b", None),
    "cid": (TEXT, "c", None),
    "container-pidfile": (TEXT, "p", None),
    "conmon-pidfile": (TEXT, "P", None),
    "cuuid": (TEXT, "u", None),
    "exec": (FLAG, "e", 0),
    "exec-attach": (FLAG, "", 0),
    "exec-process-spec": (TEXT, "", None),
    "exit-command": (TEXT, "", None),
    "exit-command-arg": (LIST, "", None),
    "exit-delay": (INT, "", 0),
    "exit-dir": (TEXT, "", None),
    "full-attach": (FLAG, "", 0),
    "health-command": (TEXT, "", None),
    "health-command-arg": (LIST, "", None),
    "health-interval": (INT, "", 0),
    "help": (FLAG, "h", 0),
    "leave-stdin-open": (FLAG, "", 0),
    "log-allowlist-dir": (LIST, "", None),
    "log-global-size-max": (INT, "", -1),
    "log-label": (LIST, "", None),
    "log-level": (TEXT, "", None),
    "log-max-files": (INT, "", 1),
    "log-path": (LIST, "l", None),
    "log-rotate": (FLAG, "", 0),
    "log-size-max": (INT, "", -1),
    "log-tag": (TEXT, "", None),
    "name": (TEXT, "n", None),
    "no-container-partial-message": (FLAG, "", 0),
    "no-new-keyring": (FLAG, "", 0),
    "no-pivot": (FLAG, "", 0),
    "no-sync-log": (FLAG, "", 0),
    "persist-dir": (TEXT, "0", None),
    "replace-listen-pid": (FLAG, "", 0),
    "restore": (TEXT, "", None),
    "runtime": (TEXT, "r", None),
    "runtime-arg": (LIST, "", None),
    "runtime-opt": (LIST, "", None),
    "sdnotify-socket": (TEXT, "", None),
    "seccomp-notify-plugins": (TEXT, "", None),
    "seccomp-notify-socket": (TEXT, "", None),
    "socket-dir-path": (TEXT, "", "/var/run/crio"),
    "stdin": (FLAG, "i", 0),
    "sync": (FLAG, "", 0),
    "syslog": (FLAG, "", 0),
    "systemd-cgroup": (FLAG, "s", 0),
    "terminal": (FLAG, "t", 0),
    "timeout": (INT, "T", 0),
    "version": (FLAG, "", 0),
}
ALIASES = {"pidfile": "container-pidfile", "restore-arg": "runtime-opt"}
SHORT = {short: name for name, (_, short, _) in TABLE.items() if short}
DRIVERS = {"k8s-file", "journald", "none", "off", "null", "passthrough"}
LEVELS = {
    "fatal": 1,
    "panic": 1,
    "error": 1,
    "warn": 2,
    "warning": 2,
    "info": 3,
    "debug": 4,
    "trace": 5,
}


class Refused(Exception):
    """The whole line for stderr, prefix included."""


class Options:
    """Every option as an attribute, ``-`` written ``_``; lists are never None."""

    api_version: int
    bundle: str | None
    cid: str  # never None after check()
    container_pidfile: str
    conmon_pidfile: str | None
    cuuid: str
    exec: int
    exec_attach: int
    exec_process_spec: str | None
    exit_command: str | None
    exit_command_arg: list[str]
    exit_delay: int
    exit_dir: str | None
    full_attach: int
    health_command: str | None  # ours alone: the C conmon has no timer
    health_command_arg: list[str]
    health_interval: int
    help: int
    leave_stdin_open: int
    log_allowlist_dir: list[str]
    log_global_size_max: int
    log_label: list[str]
    log_level: str | None
    log_max_files: int
    log_path: list[str]
    log_rotate: int
    log_size_max: int
    log_tag: str | None
    name: str | None
    no_container_partial_message: int
    no_new_keyring: int
    no_pivot: int
    no_sync_log: int
    persist_dir: str | None
    replace_listen_pid: int
    restore: str | None
    runtime: str
    runtime_arg: list[str]
    runtime_opt: list[str]
    sdnotify_socket: str | None
    seccomp_notify_plugins: str | None
    seccomp_notify_socket: str | None
    socket_dir_path: str
    stdin: int
    sync: int
    syslog: int
    systemd_cgroup: int
    terminal: int
    timeout: int
    version: int

    # derived by check()
    drivers: list[tuple[str, str]]
    passthrough: bool
    level: int

    def __init__(self) -> None:
        values = self.__dict__
        for name, (kind, _, default) in TABLE.items():
            values[name.replace("-", "_")] = [] if kind == LIST else default


def parse(words: list[str]) -> Options:
    """Read ``words``; positional words are ignored (podman writes ``--api-version 1`` though the option takes no value)."""
    options = Options()
    queue = iter(words)
    for word in queue:
        if word == "--":
            break
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            name = ALIASES.get(name, name)
            entry = TABLE.get(name)
            if entry is None:
                raise Refused(f"conmon: option parsing failed: Unknown option {word}")
            _store(options, name, entry[0], f"--{name}", value if equals else None, queue)
        elif len(word) > 1 and word[0] == "-":
            _bundle(options, word, queue)
    return options


def _bundle(options: Options, word: str, queue: object) -> None:
    for position in range(1, len(word)):
        letter = word[position]
        name = SHORT.get(letter)
        if name is None:
            raise Refused(f"conmon: option parsing failed: Unknown option -{letter}")
        kind = TABLE[name][0]
        if kind == FLAG:
            _store(options, name, kind, f"-{letter}", None, queue)
            continue
        rest = word[position + 1 :]
        _store(options, name, kind, f"-{letter}", rest or None, queue)
        return


def _store(options: Options, name: str, kind: int, shown: str, value: str | None, queue: object) -> None:
    values = options.__dict__
    key = name.replace("-", "_")
    if kind == FLAG:
        values[key] = 1
        return
    if value is None:
        value = next(queue, None)  # type: ignore[call-overload]
        if value is None:
            raise Refused(f"conmon: option parsing failed: Missing argument for {shown}")
    if kind == LIST:
        values[key].append(value)
    elif kind == INT:
        try:
            values[key] = int(value)
        except ValueError:
            raise Refused(
                f"conmon: option parsing failed: Cannot parse integer value \u201c{value}\u201d for {shown}"
            ) from None
    else:
        values[key] = value


def check(options: Options, access_error: str | None, cwd: str) -> None:
    """Complain as the C conmon does, in its order; fill in what is derived.

    ``access_error`` is the error text of ``access(runtime, X_OK)``, None where it succeeded: so that this stays pure.
    """
    if options.log_max_files < 0:
        raise Refused(f"conmon: log-max-files must be non-negative, got {options.log_max_files}")
    if options.log_rotate and options.log_max_files < 1:
        raise Refused(
            f"conmon: log-max-files must be at least 1 when log-rotate is enabled, got {options.log_max_files}"
        )
    if _missing(options.cid):
        raise Refused("conmon: Container ID not provided. Use --cid")
    legacy = options.exec and not options.api_version
    for wrong, text in (
        (options.exec and options.restore, "Cannot use 'exec' and 'restore' at the same time"),
        (not options.exec and options.exec_attach, "Attach can only be specified with exec"),
        (options.exec_attach and legacy, "Attach can only be specified for a non-legacy exec session"),
        (_missing(options.cuuid) and not legacy, "Container UUID not provided. Use --cuuid"),
        (_missing(options.runtime), "Runtime path not provided. Use --runtime"),
        (access_error, f"Runtime path {options.runtime} is not valid {access_error}"),
        (
            options.exec and not options.exec_process_spec,
            "Exec process spec path not provided. Use --exec-process-spec",
        ),
        (options.exit_delay < 0, "Delay before invoking exit command must be greater than or equal to 0"),
    ):
        if wrong:
            raise Refused(f"[conmon:e]: {text}")
    if options.bundle is None and not options.exec:
        options.bundle = cwd
    if not options.container_pidfile:
        options.container_pidfile = f"{cwd}/pidfile-{options.cid}"
    _check_logs(options)
    level = LEVELS.get((options.log_level or "warning").lower())
    if level is None:
        raise Refused(f"[conmon:e]: No such log level {options.log_level}")
    options.level = level
    if options.seccomp_notify_socket:
        raise Refused("[conmon:e]: seccomp notify is not supported: the C conmon removed it after 2.2.1")


def _missing(value: object) -> bool:
    """An empty text counts as given, as in the C program."""
    return value is None


def _check_logs(options: Options) -> None:
    if not options.log_path:
        raise Refused("[conmon:e]: Log driver not provided. Use --log-path")
    options.drivers = []
    for value in options.log_path:
        driver, colon, path = value.partition(":")
        path = path.split(":", 1)[0]
        if not colon and driver not in DRIVERS:
            if not value:
                raise Refused("[conmon:e]: log-path must not be empty")
            driver, path = "k8s-file", value
        elif not driver:
            driver = "k8s-file"
            if not path:
                raise Refused("[conmon:e]: log-path must not be empty")
        if driver not in DRIVERS:
            raise Refused(f"[conmon:e]: No such log driver {driver}")
        if driver == "k8s-file" and not path:
            raise Refused("[conmon:e]: k8s-file requires a filename")
        if driver == "journald" and len(options.cid) <= 12:
            raise Refused("[conmon:e]: Container ID must be longer than 12 characters")
        options.drivers.append((driver, path))
    names = [driver for driver, _ in options.drivers]
    options.passthrough = "passthrough" in names
    if "k8s-file" in names and "journald" not in names:
        for given, name in ((options.log_tag, "--log-tag"), (options.log_label, "--log-label")):
            if given:
                raise Refused(f"[conmon:e]: k8s-file doesn't support {name}")
    for label in options.log_label:
        key, _, rest = label.partition("=")
        if not key or "=" in rest or "=" not in label or not _is_field(key):
            raise Refused(f"[conmon:e]: Container labels must be in format LABEL=VALUE, got {label}")


def _is_field(key: str) -> bool:
    return all("A" <= c <= "Z" or "0" <= c <= "9" or c == "_" for c in key)
