"""Network set-up in a forked child, so that a container's file system can be mounted meanwhile.

A fork costs under a millisecond and shares all loaded modules; the namespaces, links and rules that the child makes
belong to the kernel, so only the result has to come back: one JSON text on a pipe.
"""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError

from .errors import SetupFailed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .records import Json


class SetupJob:
    """A set-up at work. ``join`` must be called once."""

    __slots__ = ("_done", "_fd", "pid")

    def __init__(self, pid: int, fd: int) -> None:
        self.pid = pid
        self._fd = fd
        self._done = False

    def join(self) -> dict[str, Json]:
        """Waits for the child and returns what ``Networks.setup`` would have, or raises what it raised."""
        from ocikit.common.jsonfast import loads

        parts = []
        while part := os.read(self._fd, 65536):
            parts.append(part)
        os.close(self._fd)
        self._done = True
        _, status = os.waitpid(self.pid, 0)
        raw = b"".join(parts)
        if status or not raw:
            raise SetupFailed("the network set-up process died before it was done", hint="remove the container")
        answer = loads(raw)
        if "error" in answer:
            raise _revive(answer["error"])
        result: dict[str, Json] = answer["status"]
        return result


def start(work: Callable[[], dict[str, Json]]) -> SetupJob:
    """Runs ``work`` in a child."""
    # loaded before the fork, so that both sides have them
    from ocikit.common.jsonfast import dumps

    reader, writer = os.pipe2(os.O_CLOEXEC)
    pid = os.fork()
    if pid:
        os.close(writer)
        return SetupJob(pid, reader)
    code = 1
    try:
        os.close(reader)
        try:
            answer: Json = {"status": work()}
        except OcikitError as error:
            answer = {"error": [type(error).__name__, str(error), error.hint, error.exit_code]}
        except OSError as error:
            answer = {"error": ["SetupFailed", f"{error.strerror or error}: {error.filename or 'network'}", "", 126]}
        with open(writer, "wb") as pipe:
            pipe.write(dumps(answer).encode())
        code = 0
    finally:
        os._exit(code)


def _revive(parts: list[str]) -> OcikitError:
    """The error that the child raised, of the same class where it is one of ours."""
    from . import errors

    name, text, hint, exit_code = parts
    kind = getattr(errors, str(name), SetupFailed)
    error: OcikitError = SetupFailed.__new__(SetupFailed)
    if isinstance(kind, type) and issubclass(kind, OcikitError):
        error = kind.__new__(kind)
    OcikitError.__init__(error, text, hint=hint, exit_code=int(exit_code))
    return error
