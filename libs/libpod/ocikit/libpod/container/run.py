"""Foreground runs and attaching: streams, detach keys, signals, exit codes, and taking the container down afterwards."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError
from ocikit.libpod.container import start as starting
from ocikit.libpod.container.record import CREATED, PAUSED, RUNNING, Container
from ocikit.libpod.errors import NoSuchContainer, StateImproper

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocikit.libpod import attach

DETACHED = -2


class AttachOptions:
    """``stdin``, ``stdout``, ``stderr`` are descriptors or -1; ``detach_keys`` as typed ("" = none, None = the default)."""

    def __init__(
        self,
        *,
        stdin: int = -1,
        stdout: int = 1,
        stderr: int = 2,
        detach_keys: str | None = None,
        sig_proxy: bool = True,
    ) -> None:
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.detach_keys = detach_keys
        self.sig_proxy = sig_proxy

    def streams(self) -> attach.Streams:
        """For the attach client."""
        from ocikit.libpod import attach

        return attach.Streams(self.stdin, self.stdout, self.stderr)


def _keys(container: Container, options: AttachOptions) -> bytes:
    from ocikit.libpod import attach

    text = options.detach_keys
    if text is None:
        configured = container.runtime.conf.engine.get("detach_keys")
        text = "ctrl-p,ctrl-q" if configured is None else configured
    return attach.parse_detach_keys(text)


def _copy(container: Container, options: AttachOptions, before_start: Callable[[], None] | None) -> str:
    """Connects and copies until the end ("eof") or the detach keys ("detached")."""
    from ocikit.libpod import attach

    keys = _keys(container, options)
    sock = attach.connect(f"{container.bundle}/attach")
    forward = None
    if options.sig_proxy and not container.terminal:

        def forward(number: int) -> None:
            try:
                starting.signal(container, number)
            except OcikitError as error:
                from ocikit.common.log import debug

                debug("forwarding signal %s: %s", number, error)

    return attach.copy(
        sock,
        options.streams(),
        terminal=container.terminal and options.stdin >= 0,
        detach_keys=keys,
        ctl=f"{container.bundle}/ctl",
        forward=forward,
        before_start=before_start,
    )


def run_foreground(container: Container, options: AttachOptions) -> int:
    """Starts with the streams attached and waits: the container's exit code; ``DETACHED`` after the detach keys.

    The clean-up happens here, and our monitor then starts no exit command (another one's finds nothing to do).
    """
    starting.start_dependencies(container)
    passthrough = container.config.get("logDriver") in ("passthrough", "passthrough-tty")
    locks = container.runtime.locks
    container.reload()
    locks.acquire(container.lock_number)
    held = True

    def release() -> None:
        nonlocal held
        if held:
            held = False
            locks.release(container.lock_number)

    try:
        container.sync()
        launch = starting.begin(container, attended=True)

        def go() -> None:
            launch.start()
            release()

        if passthrough:
            go()
            end = "eof"
        else:
            container.event("attach")
            end = _copy(container, options, go)
    finally:
        release()
    if end == "detached":
        launch.close()
        return DETACHED
    if launch.monitor is not None:
        launch.monitor.wait_end()
    try:
        return finish(container, launch)
    finally:
        launch.close()


def finish(container: Container, launch: starting.Launch | None = None) -> int:
    """After the end: records it, cleans up, removes a ``--rm`` container. The exit code.

    The monitor of ``launch`` is told that its exit command is not needed, as soon as that is true.
    """
    from ocikit.libpod.container.cleanup import cleanup, drop_image, remove_locked, should_restart
    from ocikit.libpod.container.stop import await_monitor

    runtime = container.runtime
    try:
        with container.locked():
            if container.number in (RUNNING, PAUSED):
                await_monitor(container)
            code = container.exit_code
            if should_restart(container):
                return code  # the exit command restarts it: there is a policy, and this client is done
            deletion = None
            if container.number not in (CREATED,):
                deletion = cleanup(container, wait=False)
            if container.auto_remove:
                remove_locked(container, volumes=True, clean=True)
            if launch is not None and launch.monitor is not None:
                launch.monitor.cleaned_up()
            if deletion is not None:
                deletion(container)
        if container.annotations.get("io.podman.annotations.autoremove-image") == "TRUE":
            drop_image(runtime, container)
        return code
    except NoSuchContainer:
        found = runtime.state.exit_code(container.id)
        return 255 if found is None else found


def exit_status(code: int) -> int:
    """What the shell sees: -1 (timeout, lost monitor) is 255."""
    return code & 0xFF


def attach_to(container: Container, options: AttachOptions) -> int:
    """``podman attach``: streams of a running container; 0 (``DETACHED`` after the detach keys)."""
    with container.locked():
        if container.number not in (RUNNING, CREATED):
            raise StateImproper(f"attaching to container {container.id}: you can only attach to running containers")
        if container.config.get("logDriver") in ("passthrough", "passthrough-tty"):
            raise OcikitError(f"this container is using the 'passthrough' log driver, cannot attach: {container.id}")
        container.event("attach")
    end = _copy(container, options, None)
    return DETACHED if end == "detached" else 0


def run_captured(container: Container, stdin: bytes | None = None) -> tuple[int, bytes, bytes]:
    """A foreground run whose streams are memory files: (exit code, stdout, stderr)."""
    out = os.memfd_create("stdout", os.MFD_CLOEXEC)
    err = os.memfd_create("stderr", os.MFD_CLOEXEC)
    source = -1
    try:
        if stdin is not None:
            source = os.memfd_create("stdin", os.MFD_CLOEXEC)
            os.write(source, stdin)
            os.lseek(source, 0, os.SEEK_SET)
        code = run_foreground(container, AttachOptions(stdin=source, stdout=out, stderr=err, sig_proxy=False))
        return code, _content(out), _content(err)
    finally:
        for fd in (out, err, source):
            if fd >= 0:
                os.close(fd)


def _content(fd: int) -> bytes:
    return os.pread(fd, os.fstat(fd).st_size, 0)
