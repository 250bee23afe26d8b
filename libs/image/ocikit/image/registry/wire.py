"""HTTP/1.1 straight on a socket, for everything where no proxy is in the way.

``requests`` takes 100 ms to import, a whole `skopeo inspect` of the Go tool 40. What needs a proxy goes through requests
(:mod:`.requestspool`). Both answer with the same few attributes.

Kept deliberately small: Content-Length, chunked and until-close bodies; keep-alive; redirects. No compression, no cookies.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Protocol

    class Body(Protocol):
        """A stream to send; ``len`` where its length is known, ``taken`` once a byte left."""

        @property
        def taken(self) -> bool: ...
        def __iter__(self) -> Iterator[bytes]: ...


MAX_HEAD = 256 << 10
"""Bytes of status line and headers; more is no honest answer."""
RECEIVE = 1 << 18
MAX_REDIRECTS = 10
MAX_IDLE = 16
_REDIRECTS = (301, 302, 303, 307, 308)


# The smallest TLS 1.2 ClientHello: no session, one cipher (TLS_RSA_WITH_AES_128_CBC_SHA), no compression. Its "random"
# bytes are line ends, so that an HTTP server sees a (bad) request instead of waiting for more of it.
_CLIENT_HELLO = bytes.fromhex("160301002d010000290303") + b"\n" * 32 + bytes.fromhex("000002002f0100")


class WireError(OSError):
    """An answer that isn't HTTP, or ends in its head."""


class RemoteDisconnected(WireError):
    """The other side closed before it answered."""


class TooManyRedirects(WireError):
    """More than ten."""


class Headers:
    """Header lines; names without regard to case, a name may come several times."""

    __slots__ = ("_lines",)

    def __init__(self, lines: list[tuple[str, str]]) -> None:
        self._lines = lines

    def getlist(self, name: str) -> list[str]:
        name = name.lower()
        return [value for key, value in self._lines if key == name]

    def get(self, name: str, default: str = "") -> str:
        found = self.getlist(name)
        return ", ".join(found) if found else default

    def __contains__(self, name: str) -> bool:
        return bool(self.getlist(name))

    def __getitem__(self, name: str) -> str:
        found = self.getlist(name)
        if not found:
            raise KeyError(name)
        return ", ".join(found)


class Url:
    """The parts of an http(s) URL that a request needs."""

    __slots__ = ("host", "path", "port", "scheme")

    def __init__(self, text: str) -> None:
        scheme, mark, rest = text.partition("://")
        self.scheme = scheme.lower()
        if not mark or self.scheme not in ("http", "https"):
            raise WireError(f'unsupported protocol scheme "{scheme}"')
        rest = rest.partition("#")[0]
        for stop in "/?":
            at = rest.find(stop)
            if at >= 0:
                break
        place, path = (rest, "/") if at < 0 else (rest[:at], rest[at:])
        self.path = path if path.startswith("/") else "/" + path
        place = place.rpartition("@")[2]
        if place.startswith("["):
            host, _, port = place[1:].partition("]")
            port = port.removeprefix(":")
        else:
            host, _, port = place.partition(":")
        if not host or (port and not port.isdigit()) or any(c <= " " or c == "\x7f" for c in rest):
            raise WireError(f"invalid URL {text!r}")
        self.host = host
        self.port = int(port) if port else 443 if self.scheme == "https" else 80

    @property
    def place(self) -> tuple[str, str, int]:
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """The Host header: without the scheme's own port."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == (443 if self.scheme == "https" else 80) else f"{host}:{self.port}"


class _Socket:
    """A connection and what was read of it beyond what was asked for."""

    __slots__ = ("place", "raw", "rest", "used")

    def __init__(self, place: tuple[str, str, int], raw: Any) -> None:
        self.place = place
        self.raw = raw
        self.rest = b""
        self.used = False

    def receive(self, size: int) -> bytes:
        if self.rest:
            data, self.rest = self.rest[:size], self.rest[size:]
            return data
        data = self.raw.recv(size)
        return bytes(data)

    def line(self, limit: int = MAX_HEAD) -> bytes:
        """Up to and without the line's end."""
        while (at := self.rest.find(b"\n")) < 0:
            if len(self.rest) > limit:
                raise WireError("malformed HTTP response: a line is too long")
            data = self.raw.recv(8192)
            if not data:
                raise RemoteDisconnected("unexpected EOF")
            self.rest += data
        line, self.rest = self.rest[:at], self.rest[at + 1 :]
        return line.rstrip(b"\r")


class _Request:
    __slots__ = ("method",)

    def __init__(self, method: str) -> None:
        self.method = method


class Response:
    """An answer whose body is read with ``raw.read``. Whoever leaves before its end calls :meth:`close`."""

    def __init__(
        self, wire: Wire, connection: _Socket, method: str, url: str, status: int, reason: str, headers: Headers
    ) -> None:
        self._wire = wire
        self._socket: _Socket | None = connection
        self.status_code = status
        self.reason = reason
        self.headers = headers
        self.url = url
        self.request = _Request(method)
        # requests keeps the stream and the repeated headers under "raw"
        self.raw = self
        keep = headers.get("Connection").lower()
        self._keep = keep != "close"
        self._chunked = "chunked" in headers.get("Transfer-Encoding").lower()
        length = headers.get("Content-Length")
        self._left = int(length) if length.isdigit() and not self._chunked else -1
        if method == "HEAD" or status in (204, 304):
            self._chunked, self._left = False, 0
        if self._left < 0 and not self._chunked:
            self._keep = False
        if self._left == 0:
            self._finish()

    def getlist(self, name: str) -> list[str]:
        return self.headers.getlist(name)

    def _finish(self) -> None:
        """The body is read: the connection may serve the next request."""
        connection, self._socket = self._socket, None
        if connection is not None:
            if self._keep and not connection.rest:
                self._wire.put_back(connection)
            else:
                connection.raw.close()

    def read(self, size: int = -1, decode_content: bool = False) -> bytes:
        """Up to ``size`` bytes, b"" at the end, also at one that comes too early (the caller knows the length)."""
        if size is None or size < 0:
            return b"".join(iter(lambda: self.read(RECEIVE), b""))
        if self._socket is None or not size:
            return b""
        if self._chunked:
            return self._read_chunked(size)
        want = size if self._left < 0 else min(size, self._left)
        data = self._socket.receive(want)
        if not data:
            self._keep = False
            self._finish()
            return b""
        if self._left > 0:
            self._left -= len(data)
            if not self._left:
                self._finish()
        return data

    def _read_chunked(self, size: int) -> bytes:
        connection = self._socket
        assert connection is not None
        if self._left <= 0:
            word = connection.line(1024).partition(b";")[0].strip()
            if not word and self._left == 0:
                word = connection.line(1024).partition(b";")[0].strip()
            try:
                self._left = int(word, 16)
            except ValueError:
                raise WireError("malformed chunked encoding") from None
            if self._left == 0:
                while connection.line():
                    pass
                self._finish()
                return b""
        data = connection.receive(min(size, self._left))
        if not data:
            raise RemoteDisconnected("unexpected EOF")
        self._left -= len(data)
        return data

    def read_away(self) -> None:
        """Reads a small body to keep the connection; closes it where the body is large."""
        total = 0
        while data := self.read(RECEIVE):
            total += len(data)
            if total > 1 << 16:
                self.close()

    def close(self) -> None:
        connection, self._socket = self._socket, None
        if connection is not None:
            connection.raw.close()


class Wire:
    """Connections to any host with one set of TLS options; several threads may use it. ``context`` makes an SSLContext."""

    def __init__(self, context: Any) -> None:
        import _thread

        self._make_context = context
        self._context: Any = None
        self._lock = _thread.allocate_lock()
        self._idle: list[_Socket] = []

    def put_back(self, connection: _Socket) -> None:
        connection.used = True
        with self._lock:
            if len(self._idle) < MAX_IDLE:
                self._idle.append(connection)
                return
        connection.raw.close()

    def speaks_tls(self, url: str, timeout_s: float) -> bool:
        """Whether something that understands TLS listens there, found out with a few bytes and without loading ssl.

        For registries that may be talked to over http: 40 ms less than a failed handshake. True if in doubt.
        """
        try:
            target = Url(url)
            target.scheme = "http"  # the port stays that of https
            connection = self._connect(target, timeout_s)
        except OSError:
            return True
        try:
            connection.raw.settimeout(timeout_s)
            connection.raw.sendall(_CLIENT_HELLO)
            return bool(connection.raw.recv(5) != b"HTTP/")
        except OSError:
            return True
        finally:
            connection.raw.close()

    def _take(self, place: tuple[str, str, int]) -> _Socket | None:
        with self._lock:
            for at in range(len(self._idle) - 1, -1, -1):
                if self._idle[at].place == place:
                    return self._idle.pop(at)
        return None

    def _connect(self, url: Url, connect_timeout_s: float) -> _Socket:
        import _socket

        last: OSError | None = None
        for family, kind, protocol, _, address in _socket.getaddrinfo(
            # bytes: a str would load the codec of international names
            url.host.encode("ascii") if url.host.isascii() else url.host,
            url.port,
            0,
            _socket.SOCK_STREAM,
        ):
            raw: Any = None
            try:
                raw = self._new_socket(family, kind, protocol, url.scheme)
                raw.settimeout(connect_timeout_s)
                raw.connect(address)
                raw.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
                if url.scheme == "https":
                    raw = self._tls().wrap_socket(raw, server_hostname=url.host)
                return _Socket(url.place, raw)
            except OSError as error:
                last = error
                if raw is not None:
                    raw.close()
                if type(error).__module__ == "ssl" or "SSL" in type(error).__name__:
                    raise
        raise last or OSError("no address")

    @staticmethod
    def _new_socket(family: int, kind: int, protocol: int, scheme: str) -> Any:
        if scheme == "https":
            import socket

            return socket.socket(family, kind, protocol)
        # The C half of socket is all that plain HTTP needs; the Python half imports enum and selectors.
        import _socket

        return _socket.socket(family, kind, protocol)

    def _tls(self) -> Any:
        with self._lock:
            if self._context is None:
                self._context = self._make_context()
            return self._context

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        read_timeout_s: float,
        body: bytes | Body | None = None,
    ) -> Response:
        """One request with its redirects. Raises OSError and its kin; Authorization never goes to another place.

        A streamed body is sent once: a redirect of such a request is the caller's answer.
        """
        sent = dict(headers)
        for _ in range(MAX_REDIRECTS + 1):
            target = Url(url)
            response = self._once(method, url, target, sent, body, connect_timeout_s, read_timeout_s)
            location = response.headers.get("Location")
            streamed = body is not None and not isinstance(body, bytes)
            if response.status_code not in _REDIRECTS or not location or streamed:
                return response
            response.read_away()
            url = join(url, location)
            if Url(url).place != target.place:
                sent.pop("Authorization", None)
            if method != "HEAD" and (response.status_code == 303 or (body is not None and response.status_code < 303)):
                method, body = "GET", None
        raise TooManyRedirects(f"stopped after {MAX_REDIRECTS} redirects")

    def _once(
        self,
        method: str,
        url: str,
        target: Url,
        headers: Mapping[str, str],
        body: bytes | Body | None,
        connect_s: float,
        read_s: float,
    ) -> Response:
        lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.authority}"]
        lines += [f"{name}: {value}" for name, value in headers.items() if name.lower() != "content-length"]
        length = len(body) if isinstance(body, bytes) else getattr(body, "len", -1) if body is not None else 0
        if length < 0:
            lines.append("Transfer-Encoding: chunked")
        elif body is not None or method not in ("GET", "HEAD"):
            lines.append(f"Content-Length: {length}")
        if any("\r" in line or "\n" in line for line in lines):
            raise WireError("a header holds a line break")
        message = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1", "replace")
        while True:
            connection = self._take(target.place) or self._connect(target, connect_s)
            try:
                connection.raw.settimeout(read_s)
                _send(connection.raw, message, body, length)
                return Response(self, connection, method, url, *_head(connection))
            except OSError as error:
                connection.raw.close()
                # A kept connection may have been closed by the other side in the meantime: that's no failure.
                again = connection.used and isinstance(error, (ConnectionError, RemoteDisconnected))
                if not again or (body is not None and not isinstance(body, bytes) and body.taken):
                    raise
            except BaseException:
                # The stream of the body failed (a wrong digest, say): the request stays unfinished on purpose.
                connection.raw.close()
                raise


def _send(raw: Any, message: bytes, body: bytes | Body | None, length: int) -> None:
    """The head, then the body. A server that refuses early has its answer read instead of an error about the pipe."""
    if body is None or isinstance(body, bytes):
        raw.sendall(message + (body or b""))
        return
    raw.sendall(message)
    try:
        if length >= 0:
            for piece in body:
                raw.sendall(piece)
            return
        for piece in body:
            raw.sendall(b"%x\r\n" % len(piece))
            raw.sendall(piece)
            raw.sendall(b"\r\n")
        raw.sendall(b"0\r\n\r\n")
    except (BrokenPipeError, ConnectionResetError):
        if not body.taken:
            raise


def _head(connection: _Socket) -> tuple[int, str, Headers]:
    """(status, reason, headers) of the next answer that isn't a provisional one."""
    while True:
        parts = connection.line().decode("latin-1").split(" ", 2)
        if len(parts) < 2 or not parts[0].startswith("HTTP/1.") or not parts[1].isdigit():
            raise WireError(f'malformed HTTP response "{" ".join(parts)[:50]}"')
        lines: list[tuple[str, str]] = []
        total = 0
        while line := connection.line():
            total += len(line)
            if total > MAX_HEAD:
                raise WireError("malformed HTTP response: the head is too long")
            name, _, value = line.decode("latin-1").partition(":")
            lines.append((name.strip().lower(), value.strip()))
        status = int(parts[1])
        if status >= 200:
            if parts[0] == "HTTP/1.0" and not any(name == "connection" for name, _ in lines):
                lines.append(("connection", "close"))
            return status, parts[2] if len(parts) > 2 else "", Headers(lines)


def join(base: str, location: str) -> str:
    """The URL that a Location header means."""
    if location.startswith(("http://", "https://")):
        return location
    from urllib.parse import urljoin

    return urljoin(base, location)
