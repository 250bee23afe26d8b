"""The sd-notify relay: what the container says about its readiness goes on to the host's service manager, filtered."""

from __future__ import annotations

import _socket
import posix

from ocikit.conmon.diag import debug, reason, warn

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.conmon.loop import Loop

_WHOLE = (b"READY=1", b"RELOADING=1", b"STOPPING=1", b"WATCHDOG=1", b"WATCHDOG=trigger")
_PREFIXES = (b"STATUS=", b"ERRNO=", b"BUSERROR=", b"MONOTONIC_USEC=")
DATAGRAM_MAX = 64 * 1024


def filtered(datagram: bytes) -> bytes:
    """The lines that a container may say; b"" where none is left. MAINPID and FDSTORE are not its business."""
    return b"\n".join([line for line in datagram.split(b"\n") if line in _WHOLE or line.startswith(_PREFIXES)])


class Relay:
    """``<bundle>/notify/notify.sock`` to the host's socket; without the folder there is no relay, only a warning."""

    __slots__ = ("_host", "_out", "_sock")

    def __init__(self, loop: Loop, bundle: str, host_socket: str) -> None:
        self._host = "\0" + host_socket[1:] if host_socket.startswith("@") else host_socket
        kind = _socket.SOCK_DGRAM | _socket.SOCK_CLOEXEC | _socket.SOCK_NONBLOCK
        try:
            folder = posix.open(f"{bundle}/notify", posix.O_PATH | posix.O_CLOEXEC)
            try:
                try:
                    posix.unlink("notify.sock", dir_fd=folder)
                except FileNotFoundError:
                    pass
                self._sock = _socket.socket(_socket.AF_UNIX, kind)
                self._sock.bind(f"/proc/self/fd/{folder}/notify.sock")
                posix.chmod("notify.sock", 0o777, dir_fd=folder)
            finally:
                posix.close(folder)
        except OSError as error:
            warn(f"Failed to bind notify socket: {bundle}/notify/notify.sock {reason(error)}")
            return
        self._out = _socket.socket(_socket.AF_UNIX, kind)
        loop.watch(self._sock.fileno(), self._ready)

    def _ready(self, _events: int) -> None:
        try:
            text = filtered(self._sock.recv(DATAGRAM_MAX))
            if text:
                self._out.sendto(text, self._host)
        except OSError as error:
            debug(f"sd-notify relay: {reason(error)}")
