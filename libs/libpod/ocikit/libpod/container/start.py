"""From configured to running: monitor, runtime create, runtime start (libpod.md section 3, "init" and "start").

launch = Launch(container)      # with the lock held: spawns the monitor, begins the network
launch.init()                   # state created
launch.start()                  # state running
"""

from __future__ import annotations

import os

from ocikit.common.errors import CannotExecute, OcikitError
from ocikit.libpod import monitor, times
from ocikit.libpod.container import network, prepare
from ocikit.libpod.container.record import CONFIGURED, CREATED, EXITED, PAUSED, RUNNING, STOPPED, STOPPING, Container
from ocikit.libpod.errors import StateImproper
from ocikit.libpod.oci import OciRuntime, ProcessGone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any


def monitor_options(container: Container, *, restore: str = "", attended: bool = False) -> monitor.MonitorOptions:
    """What the container's monitor is told (conmon.md section 14)."""
    runtime, config = container.runtime, container.config
    paths = runtime.paths
    driver = config.get("logDriver") or "k8s-file"
    if driver in ("k8s-file", "json-file"):
        logs = [f"k8s-file:{config['logPath']}"]
    elif driver in ("passthrough", "passthrough-tty"):
        logs = ["passthrough"]
    else:
        logs = [driver]
    conmon = runtime.conmon()
    # Our own monitor is told when the client has cleaned up; with another one the exit command has to look itself.
    watched = f"{container.bundle}/config.json" if attended and not monitor.keeps_time(conmon) else ""
    command = [*runtime.exit_command(watched), "container", "cleanup", "--stopped-only"]
    annotations = container.annotations
    if annotations.get("io.podman.annotations.autoremove") == "TRUE":
        command.append("--rm")
    if annotations.get("io.podman.annotations.autoremove-image") == "TRUE":
        command.append("--rmi")
    health_interval_s = 0
    if config.get("healthcheck"):
        from ocikit.libpod.container.healthlog import interval_s

        health_interval_s = interval_s(container)
    terminal = container.terminal
    env: dict[str, str | None] = {}
    return monitor.MonitorOptions(
        runtime=_oci(container),
        conmon=conmon,
        cid=container.id,
        bundle=container.bundle,
        pidfile=config.get("pid_file") or f"{container.run_dir}/pidfile",
        name=container.name,
        conmon_pidfile=config["conmonPidFile"],
        exit_dir=paths.exits,
        persist_dir=f"{paths.persist}/{container.id}",
        log=logs,
        log_level=runtime.options.log_level,
        log_size_max=int(config.get("logSize") or -1),
        log_tag=_log_tag(container) if driver == "journald" else "",
        log_labels=[f"{k}={v}" for k, v in (config.get("logLabels") or {}).items()] if driver == "journald" else (),
        syslog=runtime.options.syslog,
        oci_log=f"{container.run_dir}/oci-log",
        terminal=terminal,
        stdin=bool(config.get("stdin")) and not terminal,
        timeout_s=int(config.get("timeout") or 0),
        exit_command=[*command, container.id],
        systemd_cgroup=config.get("cgroupManager") == "systemd" and not config.get("noCgroups"),
        sdnotify_socket=_notify_socket(container),
        preserve_fds=int(config.get("preserveFds") or 0),
        restore=restore,
        health_command=[*runtime.exit_command(), "healthcheck", "run", container.id] if health_interval_s else (),
        health_interval_s=health_interval_s,
        env=env,
    )


def _oci(container: Container) -> OciRuntime:
    """The runtime for create; one that can do without control groups is told to where the container has none."""
    oci = container.runtime.oci_named(container.config.get("runtime", ""))
    if container.config.get("noCgroups"):
        return OciRuntime(oci.path, [*oci.global_args, "--cgroup-manager", "disabled"])
    return oci


def _log_tag(container: Container) -> str:
    tag = str(container.config.get("logTag") or "")
    if "{{" not in tag:
        return tag
    from ocikit.common.gotemplate import render
    from ocikit.libpod.inspect import inspect_container

    return render(tag, inspect_container(container))


def _notify_socket(container: Container) -> str:
    if container.config.get("sdnotifyMode") in ("ignore", "conmon"):
        return ""
    return os.environ.get("NOTIFY_SOCKET", "") if container.config.get("sdnotifyMode") == "container" else ""


class Launch:
    """One start of one container. The container's lock is held by the caller until ``start`` has returned."""

    def __init__(self, container: Container, *, attended: bool = False) -> None:
        self.container = container
        self.attended = attended  # a client in the foreground will clean up
        self.setup: network.Setup | None = None
        self.starting: monitor.Starting | None = None
        self.monitor: monitor.Monitor | None = None
        self._moved: Any = None  # a lock, free once the monitor is in its control group

    def init(self) -> None:
        """Prepares and creates in the runtime. Whatever fails undoes what was made."""
        container = self.container
        state = container.state
        state.update(exitCode=0, exited=False, error="", oomKilled=False)
        for key in (
            "restartPolicyMatch",
            "stoppedByUser",
            "startupHCPassed",
            "startupHCSuccessCount",
            "startupHCFailureCount",
        ):
            state.pop(key, None)
        try:
            self._prepare()
            self._create()
        except BaseException:
            self._undo()
            raise
        if not state.get("restarting"):
            state["restartCount"] = 0
        state.pop("restarting", None)
        container.save()
        if container.config.get("healthcheck"):
            from ocikit.libpod.container.healthlog import set_status

            set_status(container, "starting")
        container.event("init")

    def _prepare(self) -> None:
        container = self.container
        prepare.directories(container)
        if os.path.exists(f"{container.bundle}/config.json"):
            # Somebody was killed half-way through an earlier start.
            from ocikit.libpod.container.dismantle import dismantle

            dismantle(container)
        remove_stale(container)
        if network.in_background(container):
            # The monitor's interpreter starts and the network is made while this process mounts and writes.
            self.starting = monitor.spawn(monitor_options(container, attended=self.attended))
            self.setup = network.begin(container)
        else:
            self.setup = network.begin(container)
            options = monitor_options(container, attended=self.attended)
            if self.setup is not None:
                options.keep_fds = self.setup.keep_fds
            self.starting = monitor.spawn(options)
            if self.setup is not None:
                self.setup.close()
        if self.setup is None:
            self._move_ahead()
        prepare.mount(container)
        container.save()  # whoever comes after a crash knows of the mounts and the network namespace
        prepare.write_config(container, self.setup)

    def _move_ahead(self) -> None:
        """Moves the monitor to its control group beside the rest: the kernel lets one wait 10 ms for that. Only where nothing
        forks this process meanwhile (the network does)."""
        cgroup = conmon_cgroup(self.container)
        if not cgroup or self.starting is None:
            return
        import _thread

        from ocikit.libpod import conmon_cgroup as mover

        moved, pid = _thread.allocate_lock(), self.starting.pid
        moved.acquire()

        def move() -> None:
            try:
                mover.move(pid, cgroup)
            finally:
                moved.release()

        _thread.start_new_thread(move, ())
        self._moved = moved

    def _create(self) -> None:
        container, starting = self.container, self.starting
        assert starting is not None
        cgroup = conmon_cgroup(container)
        if self._moved is not None:
            self._moved.acquire()
        elif cgroup:
            starting.move_to_cgroup(cgroup)
        starting.release()
        self.starting = None  # from here on the monitor cleans up after itself
        if self.attended:
            _load_the_rest()  # the runtime needs some 50 ms: time to load what comes after
        pid = starting.read_pid()
        starting.start_pipe.close()
        self.monitor = monitor.Monitor(
            pid, _number(container.config["conmonPidFile"]), starting.sync, starting.handover
        )
        state = container.state
        state.update(pid=pid, conmonPid=self.monitor.conmon_pid, state=CREATED)
        if network.after_create(container):
            network.complete(container, pid)

    def start(self) -> None:
        """``runc start``; state running. A failure cleans the container up."""
        container = self.container
        runtime = container.runtime
        try:
            runtime.oci_named(container.config.get("runtime", "")).start(container.id)
        except BaseException as error:
            self._failed(error)
            raise
        container.state.update(state=RUNNING, startedTime=times.now())
        container.save()
        _notify_ready(container)
        container.event("start")

    def _failed(self, error: BaseException) -> None:
        from ocikit.libpod.container.cleanup import cleanup

        container = self.container
        container.state["state"] = STOPPED
        container.state["error"] = str(error)
        container.state["exitCode"] = getattr(error, "exit_code", 126)
        container.state["exited"] = True
        try:
            cleanup(container, event=False)
        except OcikitError:
            pass

    def _undo(self) -> None:
        container = self.container
        if self.starting is not None:
            self.starting.abort()
        if self.setup is not None:
            try:
                self.setup.join()
            except OcikitError:
                pass
        steps = [network.end, prepare.unmount]
        if self.monitor is not None:
            from ocikit.libpod.container.dismantle import dismantle

            steps.insert(0, dismantle)
        for step in steps:
            try:
                step(container)
            except (OcikitError, OSError):
                continue
        state = container.state
        started = not times.is_zero(state.get("startedTime", ""))
        state["state"] = EXITED if started else CONFIGURED
        state["pid"] = state["conmonPid"] = 0
        try:
            container.save()
        except OcikitError:
            pass

    def close(self) -> None:
        """Lets go of the monitor's pipe; the container goes on."""
        if self.monitor is not None:
            self.monitor.close()
            self.monitor = None


def _load_the_rest() -> None:
    from ocikit.libpod import attach
    from ocikit.libpod.container import cleanup, stop

    del attach, cleanup, stop


def _notify_ready(container: Container) -> None:
    address = os.environ.get("NOTIFY_SOCKET")
    mode = container.config.get("sdnotifyMode")
    if not address or mode == "ignore":
        return
    import _socket

    text = f"MAINPID={container.state.get('conmonPid', 0)}"
    if mode == "conmon":
        text += "\nREADY=1"
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC)
    try:
        sock.sendto(text.encode(), "\0" + address[1:] if address.startswith("@") else address)
    except OSError:
        pass
    finally:
        sock.close()


def remove_stale(container: Container) -> None:
    """Deletes what an earlier life's monitor left (libpod.md section 3, "init")."""
    paths = container.runtime.paths
    for path in (
        paths.exit_file(container.id),
        f"{paths.persist}/{container.id}/exit",
        f"{paths.persist}/{container.id}/oom",
        f"{container.bundle}/attach",
        f"{container.bundle}/ctl",
        f"{container.bundle}/winsz",
        f"{container.bundle}/oom",
        f"{container.bundle}/health-interval",
        f"{container.run_dir}/oci-log",
    ):
        try:
            os.unlink(path)
        except FileNotFoundError:
            continue
    os.makedirs(f"{paths.persist}/{container.id}", mode=0o700, exist_ok=True)


def conmon_cgroup(container: Container) -> str:
    """Where the monitor goes; "" where it stays (rootless without a manager, ``--cgroups=disabled|no-conmon``)."""
    config = container.config
    if config.get("cgroupsMode") in ("disabled", "no-conmon", "split") or container.runtime.rootless:
        return ""
    if config.get("cgroupManager") != "cgroupfs":
        return ""
    return f"{config['cgroupParent']}/conmon"


def _number(path: str) -> int:
    try:
        with open(path, "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return 0


def check_dependencies(container: Container) -> None:
    """Raises OcikitError naming the dependencies that do not run."""
    missing = []
    for other in dependency_ids(container):
        record = container.runtime.containers.by_id(other)
        if record.status != "running":
            missing.append(other)
    if missing:
        raise StateImproper(f"some dependencies of container {container.id} are not started: {', '.join(missing)}")


def dependency_ids(container: Container) -> Sequence[str]:
    """What the container needs running."""
    from ocikit.libpod.state import dependencies

    return dependencies(container.config)


def start_dependencies(container: Container) -> None:
    """Starts what the container needs, first things first."""
    for other in dependency_ids(container):
        record = container.runtime.containers.by_id(other)
        if record.status != "running":
            start_dependencies(record)
            start(record)


def init(container: Container) -> None:
    """``podman init``: up to state initialized."""
    with container.locked():
        if container.number not in (CONFIGURED, STOPPED, EXITED):
            raise StateImproper(f"container {container.id} has already been created in runtime")
        check_dependencies(container)
        launch = prepare_launch(container)
        launch.init()
        launch.close()


def prepare_launch(container: Container, *, attended: bool = False) -> Launch:
    """A launch of a container in whatever state allows one; a stopped one is taken out of the runtime first."""
    if container.number == STOPPED:
        from ocikit.libpod.container.cleanup import cleanup

        cleanup(container, event=False)
    return Launch(container, attended=attended)


def start(container: Container, *, dependencies: bool = False) -> None:
    """``podman start``, detached. Running already: nothing happens."""
    if dependencies:
        start_dependencies(container)
    with container.locked():
        if container.number in (RUNNING,):
            return
        launch = begin(container)
        launch.start()
        launch.close()


def begin(container: Container, *, attended: bool = False) -> Launch:
    """With the lock held: a launch that is initialized, whatever came before. Raises StateImproper."""
    number = container.number
    if number in (PAUSED, STOPPING):
        raise StateImproper(f"container {container.id} must be in Created or Stopped state to be started")
    if number not in (CONFIGURED, CREATED, STOPPED, EXITED):
        raise StateImproper(f"container {container.id} must be in Created or Stopped state to be started")
    check_dependencies(container)
    if number == CREATED:
        return Launch(container)
    launch = prepare_launch(container, attended=attended)
    launch.init()
    return launch


def signal(container: Container, number: int) -> None:
    """Sends a signal to a running container's first process; gone already is fine."""
    oci = container.runtime.oci_named(container.config.get("runtime", ""))
    try:
        oci.kill(container.id, number)
    except (ProcessGone, CannotExecute):
        pass


def describe(container: Container) -> dict[str, Any]:
    """For messages: id, name and status."""
    return {"id": container.id, "name": container.name, "status": container.status}
