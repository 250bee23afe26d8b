"""docker-daemon: against a server that keeps what is loaded, over a unix socket."""

from __future__ import annotations

import os
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from ocikit.common.errors import InvalidReference
from ocikit.image.context import SystemContext
from ocikit.image.copy import CopyOptions, copy_image
from ocikit.image.errors import ImageError
from ocikit.image.names import parse_image_name
from ocikit.image.testing import memory_image, random_image, validate


class Handler(BaseHTTPRequestHandler):
    saved = b""

    def address_string(self) -> str:
        return "peer"

    def log_message(self, *args: object) -> None:
        return None

    def answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if self.path == "/_ping":
            self.answer(200, b"OK")
        elif "names=a" in self.path:
            self.answer(200, Handler.saved)
        else:
            self.answer(404, b'{"message":"No such image: b:1"}')

    def do_POST(self) -> None:
        Handler.saved = self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(200, b'{"stream":"Loaded image"}\n')


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[SystemContext]:
    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    path = os.path.relpath(tmp_path / "s")
    server = Server(path, Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield SystemContext(daemon_host=f"unix://{path}", tmpdir=str(tmp_path), blob_info_cache_dir=str(tmp_path / "c"))
    server.shutdown()
    server.server_close()


def test_load_and_save(daemon: SystemContext, tmp_path: Path) -> None:
    options = CopyOptions(src_ctx=daemon, dest_ctx=daemon)
    copy_image(parse_image_name("docker-daemon:a:1"), random_image(2), options)
    place = memory_image()
    copy_image(place, parse_image_name("docker-daemon:a:1"), options)
    validate(place)
    with pytest.raises(ImageError, match="No such image: b:1"):
        copy_image(place, parse_image_name("docker-daemon:b:1"), options)
    assert not [name for name in os.listdir(tmp_path) if name.startswith("container_images")]


def test_no_daemon(tmp_path: Path) -> None:
    ctx = SystemContext(daemon_host=f"unix://{tmp_path}/none")
    with pytest.raises(ImageError, match="Is the docker daemon running"):
        parse_image_name("docker-daemon:a:1").open_source(ctx)


@pytest.mark.parametrize("text", ["a", "sha256:abc", "a:1@sha256:" + "0" * 64])
def test_names(text: str) -> None:
    with pytest.raises(InvalidReference):
        parse_image_name("docker-daemon:" + text)
