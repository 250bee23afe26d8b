"""Blobs of interrupted pulls are continued by the next run."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from ocikit.image.context import SystemContext
from ocikit.image.names import parse_image_name
from ocikit.image.registry import partial
from ocikit.image.transports.base import Descriptor
from tests.unit.image.registry.server import Handler, Server

BLOB = bytes(range(256)) * 32768  # 8 MiB
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
DESCRIPTOR = Descriptor(DIGEST, len(BLOB))


def serve(server: Server) -> None:
    def blob(h: Handler) -> None:
        start = int((h.headers.get("Range") or "bytes=0-")[6:-1])
        extra = {"Content_Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"} if start else {}
        h.answer(206 if start else 200, BLOB[start:], **extra)

    server.routes[f"/v2/r/blobs/{DIGEST}"] = blob
    server.routes["/v2/r/manifests/1"] = lambda h: h.answer(200, b"{}", Content_Type="application/json")


def pull(server: Server, directory: Path, upto: int = -1) -> bytes:
    """What a pull reads; ``upto``: it is interrupted there."""
    ctx = SystemContext(tls_verify=False, partial_blob_dir=str(directory))
    with parse_image_name(f"docker://{server.host}/r:1").open_source(ctx) as source:
        stream, size = source.open_blob(DESCRIPTOR)
        assert size == len(BLOB)
        data = b""
        while upto < 0 or len(data) < upto:
            piece = stream.read(1 << 20)
            if not piece:
                break
            data += piece
        stream.close()
    return data


def ranges(server: Server) -> list[str]:
    return [headers.get("Range", "") for _, path, headers in server.seen if "/blobs/" in path]


def test_next_run_asks_for_the_rest(server: Server, tmp_path: Path) -> None:
    serve(server)
    pull(server, tmp_path / "p", upto=3 << 20)
    kept = (tmp_path / "p" / DIGEST[7:]).stat().st_size
    assert 3 << 20 <= kept < len(BLOB)
    assert pull(server, tmp_path / "p") == BLOB
    assert ranges(server) == ["", f"bytes={kept}-"]
    assert list((tmp_path / "p").iterdir()) == []


def test_whole_pull_leaves_nothing(server: Server, tmp_path: Path) -> None:
    serve(server)
    assert pull(server, tmp_path / "p") == BLOB
    assert list((tmp_path / "p").iterdir()) == []


def test_damaged_part_is_thrown_away(server: Server, tmp_path: Path) -> None:
    serve(server)
    pull(server, tmp_path / "p", upto=2 << 20)
    (tmp_path / "p" / DIGEST[7:]).write_bytes(b"x" * (2 << 20))
    with pytest.raises(partial.DamagedPart) as caught:
        pull(server, tmp_path / "p")
    assert caught.value.retryable
    assert pull(server, tmp_path / "p") == BLOB


def test_complete_part_needs_no_blob_request(server: Server, tmp_path: Path) -> None:
    serve(server)
    (tmp_path / "p").mkdir(mode=0o700)
    (tmp_path / "p" / DIGEST[7:]).write_bytes(BLOB)
    assert pull(server, tmp_path / "p") == BLOB
    assert ranges(server) == []


def test_two_pulls_at_once_do_not_share(server: Server, tmp_path: Path) -> None:
    serve(server)
    ctx = SystemContext(tls_verify=False, partial_blob_dir=str(tmp_path / "p"))
    with parse_image_name(f"docker://{server.host}/r:1").open_source(ctx) as source:
        one, _ = source.open_blob(DESCRIPTOR)
        two, _ = source.open_blob(DESCRIPTOR)
        assert isinstance(one, partial.PartialStream)
        assert not isinstance(two, partial.PartialStream)
        assert two.read(10) == one.read(10)
        one.close()
        two.close()


def test_foreign_directory_is_not_used(server: Server, tmp_path: Path) -> None:
    serve(server)
    (tmp_path / "p").mkdir(mode=0o777)
    (tmp_path / "p").chmod(0o777)
    assert pull(server, tmp_path / "p") == BLOB
    assert list((tmp_path / "p").iterdir()) == []


def test_failing_request_fails_at_once(server: Server, tmp_path: Path) -> None:
    from ocikit.image.registry.errors import RegistryError

    serve(server)
    server.routes[f"/v2/r/blobs/{DIGEST}"] = lambda h: h.answer(404)
    with pytest.raises(RegistryError):
        pull(server, tmp_path / "p")
    assert list((tmp_path / "p").iterdir()) == []
