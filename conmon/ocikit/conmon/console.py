"""The terminal: a socket on which the runtime hands over the master of the container's pty."""

from __future__ import annotations

import _socket
import fcntl  # here, not when the terminal comes: an exec'd process may ask for its size a millisecond later
import posix
import sys
import termios

from ocikit.conmon.diag import Fatal, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocikit.conmon.loop import Loop


class Console:
    """Listens at ``path`` until the runtime has sent one descriptor; then calls ``on_terminal(fd)``, which sets its size first of all."""

    __slots__ = ("_folder", "_listener", "_loop", "_on_terminal", "path")

    def __init__(self, loop: Loop, on_terminal: Callable[[int], None]) -> None:
        self._loop = loop
        self._on_terminal = on_terminal
        base = posix.environ.get(b"TMPDIR", b"/tmp").decode("utf-8", "surrogateescape")
        # a folder of our own keeps the time between bind and chmod out of other users' reach
        self._folder = f"{base}/conmon-term.{posix.urandom(6).hex()}"
        self.path = f"{self._folder}/s"
        try:
            posix.mkdir(self._folder, 0o700)
            sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM | _socket.SOCK_CLOEXEC)
            sock.bind(self.path)
            posix.chmod(self.path, 0o700)
            sock.listen(128)
        except OSError as error:
            raise Fatal(f"Failed to set up the console socket {self.path} {reason(error)}") from None
        self._listener: _socket.socket | None = sock
        loop.watch(sock.fileno(), self._accept)

    def _accept(self, _events: int) -> None:
        assert self._listener is not None
        fd, _ = self._listener._accept()  # type: ignore[attr-defined]
        self.close()
        connection = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM, 0, fd)
        try:
            _, ancillary, _, _ = connection.recvmsg(8192, _socket.CMSG_SPACE(4), _socket.MSG_CMSG_CLOEXEC)
        except OSError as error:
            raise Fatal(f"Failed to receive the console file descriptor {reason(error)}") from None
        finally:
            connection.close()
        for level, kind, data in ancillary:
            if level == _socket.SOL_SOCKET and kind == _socket.SCM_RIGHTS and len(data) >= 4:
                master = int.from_bytes(data[:4], sys.byteorder)
                self._on_terminal(master)
                prepare(master)
                return

    def close(self) -> None:
        """No terminal comes any more; nothing is left on disk."""
        if self._listener is None:
            return
        self._loop.forget(self._listener.fileno())
        self._listener.close()
        self._listener = None
        for remove, path in ((posix.unlink, self.path), (posix.rmdir, self._folder)):
            try:
                remove(path)
            except OSError:
                continue


def prepare(master: int) -> None:
    """Newlines leave the terminal as CR LF, as a login's terminal does."""
    try:
        attributes = termios.tcgetattr(master)
        attributes[1] |= termios.ONLCR
        termios.tcsetattr(master, termios.TCSANOW, attributes)
    except termios.error as error:
        raise Fatal(f"Failed to set up the terminal {error}") from None


def resize(master: int, rows: int, columns: int) -> None:
    """TIOCSWINSZ; the process in the container gets its SIGWINCH from the kernel."""
    size = rows.to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder) + b"\0\0\0\0"
    try:
        fcntl.ioctl(master, 0x5414, size)
    except OSError:
        return
