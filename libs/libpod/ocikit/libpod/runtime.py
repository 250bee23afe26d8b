"""The face of the library: one runtime = one graph root, one run root, one state.

    from ocikit.libpod import Runtime

    with Runtime.open() as runtime:
        container = runtime.containers.run(image="alpine", command=["echo", "hello"], rm=True)

Opening reads two small files; the store, the database, the networks are opened when they are first used.
"""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.paths import Paths

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType
    from typing import Any, Self

    from ocikit.libpod.containers import Containers
    from ocikit.libpod.events import EventLog
    from ocikit.libpod.locks import Locks
    from ocikit.libpod.oci import OciRuntime
    from ocikit.libpod.spec.host import Host
    from ocikit.libpod.spec.settings import Settings
    from ocikit.libpod.state import State
    from ocikit.libpod.volumes import Volumes
    from ocikit.network import Networks
    from ocikit.storage import Store
    from ocikit.storage.config import Settings as StorageSettings


class RuntimeOptions:
    """What podman's global flags can set; ``None`` or empty means containers.conf, storage.conf, built-in default."""

    root: str | None = None
    runroot: str | None = None
    tmpdir: str | None = None
    storage_driver: str | None = None
    storage_opts: Sequence[str] | None = None
    imagestore: str | None = None
    runtime: str = ""
    runtime_flags: Sequence[str] = ()
    conmon: str = ""
    cgroup_manager: str = ""
    events_backend: str = ""
    network_config_dir: str = ""
    volumepath: str = ""
    hooks_dir: Sequence[str] = ()
    cdi_spec_dir: Sequence[str] = ()
    network_cmd_path: str = ""
    log_level: str = "warning"
    syslog: bool = False
    transient_store: bool = False

    def __init__(self, **fields: Any) -> None:
        for name, value in fields.items():
            if name.startswith("_") or not hasattr(type(self), name):
                raise TypeError(f"RuntimeOptions has no field {name!r}")
            setattr(self, name, value)


class Runtime:
    """See the module's text. Use ``Runtime.open``; close it, or use it as a context manager."""

    def __init__(self, options: RuntimeOptions, storage: StorageSettings, conf: Any) -> None:
        self.options = options
        self._storage = storage
        self.conf = conf
        self.rootless = os.getuid() != 0 or _in_rootless_userns()
        engine = conf.engine
        tmpdir = options.tmpdir or engine.get("tmp_dir") or default_tmpdir(self.rootless)
        volumes = options.volumepath or engine.get("volume_path") or ""
        self.paths = Paths(storage.graphroot, storage.runroot, tmpdir, storage.driver, volumes)
        self.cgroup_manager: str = options.cgroup_manager or engine.get("cgroup_manager") or default_cgroup_manager()
        if self.cgroup_manager not in ("cgroupfs", "systemd"):
            raise OcikitError(f"unsupported cgroup manager {self.cgroup_manager}: it must be cgroupfs or systemd")
        self._parts: dict[str, Any] = {}

    @classmethod
    def open(cls, options: RuntimeOptions | None = None, **fields: Any) -> Runtime:
        """A runtime for the options (or their fields as keywords). After a reboot this is where states are refreshed."""
        from ocikit.common.config import load_containers_conf
        from ocikit.storage.config import StoreOptions, settle

        options = options or RuntimeOptions(**fields)
        storage = settle(
            StoreOptions(
                graphroot=options.root or None,
                runroot=options.runroot or None,
                driver=options.storage_driver or None,
                options=list(options.storage_opts) if options.storage_opts else None,
                imagestore=options.imagestore or None,
                transient=options.transient_store or None,
            )
        )
        runtime = cls(options, storage, load_containers_conf())
        from ocikit.libpod.boot import check_boot

        check_boot(runtime)
        return runtime

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Closes the database and the store."""
        for name in ("state", "store"):
            part = self._parts.pop(name, None)
            if part is not None:
                part.close()

    # Each part is made at its first use: most commands need few of them.

    @property
    def state(self) -> State:
        """The database."""
        part: State | None = self._parts.get("state")
        if part is None:
            from ocikit.libpod.state import State

            part = self._parts["state"] = State(f"{self.paths.graphroot}/db.sql", self.paths.database())
        return part

    @property
    def store(self) -> Store:
        """Images, layers, containers' file systems."""
        part: Store | None = self._parts.get("store")
        if part is None:
            from ocikit.storage.store import Store

            part = self._parts["store"] = Store(self._storage)
        return part

    @property
    def locks(self) -> Locks:
        """Locks of containers, pods and volumes."""
        part: Locks | None = self._parts.get("locks")
        if part is None:
            from ocikit.libpod import locks

            if self.conf.engine.get("lock_type") == "file":
                part = locks.FileLocks(f"{self.paths.tmpdir}/locks")
            else:
                name = f"libpod_rootless_lock_{rootless_uid()}" if self.rootless else "libpod_lock"
                part = locks.ShmLocks(name, int(self.conf.engine.get("num_locks") or 2048))
            self._parts["locks"] = part
        return part

    @property
    def events(self) -> EventLog:
        """The journal of events."""
        part: EventLog | None = self._parts.get("events")
        if part is None:
            from ocikit.libpod.events import EventLog

            engine = self.conf.engine
            backend = self.options.events_backend or engine.get("events_logger") or "file"
            path = engine.get("events_logfile_path") or f"{self.paths.tmpdir}/events/events.log"
            part = self._parts["events"] = EventLog(path, enabled=backend != "none")
        return part

    @property
    def containers(self) -> Containers:
        """Making and finding containers."""
        part: Containers | None = self._parts.get("containers")
        if part is None:
            from ocikit.libpod.containers import Containers

            part = self._parts["containers"] = Containers(self)
        return part

    @property
    def volumes(self) -> Volumes:
        """Making and finding volumes."""
        part: Volumes | None = self._parts.get("volumes")
        if part is None:
            from ocikit.libpod.volumes import Volumes

            part = self._parts["volumes"] = Volumes(self)
        return part

    @property
    def networks(self) -> Networks:
        """The networks."""
        part: Networks | None = self._parts.get("networks")
        if part is None:
            from ocikit.network import Networks

            part = self._parts["networks"] = Networks.open(
                config_dir=self.options.network_config_dir or None,
                run_dir=None,
                conf=self.conf,
                rootless=self.rootless,
            )
        return part

    @property
    def settings(self) -> Settings:
        """containers.conf's defaults for new containers."""
        part: Settings | None = self._parts.get("settings")
        if part is None:
            from ocikit.libpod.spec.settings import Settings

            part = Settings.from_section(self.conf.containers)
            part.cgroup_manager = self.cgroup_manager
            network = self.conf.network
            part.default_network = network.get("default_network") or part.default_network
            part.rootless_network_cmd = network.get("default_rootless_network_cmd") or part.rootless_network_cmd
            part.image_volume_mode = self.conf.engine.get("image_volume_mode") or part.image_volume_mode
            self._parts["settings"] = part
        return part

    @property
    def host(self) -> Host:
        """Facts of this machine and process."""
        part: Host | None = self._parts.get("host")
        if part is None:
            from ocikit.libpod.spec.host import Host

            part = self._parts["host"] = Host(rootless=self.rootless)
        return part

    @property
    def oci(self) -> OciRuntime:
        """The OCI runtime for new containers."""
        return self.oci_named(self.options.runtime or self.conf.engine.get("runtime") or "")

    def oci_named(self, name: str) -> OciRuntime:
        """The OCI runtime of an existing container, by its recorded name."""
        key = f"oci:{name}"
        part: OciRuntime | None = self._parts.get(key)
        if part is None:
            from ocikit.libpod.oci import OciRuntime, find_runtime

            flags = [flag if flag.startswith("-") else f"--{flag}" for flag in self.options.runtime_flags]
            path = find_runtime(name, self.conf.engine.get("runtimes"))
            part = self._parts[key] = OciRuntime(path, flags)
        return part

    def conmon(self) -> list[str]:
        """The words that start a monitor."""
        from ocikit.libpod.monitor import find_conmon

        return find_conmon(self.options.conmon, self.conf.engine.get("conmon_path") or ())

    def exit_command(self, watched: str = "") -> list[str]:
        """Podman's own command line up to the command, for conmon's ``--exit-command``: same roots, same runtime.

        ``watched``: a file that is gone once a client in the foreground has cleaned up; the command gives it a moment.
        """
        options = self.options
        words = [
            *_self_command(watched),
            "--root", self.paths.graphroot,
            "--runroot", self.paths.runroot,
            "--tmpdir", self.paths.tmpdir,
            "--cgroup-manager", self.cgroup_manager,
            "--log-level", options.log_level,
            "--storage-driver", self.paths.driver,
        ]  # fmt: skip
        for flag, value in (
            ("--network-config-dir", options.network_config_dir),
            ("--volumepath", options.volumepath),
            ("--events-backend", options.events_backend),
            ("--runtime", options.runtime),
            ("--conmon", options.conmon),
            ("--imagestore", options.imagestore or ""),
        ):
            if value:
                words += [flag, value]
        for option in options.storage_opts or ():
            words += ["--storage-opt", option]
        for option in options.runtime_flags:
            words += ["--runtime-flag", option]
        if options.syslog:
            words.append("--syslog")
        return words


def _self_command(watched: str) -> list[str]:
    """How conmon starts us again. Without site and the environment the interpreter is up in half the time, so the
    places where ``ocikit`` lives are handed over instead of being searched.

    With a foreground client at work there is usually nothing left to do: finding that out without loading anything
    leaves the processor to the client."""
    import sys

    import ocikit

    roots: list[str] = []
    for folder in ocikit.__path__:
        root = os.path.dirname(folder)
        if root not in roots:
            roots.append(root)
    code = (
        f"import sys;sys.path[:0]={roots!r};from ocikit.common.quickload import install;install();"
        "from ocikit.podman.main import PROGRAM;PROGRAM.main_and_exit()"
    )
    if watched:
        code = (
            f"import posix as o,time,sys\nfor i in range(40):\n try:o.stat({watched!r})\n except OSError:sys.exit()\n"
            f" time.sleep(.01)\n{code}"
        )
    return [sys.executable, "-I", "-S", "-c", code]


def default_tmpdir(rootless: bool) -> str:
    """``/run/libpod``, or the user's own."""
    if not rootless:
        return "/run/libpod"
    base = os.environ.get("XDG_RUNTIME_DIR") or f"/tmp/storage-run-{rootless_uid()}"
    return f"{base}/libpod/tmp"


def default_cgroup_manager() -> str:
    """systemd where it runs the machine with cgroup v2 (v1: only root), else cgroupfs."""
    if not os.path.isdir("/run/systemd/system"):
        return "cgroupfs"
    return "systemd" if os.path.exists("/sys/fs/cgroup/cgroup.controllers") or os.getuid() == 0 else "cgroupfs"


def _in_rootless_userns() -> bool:
    from ocikit.storage.userns import is_rootless

    return is_rootless()


def rootless_uid() -> int:
    """The uid of the person outside the user namespace."""
    from ocikit.storage.userns import rootless_uid as real

    return real()
