"""``podman exec``: one more process in a running container (libpod.md section 3, "exec"; conmon.md section 13)."""

from __future__ import annotations

import os

from ocikit.common.errors import CannotExecute, CommandNotFound, OcikitError
from ocikit.common.files import random_hex
from ocikit.libpod import attach, execsession, monitor
from ocikit.libpod.container.record import RUNNING, Container
from ocikit.libpod.container.rootfs import Root
from ocikit.libpod.errors import NoSuchContainer, StateImproper
from ocikit.libpod.spec import environment
from ocikit.libpod.spec.defaults import ALL_CAPS
from ocikit.libpod.spec.users import lookup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

CREATED, RUNS, ENDED = 1, 2, 3


class ExecOptions:
    """What podman-exec(1) can ask for; fields as its flags."""

    command: Sequence[str] = ()
    env: Sequence[str] = ()
    env_file: Sequence[str] = ()
    interactive: bool = False
    tty: bool = False
    privileged: bool = False
    user: str = ""
    workdir: str = ""
    preserve_fds: int = 0
    preserve_fd: Sequence[int] = ()
    detach_keys: str | None = None
    no_session: bool = False
    exit_delay_s: int = 0

    def __init__(self, **fields: Any) -> None:
        for name, value in fields.items():
            if name.startswith("_") or not hasattr(type(self), name):
                raise TypeError(f"ExecOptions has no field {name!r}")
            setattr(self, name, value)


class SessionFailed(OcikitError):
    """The session could not be made: wrong state, unknown user. Exit code 255."""

    exit_code = 255


def run(container: Container, options: ExecOptions, streams: attach.Streams | None) -> int:
    """Runs the command with the streams attached: its exit code. Without streams it is left running and 0 is returned."""
    ahead: list[monitor.Starting] = []

    def spawn(session: str) -> None:
        # The monitor's interpreter starts while the session is written down and its process described.
        ahead.append(_spawn(container, session, options, streams is None))

    try:
        session = create(container, options, spawn)
    except BaseException:
        for starting in ahead:
            starting.abort()
        raise
    return start(container, session, options, streams, ahead[0])


def create(container: Container, options: ExecOptions, before: Callable[[str], None] | None = None) -> str:
    """Registers a session; its id. Raises SessionFailed if the container does not run.

    ``before`` is called with the id when nothing speaks against the session, before it is registered.
    """
    with container.locked():
        if container.number != RUNNING:
            error = StateImproper("can only create exec sessions on running containers", exit_code=255)
            raise error
        if not options.command:
            raise OcikitError("must provide a non-empty command to start an exec session: invalid argument")
        session = random_hex(32)
        if before is not None:
            before(session)
        if not options.no_session:
            sessions = container.state.setdefault("newExecSessions", {}) or {}
            sessions[session] = _record(container, session, options)
            container.state["newExecSessions"] = sessions
            container.runtime.state.add_exec_session(session, container.id)
            container.save()
    return session


def _record(container: Container, session: str, options: ExecOptions) -> dict[str, Any]:
    return {
        "id": session,
        "containerId": container.id,
        "state": CREATED,
        "pid": 0,
        "exitCode": 0,
        "config": {
            "command": list(options.command),
            "terminal": options.tty,
            "attachStdin": options.interactive,
            "attachStdout": True,
            "attachStderr": True,
            "environment": environment.parse_env(options.env, os.environ),
            "privileged": options.privileged,
            "user": options.user,
            "workDir": options.workdir,
            "preserveFds": options.preserve_fds,
        },
    }


def _spawn(container: Container, session: str, options: ExecOptions, detached: bool) -> monitor.Starting:
    """The session's monitor, up to its start pipe: from here on only the file with the process is missing."""
    folder = f"{container.bundle}/{session}"
    spec_path = execsession.folders(folder, container.id)
    return monitor.spawn(_monitor_options(container, session, options, folder, spec_path, detached))


def start(
    container: Container,
    session: str,
    options: ExecOptions,
    streams: attach.Streams | None,
    starting: monitor.Starting | None = None,
) -> int:
    """Starts a registered session and, with streams, stays until its end. ``starting``: its monitor, if it is there already."""
    folder = f"{container.bundle}/{session}"
    detached = streams is None
    released = False
    try:
        if starting is None:
            starting = _spawn(container, session, options, detached)
        process = process_spec(container, options)
        execsession.describe(starting.options.exec_process_spec, process)
        keys = _keys(container, options)

        def started(pid: int) -> None:
            _update(container, session, state=RUNS, pid=pid)
            container.event("exec")

        released = True  # from here on the session ends its monitor
        code = execsession.run(
            starting,
            streams,
            cgroup=_cgroup(container),
            detach_keys=keys,
            forward=None,
            started=started,
        )
    except (CannotExecute, CommandNotFound, OcikitError) as error:
        if starting is not None and not released:
            starting.abort()
        _forget(container, session, folder)
        if detached and error.exit_code in (126, 127):
            error.exit_code = 125
        raise
    if detached or code is None:
        return 0
    container.event("exec_died", ContainerExitCode=code)
    _forget(container, session, folder)
    return code


def _keys(container: Container, options: ExecOptions) -> bytes:
    text = options.detach_keys
    if text is None:
        configured = container.runtime.conf.engine.get("detach_keys")
        text = "ctrl-p,ctrl-q" if configured is None else configured
    return attach.parse_detach_keys(text)


def _cgroup(container: Container) -> str:
    from ocikit.libpod.container.start import conmon_cgroup

    return conmon_cgroup(container)


def _monitor_options(
    container: Container, session: str, options: ExecOptions, folder: str, spec_path: str, detached: bool
) -> monitor.MonitorOptions:
    runtime = container.runtime
    command: list[str] = []
    if detached:
        # An attached client clears up behind itself; a detached session needs somebody else.
        command = [*runtime.exit_command(), "container", "cleanup", "--stopped-only", "--exec", session, container.id]
    return monitor.MonitorOptions(
        runtime=runtime.oci_named(container.config.get("runtime", "")),
        conmon=runtime.conmon(),
        cid=container.id,
        bundle=folder,
        pidfile=f"{folder}/exec_pid",
        name=container.name,
        exit_dir=f"{folder}/exit",
        persist_dir=f"{folder}/persist/{container.id}",
        log=["none"],
        log_level=runtime.options.log_level,
        syslog=runtime.options.syslog,
        oci_log=f"{folder}/oci-log",
        terminal=options.tty,
        stdin=options.interactive and not options.tty,
        exit_command=command,
        exit_delay_s=options.exit_delay_s,
        preserve_fds=options.preserve_fds,
        exec_session=session,
        exec_process_spec=spec_path,
    )


def process_spec(container: Container, options: ExecOptions) -> dict[str, Any]:
    """The process of the session: the container's own with the options on top."""
    base = container.config["spec"]["process"]
    user_text = options.user or str(container.config.get("user") or "")
    with Root(_root(container)) as root:
        groups = container.config.get("groups") or () if not options.user else ()
        try:
            user = lookup(user_text, groups, root.read("etc/passwd"), root.read("etc/group"))
        except CannotExecute as error:
            error.exit_code = 255
            raise
    env = dict(text.partition("=")[::2] for text in base.get("env") or ())
    if container.config.get("secret_env"):
        from ocikit.libpod.container.secretmounts import environment as secret_environment

        env.update(secret_environment(container))
    for path in options.env_file:
        env.update(environment.read_env_file(path, os.environ))
    env.update(environment.parse_env(options.env, os.environ))
    if options.tty:
        env.setdefault("TERM", "xterm")
    env.setdefault("HOME", user.home)
    process: dict[str, Any] = {}
    if options.tty:
        process["terminal"] = True
    process["user"] = {"uid": user.uid, "gid": user.gid}
    umask = base.get("user", {}).get("umask")
    if umask is not None:
        process["user"]["umask"] = umask
    if user.groups:
        process["user"]["additionalGids"] = user.groups
    process["args"] = list(options.command)
    process["env"] = environment.to_list(env)
    process["cwd"] = options.workdir or base.get("cwd") or "/"
    process["capabilities"] = _capabilities(base, user.uid, options, container)
    for key in ("rlimits", "apparmorProfile", "oomScoreAdj", "selinuxLabel"):
        if base.get(key):
            process[key] = base[key]
    if base.get("noNewPrivileges") and not options.privileged:
        process["noNewPrivileges"] = True
    return process


def _capabilities(base: dict[str, Any], uid: int, options: ExecOptions, container: Container) -> dict[str, Any]:
    caps = base.get("capabilities") or {}
    if options.privileged:
        names = sorted(cap for cap in ALL_CAPS if cap in container.runtime.host.bounding)
        return {"bounding": names, "effective": names, "permitted": names}
    if uid != 0:
        result = {"bounding": caps.get("bounding") or []}
        added = caps.get("ambient") or []
        if added:
            result.update(dict.fromkeys(("effective", "permitted", "inheritable", "ambient"), added))
        return result
    bounding = caps.get("bounding") or []
    return {"bounding": bounding, "effective": bounding, "permitted": bounding}


def _root(container: Container) -> str:
    """The container's root as its processes see it."""
    pid = container.pid
    path = f"/proc/{pid}/root"
    try:
        os.stat(path)
    except OSError:
        path = str(container.state.get("mountPoint") or "/")
    return path


def _update(container: Container, session: str, **changes: Any) -> None:
    """Changes a session's record; nothing happens if the container is gone."""
    try:
        with container.runtime.locks.hold(container.lock_number):
            container.state = container.runtime.state.container_state(container.id)
            record = (container.state.get("newExecSessions") or {}).get(session)
            if record is not None:
                record.update(changes)
                container.save()
    except NoSuchContainer:
        return


def _forget(container: Container, session: str, folder: str) -> None:
    """Removes a session's rows and files."""
    from ocikit.common.files import remove_tree

    runtime = container.runtime
    try:
        with runtime.locks.hold(container.lock_number):
            container.state = runtime.state.container_state(container.id)
            sessions = container.state.get("newExecSessions") or {}
            if sessions.pop(session, None) is not None:
                if not sessions:
                    container.state.pop("newExecSessions", None)
                container.save()
            runtime.state.remove_exec_session(session)
    except NoSuchContainer:
        pass
    try:
        remove_tree(folder)
    except OSError:
        pass


def kill_session(container: Container, session: str) -> None:
    """Ends a session's process and what it has started in its process group; whoever is attached sees the end."""
    try:
        with open(f"{container.bundle}/{session}/exec_pid", encoding="ascii") as file:
            pid = int(file.read())
        if os.getpgid(pid) == pid:
            os.killpg(pid, 9)
        else:
            os.kill(pid, 9)
    except (OSError, ValueError):
        return


def cleanup_session(container: Container, session: str) -> None:
    """``container cleanup --exec``: what the monitor of a detached session asks for at its end."""
    folder = f"{container.bundle}/{session}"
    code = -1
    try:
        with open(f"{folder}/exit/{container.id}", encoding="utf-8") as file:
            code = int(file.read())
    except (OSError, ValueError):
        pass
    if session in (container.state.get("newExecSessions") or {}):
        container.event("exec_died", ContainerExitCode=code)
    _forget(container, session, folder)


def run_captured(container: Container, options: ExecOptions, session: str = "") -> tuple[int, bytes, bytes]:
    """(exit code, stdout, stderr) of a new session, or of one that ``create`` has made."""
    out = os.memfd_create("stdout", os.MFD_CLOEXEC)
    err = os.memfd_create("stderr", os.MFD_CLOEXEC)
    try:
        code = start(container, session or create(container, options), options, attach.Streams(-1, out, err))
        return code, os.pread(out, os.fstat(out).st_size, 0), os.pread(err, os.fstat(err).st_size, 0)
    finally:
        os.close(out)
        os.close(err)
