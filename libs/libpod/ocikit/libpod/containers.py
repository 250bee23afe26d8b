"""Containers of a runtime: finding, making, running.

container = runtime.containers.create(image="alpine", command=["sleep", "60"], name="c1")
container.start(); container.stop(); container.remove()
result = runtime.containers.run(image="alpine", command=["echo", "hi"])      # result.stdout == b"hi\\n"
"""

from __future__ import annotations

from ocikit.libpod.container.record import Container, settle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.runtime import Runtime


class Handle(Container):
    """A container with its verbs; what ``Containers`` hands out."""

    __slots__ = ()

    def init(self) -> None:
        """Creates it in the runtime without starting its process."""
        from ocikit.libpod.container.start import init

        init(self)

    def start(self, *, dependencies: bool = True) -> None:
        """Starts it in the background."""
        from ocikit.libpod.container.start import start

        start(self, dependencies=dependencies)

    def stop(self, timeout_s: int | None = None) -> None:
        """Stop signal, SIGKILL after ``timeout_s`` (None: as configured), clean-up."""
        from ocikit.libpod.container.stop import stop

        stop(self, timeout_s)

    def kill(self, signal: int = 9) -> None:
        """Sends a signal."""
        from ocikit.libpod.container.stop import kill

        kill(self, signal)

    def restart(self, timeout_s: int | None = None) -> None:
        """Stop (if it runs) and start."""
        from ocikit.libpod.container.restart import restart

        restart(self, timeout_s)

    def pause(self) -> None:
        """Freezes it."""
        from ocikit.libpod.container.stop import pause

        pause(self)

    def unpause(self) -> None:
        """Thaws it."""
        from ocikit.libpod.container.stop import unpause

        unpause(self)

    def wait(self, conditions: Sequence[str] = (), interval_s: float = 0.25) -> int:
        """Waits for a state; the exit code."""
        from ocikit.libpod.container.stop import wait

        return wait(self, conditions, interval_s)

    def remove(
        self, *, force: bool = False, volumes: bool = False, timeout_s: int | None = None, depend: bool = False
    ) -> None:
        """Removes it; ``force`` stops it first, ``volumes`` takes its anonymous volumes along."""
        from ocikit.libpod.container.cleanup import remove

        remove(self, force=force, volumes=volumes, timeout_s=timeout_s, depend=depend)

    def logs(self, *, follow: bool = False, tail: int | None = None) -> Iterator[tuple[str, str]]:
        """(stream, text) pairs of what it wrote; with ``follow`` until it ends."""
        from ocikit.libpod.container.logread import lines

        for line in lines(self, follow=follow, tail=-1 if tail is None else tail):
            yield line.stream, line.text

    def exec(self, command: Sequence[str], **options: Any) -> Result:
        """Runs one more process in it and returns what it wrote; see ``container.execs.ExecOptions``."""
        from ocikit.libpod.container.execs import ExecOptions, run_captured

        code, out, err = run_captured(self, ExecOptions(command=command, **options))
        return Result(code, out, err, self)


class Result:
    """What ``run`` and ``exec`` return: ``exit_code``, ``stdout`` and ``stderr`` as bytes, ``container``."""

    __slots__ = ("container", "exit_code", "stderr", "stdout")

    def __init__(self, exit_code: int, stdout: bytes, stderr: bytes, container: Container) -> None:
        self.exit_code = exit_code
        self.stdout = stdout
        self.stderr = stderr
        self.container = container


class Containers:
    """See the module's text."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def get(self, name: str) -> Handle:
        """By name, id or the beginning of an id. Raises NoSuchContainer, or Ambiguous."""
        return self.by_id(self._runtime.state.find_container(name))

    def by_id(self, id: str) -> Handle:
        """By full id."""
        return Handle(self._runtime, *self._runtime.state.container(id))

    def exists(self, name: str) -> bool:
        """Whether ``get`` would find it."""
        from ocikit.libpod.errors import NoSuchContainer

        try:
            self._runtime.state.find_container(name)
        except NoSuchContainer:
            return False
        return True

    def list(self, *, all: bool = True) -> list[Handle]:
        """All, or those that run; oldest first. Their ``config`` comes without ``spec``; states are made true."""
        runtime = self._runtime
        result = []
        for config, state in runtime.state.containers():
            container = Handle(runtime, config, state)
            self.freshen(container)
            if all or container.status in ("running", "paused", "stopping", "initialized"):
                result.append(container)
        result.sort(key=lambda container: str(container.config.get("createdTime", "")))
        return result

    def freshen(self, container: Container) -> None:
        """Makes a listed record true without taking locks that need not be taken."""
        from ocikit.libpod.container.record import _LIVE, CREATED, STOPPED, read_exit, runs_own_program, vanished
        from ocikit.libpod.errors import NoSuchContainer

        number = container.number
        if number not in _LIVE or number == STOPPED:
            return
        unseen = number == CREATED and container.pid and runs_own_program(container.pid)
        if not unseen and read_exit(container) is None and not vanished(container.state):
            return
        locks = self._runtime.locks
        with locks.hold(container.lock_number):
            try:
                container.state = self._runtime.state.container_state(container.id)
                settle(container)
            except NoSuchContainer:
                return

    def latest(self) -> Handle:
        """The one that was made last. Raises NoSuchContainer if there is none."""
        from ocikit.libpod.errors import NoSuchContainer

        rows = self._runtime.state.containers()
        if not rows:
            raise NoSuchContainer("latest")
        newest = max(rows, key=lambda row: str(row[0].get("createdTime", "")))
        return self.by_id(newest[0]["id"])

    def create(
        self, options: CreateOptions | None = None, *, warn: Callable[[str], None] | None = None, **fields: Any
    ) -> Handle:
        """A new container from options, or from their fields as keywords."""
        from ocikit.libpod.container.create import create
        from ocikit.libpod.container.options import CreateOptions

        # A machine without a runtime is told so before anything is made.
        _ = self._runtime.oci
        made = create(self._runtime, options or CreateOptions(**fields), warn)
        return Handle(self._runtime, made.config, made.state)

    def run(self, options: CreateOptions | None = None, *, stdin: bytes | None = None, **fields: Any) -> Result:
        """Creates, starts, waits; what it wrote and its exit code. With ``rm=True`` nothing is left of it."""
        from ocikit.libpod.container.options import CreateOptions
        from ocikit.libpod.container.run import run_captured

        options = options or CreateOptions(**{**fields, **({"interactive": True} if stdin is not None else {})})
        container = self.create(options)
        code, out, err = run_captured(container, stdin)
        return Result(code, out, err, container)
