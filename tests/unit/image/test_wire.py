"""The small HTTP client against a server that answers exactly as told."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator

import pytest

from ocikit.image.registry import wire
from ocikit.image.registry.http import TlsOptions, session_for, speaks_tls


class Server:
    """Sends the next of ``answers`` to each request; None closes the connection instead."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.answers: list[bytes | None] = []
        self.requests: list[bytes] = []
        self.connections = 0
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self) -> None:
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer: socket.socket) -> None:
        with peer:
            peer.settimeout(5)
            while True:
                request = b""
                try:
                    while b"\r\n\r\n" not in request:
                        data = peer.recv(4096)
                        if not data:
                            return
                        request += data
                except OSError:
                    return
                self.requests.append(request)
                answer = self.answers.pop(0)
                if answer is None:
                    return
                peer.sendall(answer)
                if b"Connection: close" in answer or (b"Content-Length" not in answer and b"chunked" not in answer):
                    return


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    yield made
    made.socket.close()


def get(server: Server, client: wire.Wire, path: str = "/x", **headers: str) -> wire.Response:
    return client.request("GET", server.url + path, headers, 5, 5)


def answer(body: bytes = b"", *lines: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def test_bodies_of_each_kind(server: Server) -> None:
    chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nT: r\r\n\r\n"
    server.answers = [answer(b"one"), chunked, answer(b"three"), b"HTTP/1.1 200 OK\r\n\r\nuntil close"]
    client = wire.Wire(None)
    assert [get(server, client).read() for _ in range(4)] == [b"one", b"abcdefg", b"three", b"until close"]
    assert server.connections == 1


def test_a_connection_that_the_server_closed_is_no_failure(server: Server) -> None:
    server.answers = [answer(b"one"), None, answer(b"two")]
    client = wire.Wire(None)
    assert get(server, client).read() == b"one"
    assert get(server, client).read() == b"two"
    server.answers = [None]
    with pytest.raises(wire.RemoteDisconnected):
        wire.Wire(None).request("GET", server.url, {}, 5, 5)


def test_redirects_keep_credentials_at_home(server: Server) -> None:
    other = Server()
    server.answers = [
        answer(b"", "Location: /y", status="307 X"),
        answer(b"", f"Location: {other.url}/z", status="302 X"),
    ]
    other.answers = [answer(b"there")]
    response = get(server, wire.Wire(None), Authorization="secret")
    assert response.read() == b"there" and response.url == other.url + "/z"
    assert all(b"Authorization: secret" in request for request in server.requests)
    assert b"secret" not in other.requests[0]
    other.socket.close()
    server.answers = [answer(b"", "Location: /y", status="301 X")] * 11
    with pytest.raises(wire.TooManyRedirects):
        get(server, wire.Wire(None))


@pytest.mark.parametrize(
    "raw", [b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"y" * 300_000]
)
def test_what_is_no_http_is_refused(server: Server, raw: bytes) -> None:
    server.answers = [raw]
    with pytest.raises(OSError, match=r"malformed HTTP response|unexpected EOF"):
        get(server, wire.Wire(None))


def test_early_end_and_head(server: Server) -> None:
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nConnection: close\r\n\r\nabc"]
    assert get(server, wire.Wire(None)).read() == b"abc"
    server.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\nA: 1\r\na: 2\r\n\r\n"]
    response = wire.Wire(None).request("HEAD", server.url, {}, 5, 5)
    assert (
        response.read() == b"" and response.headers.getlist("A") == ["1", "2"] and response.headers.get("a") == "1, 2"
    )


@pytest.mark.parametrize(
    ("text", "place", "authority", "path"),
    [
        ("https://h", ("https", "h", 443), "h", "/"),
        ("http://h:80/a?b=c#d", ("http", "h", 80), "h", "/a?b=c"),
        ("http://u:p@h:81?x", ("http", "h", 81), "h:81", "/?x"),
        ("https://[::1]:5/a", ("https", "::1", 5), "[::1]:5", "/a"),
    ],
)
def test_urls(text: str, place: tuple[str, str, int], authority: str, path: str) -> None:
    url = wire.Url(text)
    assert (url.place, url.authority, url.path) == (place, authority, path)


@pytest.mark.parametrize("text", ["ftp://x", "http://", "http://a b/", "http://a:b/", "nothing"])
def test_bad_urls(text: str) -> None:
    with pytest.raises(OSError):
        wire.Url(text)


def test_plain_http_is_told_from_tls_without_a_handshake(server: Server) -> None:
    server.answers = [answer(b"", status="400 Bad Request")]

    def peer() -> None:
        one, _ = listener.accept()
        one.recv(100)
        one.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        one.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=peer, daemon=True).start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}/v2/"
        assert speaks_tls(session_for("x", TlsOptions()), url) is False
    assert speaks_tls(session_for("x", TlsOptions()), "https://127.0.0.1:1/v2/") is True
