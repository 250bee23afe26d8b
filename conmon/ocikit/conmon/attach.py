"""The attach socket: every client gets every packet of output, and what clients send is the container's stdin.

Packets to a client are one type byte (2 stdout, 3 stderr) and up to 8192 bytes; packets from a client are bare bytes. A
client that does not read stops the reading of the container's output (as the C conmon does), but never the loop itself:
signals, the control fifo and the other clients are served meanwhile.
"""

from __future__ import annotations

import _socket
import posix
import select

from ocikit.conmon import loop as events
from ocikit.conmon.diag import Fatal, debug, reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from ocikit.conmon.loop import Loop

STDOUT, STDERR = b"\x02", b"\x03"
PACKET_MAX = 8192
STDIN_MAX = 32768
FINAL_FLUSH_MS = 10_000  # what a stuck client may cost at the container's end


class Client:
    __slots__ = ("fd", "leaving", "output", "stdin_rest")

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.output: list[bytes] = []  # packets that the socket did not take yet
        self.stdin_rest = b""  # of one packet, what the container did not take yet
        self.leaving = False  # it has sent its last


class AttachServer:
    """Listens at ``folder/attach`` and joins clients with the container.

    ``on_congestion(bool)`` is called when output has to stop, and when it may go on.
    """

    __slots__ = (
        "_clients",
        "_congested",
        "_keep_stdin",
        "_listener",
        "_loop",
        "_on_congestion",
        "_stdin_ready",
        "folder",
        "link",
        "stdin",
    )

    def __init__(self, loop: Loop, folder: str, keep_stdin: bool, on_congestion: Callable[[bool], None]) -> None:
        self._loop = loop
        self._clients: dict[int, Client] = {}
        self._congested = False
        self._keep_stdin = keep_stdin
        self._on_congestion = on_congestion
        self._stdin_ready = True
        self._listener: _socket.socket | None = None
        self.stdin = -1  # where to write, -1 while there is none
        self.folder = folder
        self.link = ""

    def listen(self) -> None:
        """Bind through the folder's descriptor: a path of any length fits into the 108 bytes of sun_path."""
        path = f"{self.folder}/attach"
        try:
            _unlink(path)
            folder = posix.open(self.folder, posix.O_PATH | posix.O_CLOEXEC)
            try:
                sock = _socket.socket(
                    _socket.AF_UNIX, _socket.SOCK_SEQPACKET | _socket.SOCK_NONBLOCK | _socket.SOCK_CLOEXEC
                )
                sock.bind(f"/proc/self/fd/{folder}/attach")
                posix.chmod("attach", 0o700, dir_fd=folder)
            finally:
                posix.close(folder)
            sock.listen(10)
        except OSError as error:
            raise Fatal(f"Failed to bind attach socket: {path} {reason(error)}") from None
        self._listener = sock
        self._loop.watch(sock.fileno(), self._accept)

    def _accept(self, _events: int) -> None:
        assert self._listener is not None
        try:
            fd, _ = self._listener._accept()  # type: ignore[attr-defined]
        except OSError as error:
            debug(f"accept on the attach socket: {reason(error)}")
            return
        posix.set_blocking(fd, False)
        client = Client(fd)
        self._clients[fd] = client
        self._watch(client)

    # -- output -------------------------------------------------------------------------------------------------------

    def broadcast(self, kind: bytes, data: bytes) -> None:
        if not self._clients:
            return
        view = memoryview(data)
        for client in list(self._clients.values()):
            if client.output:
                client.output += [kind + data[i : i + PACKET_MAX] for i in range(0, len(data), PACKET_MAX)]
                continue
            for start in range(0, len(data), PACKET_MAX):
                try:
                    posix.writev(client.fd, (kind, view[start : start + PACKET_MAX]))
                except BlockingIOError:
                    client.output = [kind + data[i : i + PACKET_MAX] for i in range(start, len(data), PACKET_MAX)]
                    self._watch(client)
                    break
                except OSError:
                    self._shut_output(client)
                    break
        self._note_congestion()

    def _send_waiting(self, client: Client) -> None:
        done = 0
        try:
            for packet in client.output:
                posix.write(client.fd, packet)
                done += 1
        except BlockingIOError:
            pass
        except OSError:
            self._shut_output(client)
            done = len(client.output)
        client.output = client.output[done:]

    def _shut_output(self, client: Client) -> None:
        """The client reads no more; it may still send."""
        try:
            sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET, 0, client.fd)
            try:
                sock.shutdown(_socket.SHUT_WR)
            finally:
                sock.detach()
        except OSError:
            return

    def _note_congestion(self) -> None:
        congested = any(client.output for client in self._clients.values())
        if congested != self._congested:
            self._congested = congested
            self._on_congestion(congested)

    # -- input --------------------------------------------------------------------------------------------------------

    def _watch(self, client: Client) -> None:
        wanted = events.OUT if client.output else 0
        if not client.leaving and not client.stdin_rest:
            wanted |= events.IN

        def ready(happened: int) -> None:
            self._serve(client, happened)

        self._loop.watch(client.fd, ready, wanted)

    def _serve(self, client: Client, happened: int) -> None:
        if happened & events.OUT and client.output:
            self._send_waiting(client)
        if happened & events.IN and not client.leaving and not client.stdin_rest:
            self._read(client)
        elif happened & (events.HANG_UP | events.BROKEN):
            if client.stdin_rest:  # its last words still wait for the container
                client.leaving = True
                client.output = []
                self._loop.forget(client.fd)
                self._note_congestion()
                return
            self._leave(client)
            self._drop(client)
            self._note_congestion()
            return
        self._note_congestion()
        if client.fd in self._clients:
            self._watch(client)

    def _read(self, client: Client) -> None:
        try:
            data = posix.read(client.fd, STDIN_MAX)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._leave(client)
        elif self.stdin >= 0:
            client.stdin_rest = data
            self._feed(client)
        elif not self._stdin_ready:  # a terminal that has not arrived yet
            client.stdin_rest = data

    def expect_stdin(self) -> None:
        """A terminal will come: keep what clients send until then."""
        self._stdin_ready = False

    def set_stdin(self, fd: int) -> None:
        """The container's stdin is there (non-blocking); what waited goes in now."""
        self.stdin = fd
        self._stdin_ready = True
        for client in list(self._clients.values()):
            self._feed(client)
            self._watch(client)

    def _feed(self, client: Client) -> None:
        while client.stdin_rest and self.stdin >= 0:
            try:
                written = posix.write(self.stdin, client.stdin_rest)
            except BlockingIOError:
                self._loop.watch(self._writable_fd(), self._stdin_writable, events.OUT)
                return
            except OSError as error:
                debug(f"the container's stdin is closed: {reason(error)}")
                client.stdin_rest = b""
                self._close_stdin()
                return
            client.stdin_rest = client.stdin_rest[written:]

    def _writable_fd(self) -> int:
        return self.stdin

    def _stdin_writable(self, _events: int) -> None:
        self._loop.forget(self.stdin)
        for client in list(self._clients.values()):
            if not client.stdin_rest:
                continue
            self._feed(client)
            if client.stdin_rest:
                return
            if client.leaving:
                self._close_stdin_for(client)
                self._drop(client)
            else:
                self._watch(client)

    def _leave(self, client: Client) -> None:
        client.leaving = True
        if not client.stdin_rest:
            self._close_stdin_for(client)

    def _close_stdin_for(self, _client: Client) -> None:
        if not self._keep_stdin:
            self._close_stdin()

    def _close_stdin(self) -> None:
        if self.stdin >= 0:
            self._loop.forget(self.stdin)
            posix.close(self.stdin)
            self.stdin = -1

    # -- the end ------------------------------------------------------------------------------------------------------

    def _drop(self, client: Client) -> None:
        self._loop.forget(client.fd)
        if self._clients.pop(client.fd, None) is not None:
            posix.close(client.fd)

    def close(self) -> None:
        """Every client gets what is waiting for it, then end of file; nobody can connect any more."""
        poll = select.poll()
        for client in list(self._clients.values()):
            while client.output:
                poll.register(client.fd, select.POLLOUT)
                ready = poll.poll(FINAL_FLUSH_MS)
                poll.unregister(client.fd)
                if not ready:
                    break
                self._send_waiting(client)
            self._drop(client)
        if self._listener is not None:
            self._loop.forget(self._listener.fileno())
            self._listener.close()
            self._listener = None

    def remove(self) -> None:
        _unlink(f"{self.folder}/attach")


def make_link(socket_dir: str, cuuid: str, bundle: str) -> str:
    """``<socket dir>/<cuuid>`` as a link to the bundle; the folder where the socket is to be bound.

    Where the whole name is exactly 107 bytes, one is cut off (spec of the C program's clients).
    """
    link = f"{socket_dir}/{cuuid}"
    if len(f"{link}/attach".encode("utf-8", "surrogateescape")) == 107:
        link = link[:-1]
    try:
        _unlink(link)
        posix.symlink(bundle, link)
    except OSError as error:
        raise Fatal(f"Failed to create symlink for attach socket {link}: {reason(error)}") from None
    return link


def _unlink(path: str) -> None:
    try:
        posix.unlink(path)
    except FileNotFoundError:
        return
