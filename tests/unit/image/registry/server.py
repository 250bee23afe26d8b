"""A registry that misbehaves on request: each test says what it answers to which path."""

from __future__ import annotations

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # What is no request at all, such as a TLS greeting, is answered with a status line, as real servers do.
    default_request_version = "HTTP/1.1"
    server: Server

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        sent.setdefault("Content-Length", str(len(body)))
        for name, value in sent.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def cut(self) -> None:
        """Break the connection here."""
        self.wfile.flush()
        self.close_connection = True
        self.connection.shutdown(2)

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            data = b""
            while size := int(self.rfile.readline().strip(), 16):
                data += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return data
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def handle_any(self) -> None:
        self.server.seen.append((self.command, self.path, dict(self.headers)))
        path = self.path.partition("?")[0]
        found = self.server.routes.get(f"{self.command} {path}") or self.server.routes.get(path)
        if found is not None:
            found(self)
        elif path == "/v2/":
            self.answer(200, b"{}")
        else:
            self.answer(404, b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}')

    do_GET = do_HEAD = do_PUT = do_POST = do_PATCH = do_DELETE = handle_any


class Server(ThreadingHTTPServer):
    """``routes``: path, or "METHOD path", to what answers it. ``seen``: (method, path, headers) of every request."""

    daemon_threads = True

    def __init__(self, address: str = "127.0.0.1") -> None:
        super().__init__((address, 0), Handler)
        self.routes: dict[str, Answer] = {}
        self.seen: list[tuple[str, str, dict[str, str]]] = []
        self.host = f"{address}:{self.server_address[1]}"
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self._thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass

    def requests(self) -> list[str]:
        return [f"{method} {path}" for method, path, _ in self.seen]

    def stop(self) -> None:
        self.shutdown()
        self.server_close()
        self._thread.join()
