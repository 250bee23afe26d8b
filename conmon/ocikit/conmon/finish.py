"""What happens once, after the container's end: its status in files, and the exit command."""

from __future__ import annotations

import posix
import select
import time

from ocikit.conmon import runtime
from ocikit.conmon.diag import reason, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.conmon.options import Options

HANDOVER_MS = 20_000


def write_atomically(path: str, content: bytes) -> None:
    """Whoever sees the file sees all of it."""
    temporary = f"{path}.{posix.urandom(4).hex()}"
    fd = posix.open(temporary, posix.O_WRONLY | posix.O_CREAT | posix.O_EXCL | posix.O_CLOEXEC, 0o644)
    try:
        posix.fchmod(fd, 0o644)
        posix.write(fd, content)
    finally:
        posix.close(fd)
    posix.rename(temporary, path)


def write_exit_files(options: Options, status: int) -> None:
    """``<persist dir>/exit`` first, then ``<exit dir>/<cid>``: the second one is what engines wait for."""
    places = []
    if options.persist_dir:
        places.append(f"{options.persist_dir}/exit")
    if options.exit_dir:
        places.append(f"{options.exit_dir}/{options.cid}")
    for path in places:
        try:
            write_atomically(path, b"%d" % status)
        except OSError as error:
            warn(f"Failed to write {status} to exit file {path}: {reason(error)}")


def close_descriptors(keep: tuple[int, ...] = ()) -> None:
    """Every descriptor from 3 on."""
    for name in posix.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in keep:
            try:
                posix.close(fd)
            except OSError:
                continue  # the one that listed the folder


def start_command(words: list[str], oom_score: bytes | None, delay_s: int = 0) -> int:
    """Fork and exec a program that works on the container from outside; its pid, -1 (with a warning) on failure."""
    try:
        child = posix.fork()
    except OSError as error:
        warn(f"Failed to fork {words[0]} {reason(error)}")
        return -1
    if child == 0:
        try:
            runtime.as_before_python()
            if delay_s:
                time.sleep(delay_s)
            runtime.restore_oom_score(oom_score)
            posix.execv(words[0], words)
        finally:
            posix._exit(127)
    return child


def health_interval(options: Options) -> int:
    """Seconds between two health checks, 0 for none. The engine changes it through a file in the bundle: start-up checks
    come in an interval of their own."""
    try:
        with open(f"{options.bundle}/health-interval", "rb") as file:
            return int(file.read())
    except (OSError, ValueError):
        return options.health_interval


def engine_cleans_up(handover: int) -> bool:
    """Does the engine in the foreground say that it has cleaned up itself? Then the exit command has nothing to do.

    ``handover`` is the descriptor of ``_OCIKIT_HANDOVERPIPE``: one byte is a yes; its end (the engine went away, was killed or
    never meant to clean up) and too long a silence are a no. It saves a ``run`` the start of a second engine.
    """
    if handover < 0:
        return False
    poll = select.poll()
    poll.register(handover, select.POLLIN)
    try:
        return bool(poll.poll(HANDOVER_MS)) and bool(posix.read(handover, 1))
    except OSError:
        return False


def run_exit_command(options: Options, oom_score: bytes | None) -> int:
    """Run ``--exit-command`` and wait for every child; its status, 0 where there is none."""
    assert options.exit_command is not None
    child = start_command([options.exit_command, *options.exit_command_arg], oom_score, options.exit_delay)
    if child < 0:
        return 1
    result = 0
    while True:
        try:
            pid, status = posix.waitpid(-1, 0)
        except ChildProcessError:
            return result
        if pid == child:
            result = exit_code(status)


def exit_code(status: int) -> int:
    """A wait status as a shell would say it: the code, or 128 + signal."""
    if posix.WIFEXITED(status):
        return posix.WEXITSTATUS(status)
    return 128 + posix.WTERMSIG(status)
