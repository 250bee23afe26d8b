"""The registry client against a server that misbehaves: every fault is one sentence, and what can be repaired is."""

from __future__ import annotations

import hashlib
import io
import json
import socket
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from ocikit.image.registry.client import ClientOptions, RegistryClient, next_page
from ocikit.image.registry.connection import retry_after
from ocikit.image.registry.credentials import Credentials
from ocikit.image.registry.errors import (
    BadContent,
    CertificateError,
    ManifestUnknown,
    RegistryError,
    ServerError,
    TooManyRequests,
    Unauthorized,
    Unreachable,
    error_text,
    is_retryable,
)
from ocikit.image.registry.http import TlsOptions
from tests.support.registry import make_certificate
from tests.unit.image.registry.server import Handler, Server

MANIFEST = "/v2/r/manifests/1"


def client(server: Server, **options: object) -> RegistryClient:
    return RegistryClient(server.host, ClientOptions(insecure=True, **options))  # type: ignore[arg-type]


def test_manifest_is_returned_with_its_type(server: Server) -> None:
    server.routes[MANIFEST] = lambda h: h.answer(200, b"{}", Content_Type="application/x; charset=utf-8")
    assert client(server).get_manifest("r", "1") == (b"{}", "application/x")
    accept = server.seen[-1][2]["Accept"]
    assert accept.startswith("application/vnd.oci.image.manifest.v1+json, ")


def test_unknown_manifest_is_not_found(server: Server) -> None:
    with pytest.raises(ManifestUnknown, match=r"reading manifest 1 in .*/r: manifest unknown") as caught:
        client(server).get_manifest("r", "1")
    assert not is_retryable(caught.value)


def test_unreachable_registry_names_it_and_says_what_to_check() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        host = f"127.0.0.1:{probe.getsockname()[1]}"
    with pytest.raises(Unreachable) as caught:
        RegistryClient(host).get_manifest("r", "1")
    assert f"pinging container registry {host}" in str(caught.value)
    assert "connection refused" in str(caught.value)
    assert host in caught.value.hint
    assert is_retryable(caught.value)


def test_plain_http_needs_to_be_allowed(server: Server) -> None:
    with pytest.raises(CertificateError, match="does not look like a TLS handshake") as caught:
        RegistryClient(server.host).ping()
    assert "--tls-verify=false" in caught.value.hint


def test_self_signed_certificate(tmp_path: Path) -> None:
    import ssl

    certificate, key = make_certificate(tmp_path)
    server = Server()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    try:
        with pytest.raises(CertificateError, match="certificate signed by unknown authority") as caught:
            RegistryClient(server.host).ping()
        assert "--tls-verify=false" in caught.value.hint
        assert f"certs.d/{server.host}/" in caught.value.hint
        RegistryClient(server.host, ClientOptions(insecure=True)).ping()
        RegistryClient(server.host, ClientOptions(tls=TlsOptions(ca_files=(str(certificate),)))).ping()
    finally:
        server.stop()


def test_endless_manifest_is_cut(server: Server) -> None:
    def endless(h: Handler) -> None:
        h.send_response(200)
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        piece = b" " * 65536
        for _ in range(100):
            h.wfile.write(b"10000\r\n" + piece + b"\r\n")
        h.wfile.write(b"0\r\n\r\n")

    server.routes[MANIFEST] = endless
    with pytest.raises(BadContent, match="exceeded maximum allowed size of 4194304 bytes"):
        client(server).get_manifest("r", "1")


def test_truncated_manifest_is_an_error(server: Server) -> None:
    def short(h: Handler) -> None:
        h.answer(200, b"{", Content_Length="100")
        h.cut()

    server.routes[MANIFEST] = short
    with pytest.raises(RegistryError):
        client(server).get_manifest("r", "1")


def test_too_many_requests_are_repeated_five_times(server: Server) -> None:
    server.routes[MANIFEST] = lambda h: h.answer(
        429,
        b'{"errors":[{"code":"TOOMANYREQUESTS","message":"You have reached your pull rate limit."}]}',
        Retry_After="0",
    )
    with pytest.raises(TooManyRequests, match=r"toomanyrequests: You have reached your pull rate limit."):
        client(server).get_manifest("r", "1")
    assert server.requests().count(f"GET {MANIFEST}") == 5


def test_too_many_requests_then_success(server: Server) -> None:
    def second_time(h: Handler) -> None:
        h.answer(429 if server.requests().count(f"GET {MANIFEST}") < 3 else 200, b"{}")

    server.routes[MANIFEST] = second_time
    assert client(server).get_manifest("r", "1")[0] == b"{}"


def test_server_error(server: Server) -> None:
    server.routes[MANIFEST] = lambda h: h.answer(503)
    with pytest.raises(ServerError, match="received unexpected HTTP status: 503 Service Unavailable") as caught:
        client(server).get_manifest("r", "1")
    assert is_retryable(caught.value)


def test_basic_authentication(server: Server) -> None:
    def login(h: Handler) -> None:
        if h.headers.get("Authorization") == "Basic dTpw":
            h.answer(200, b"{}")
        else:
            h.answer(401, b"", WWW_Authenticate='Basic realm="x"')

    server.routes["/v2/"] = login
    server.routes[MANIFEST] = login
    assert client(server, credentials=Credentials("u", "p")).get_manifest("r", "1")[0] == b"{}"
    with pytest.raises(Unauthorized) as caught:
        client(server, credentials=Credentials("u", "wrong")).get_manifest("r", "1")
    assert "podman login" in caught.value.hint


def bearer(server: Server, reply: bytes = b'{"token":"T"}') -> None:
    challenge = f'Bearer realm="http://{server.host}/token",service="svc",scope="ignored:x:y"'
    server.routes["/v2/"] = lambda h: h.answer(401, b"", WWW_Authenticate=challenge)
    server.routes["/token"] = lambda h: (h.body(), h.answer(200, reply))[1]


def test_bearer_token_is_fetched_once(server: Server) -> None:
    bearer(server)
    server.routes[MANIFEST] = lambda h: h.answer(200 if h.headers.get("Authorization") == "Bearer T" else 401, b"{}")
    one = client(server, credentials=Credentials("u", "p"))
    one.get_manifest("r", "1")
    one.get_manifest("r", "1")
    asked = [(p, h) for m, p, h in server.seen if p.startswith("/token")]
    assert len(asked) == 1
    assert asked[0][1]["Authorization"] == "Basic dTpw"
    assert parse_qs(urlsplit(asked[0][0]).query) == {
        "account": ["u"],
        "scope": ["repository:r:pull"],
        "service": ["svc"],
    }


def test_identity_token_is_posted(server: Server) -> None:
    bodies: list[bytes] = []
    bearer(server)
    server.routes["/token"] = lambda h: (bodies.append(h.body()), h.answer(200, b'{"access_token":"T"}'))[1]
    server.routes[MANIFEST] = lambda h: h.answer(200, b"{}")
    client(server, credentials=Credentials(identity_token="REFRESH")).get_manifest("r", "1")
    assert parse_qs(bodies[0].decode()) == {
        "client_id": ["containers/image"],
        "grant_type": ["refresh_token"],
        "refresh_token": ["REFRESH"],
        "scope": ["repository:r:pull"],
        "service": ["svc"],
    }


def test_insufficient_scope_is_asked_for_once(server: Server) -> None:
    bearer(server)
    challenge = f'Bearer realm="http://{server.host}/token",error="insufficient_scope",scope="repository:other:pull"'
    server.routes[MANIFEST] = lambda h: h.answer(401, b"", WWW_Authenticate=challenge)
    with pytest.raises(Unauthorized):
        client(server).get_manifest("r", "1")
    assert any("repository%3Aother%3Apull" in path for _, path, _ in server.seen)
    assert server.requests().count(f"GET {MANIFEST}") == 2


def test_registry_token_is_used_as_it_is(server: Server) -> None:
    bearer(server)
    server.routes[MANIFEST] = lambda h: h.answer(200, h.headers["Authorization"].encode())
    assert client(server, registry_token="X").get_manifest("r", "1")[0] == b"Bearer X"
    assert not any(path.startswith("/token") for _, path, _ in server.seen)


BLOB = bytes(range(256)) * 20000  # 5 MB
DIGEST = "sha256:" + hashlib.sha256(BLOB).hexdigest()
BLOB_PATH = f"/v2/r/blobs/{DIGEST}"


def test_blob_is_continued_where_the_connection_broke(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocikit.image.registry.blobstream.RECONNECT_DELAY_S", 0)
    notices: list[str] = []

    def breaking(h: Handler) -> None:
        start = int((h.headers.get("Range") or "bytes=0-")[6:-1])
        rest = BLOB[start:]
        extra = {"Content_Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"} if start else {}
        h.answer(206 if start else 200, rest[:2_000_000], Content_Length=str(len(rest)), **extra)
        if len(rest) > 2_000_000:
            h.cut()

    server.routes[BLOB_PATH] = breaking
    with client(server, notice=notices.append).open_blob("r", DIGEST, size=len(BLOB)) as stream:
        assert stream.readall() == BLOB
    assert "first reconnection" in notices[0]


def test_blob_that_breaks_at_once_gives_up(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocikit.image.registry.blobstream.RECONNECT_DELAY_S", 0)

    def breaking(h: Handler) -> None:
        start = int((h.headers.get("Range") or "bytes=0-")[6:-1])
        extra = {"Content_Range": f"bytes {start}-{len(BLOB) - 1}/{len(BLOB)}"} if start else {}
        h.answer(206 if start else 200, BLOB[start : start + 10], Content_Length=str(len(BLOB) - start), **extra)
        h.cut()

    server.routes[BLOB_PATH] = breaking
    with (
        client(server).open_blob("r", DIGEST, size=len(BLOB)) as stream,
        pytest.raises(Unreachable, match="bytes arrived"),
    ):
        stream.readall()
    assert server.requests().count(f"GET {BLOB_PATH}") == 2


def test_range_reply_from_elsewhere_is_refused(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ocikit.image.registry.blobstream.RECONNECT_DELAY_S", 0)

    def wrong(h: Handler) -> None:
        h.answer(206, BLOB[5:], Content_Range=f"bytes 5-{len(BLOB) - 1}/{len(BLOB)}")

    server.routes[BLOB_PATH] = wrong
    with pytest.raises(BadContent, match="Content-Range"):
        client(server).open_blob("r", DIGEST, size=len(BLOB), offset=100)


def test_blob_of_wrong_length_is_refused_before_reading(server: Server) -> None:
    server.routes[BLOB_PATH] = lambda h: h.answer(200, BLOB[:-1])
    with pytest.raises(BadContent, match="the manifest says 5120000"):
        client(server).open_blob("r", DIGEST, size=len(BLOB))


def test_redirect_to_another_host_carries_no_credentials(server: Server) -> None:
    other = Server("127.0.0.2")
    try:
        challenge = 'Basic realm="x"'
        server.routes["/v2/"] = lambda h: h.answer(401, b"", WWW_Authenticate=challenge)
        server.routes[BLOB_PATH] = lambda h: h.answer(307, b"", Location=f"http://{other.host}/data")
        other.routes["/data"] = lambda h: h.answer(200, BLOB)
        with client(server, credentials=Credentials("u", "p")).open_blob("r", DIGEST) as stream:
            assert stream.readall() == BLOB
        assert "Authorization" in server.seen[-1][2]
        assert "Authorization" not in other.seen[-1][2]
    finally:
        other.stop()


def test_pages_follow_the_path_of_the_link_only(server: Server) -> None:
    def tags(h: Handler) -> None:
        if "last=b" in h.path:
            h.answer(200, json.dumps({"tags": ["c", "sha256:abc", ""]}).encode())
        else:
            link = '<http://elsewhere.example/v2/r/tags/list?last=b>; rel="next"'
            h.answer(200, json.dumps({"tags": ["a", "b"]}).encode(), Link=link)

    server.routes["/v2/r/tags/list"] = tags
    assert client(server).list_tags("r") == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("link", "expected"),
    [
        ("", ""),
        ('</v2/x?n=1>; rel="next"', "/v2/x?n=1"),
        ("<https://h/v2/x?n=1&last=a%2Fb>;rel=next", "/v2/x?n=1&last=a%2Fb"),
        ("v2/x", "/v2/x"),
    ],
)
def test_next_page(link: str, expected: str) -> None:
    assert next_page(link) == expected


def upload_routes(server: Server) -> list[bytes]:
    received: list[bytes] = []
    server.routes["POST /v2/r/blobs/uploads/"] = lambda h: h.answer(202, b"", Location="/up/1?state=a%3D")
    server.routes["PATCH /up/1"] = lambda h: (received.append(h.body()), h.answer(202, b"", Location="/up/2?state=b"))[
        1
    ]
    server.routes["PUT /up/2"] = lambda h: h.answer(201)
    server.routes["PUT /up/1"] = lambda h: (received.append(h.body()), h.answer(201))[1]
    server.routes["DELETE /up/1"] = lambda h: h.answer(204)
    return received


@pytest.mark.parametrize("size", [len(BLOB), -1])
def test_upload_goes_through_patch_and_put(server: Server, size: int) -> None:
    received = upload_routes(server)
    client(server).upload_blob("r", io.BytesIO(BLOB), lambda: DIGEST, size)
    assert received == [BLOB]
    assert server.requests()[-1] == f"PUT /up/2?state=b&digest={DIGEST.replace(':', '%3A')}"
    patch = next(h for m, _, h in server.seen if m == "PATCH")
    assert ("Content-Length" in patch) == (size >= 0)


def test_small_blob_goes_in_one_put(server: Server) -> None:
    received = upload_routes(server)
    client(server).upload_blob("r", io.BytesIO(b"hello"), lambda: "sha256:x", 5)
    assert received == [b"hello"]
    assert server.requests()[-2:] == ["POST /v2/r/blobs/uploads/", "PUT /up/1?state=a%3D&digest=sha256%3Ax"]


def test_upload_that_fails_is_cancelled(server: Server) -> None:
    upload_routes(server)

    class Failing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise RegistryError("the source broke")

    with pytest.raises(RegistryError, match="the source broke"):
        client(server).upload_blob("r", Failing(), lambda: DIGEST, len(BLOB))
    # The server's threads note the broken PATCH and the DELETE in either order.
    assert any(request.startswith("DELETE /up/1") for request in server.requests())


def test_mount(server: Server) -> None:
    server.routes["POST /v2/r/blobs/uploads/"] = lambda h: h.answer(201)
    assert client(server).mount_blob("r", DIGEST, "other/x")
    assert server.requests()[-1] == f"POST /v2/r/blobs/uploads/?from=other%2Fx&mount={DIGEST.replace(':', '%3A')}"
    server.routes["POST /v2/r/blobs/uploads/"] = lambda h: h.answer(202, b"", Location="/up/9")
    assert not client(server).mount_blob("r", DIGEST, "other/x")
    assert server.requests()[-1] == "DELETE /up/9"


def test_blob_existence(server: Server) -> None:
    server.routes[f"HEAD {BLOB_PATH}"] = lambda h: h.answer(200, b"", Content_Length="42")
    assert client(server).blob_size("r", DIGEST) == 42
    server.routes[f"HEAD {BLOB_PATH}"] = lambda h: h.answer(404)
    assert client(server).blob_size("r", DIGEST) is None
    server.routes[f"HEAD {BLOB_PATH}"] = lambda h: h.answer(403)
    with pytest.raises(RegistryError, match="checking whether a blob"):
        client(server).blob_size("r", DIGEST)


def test_warnings_are_shown_once(server: Server) -> None:
    notices: list[str] = []
    server.routes[MANIFEST] = lambda h: h.answer(200, b"{}", Warning='299 - "old \\"image\\""')
    one = client(server, notice=notices.append)
    one.get_manifest("r", "1")
    one.get_manifest("r", "1")
    assert notices == [f'Warning from registry (first encountered at "http://{server.host}{MANIFEST}"): "old "image""']


@pytest.mark.parametrize(
    ("body", "status", "expected"),
    [
        (b'{"errors":[{"code":"DENIED"}]}', 403, ("DENIED", "denied")),
        (b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required","detail":[]}]}', 401,
         ("UNAUTHORIZED", "authentication required")),
        (b'{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}', 401,
         ("UNAUTHORIZED", "unauthorized")),
        (b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"OCI manifest found, but"}]}', 404,
         ("MANIFEST_UNKNOWN", "manifest unknown: OCI manifest found, but")),
        (b'{"details":"no"}', 400, ("", "no")),
        (b"<html>nope not here at all, this is a very long html page</html>", 404,
         ("", 'StatusCode: 404, "<html>nope not here at all, this is a very long ht..."')),
        (b"", 502, ("", "received unexpected HTTP status: 502 Bad Gateway")),
        (b"[" * 100000, 404, ("", 'StatusCode: 404, "' + "[" * 50 + '..."')),
    ],
)  # fmt: skip
def test_error_texts(body: bytes, status: int, expected: tuple[str, str]) -> None:
    assert error_text(body, status, "Bad Gateway") == expected


def test_retry_after() -> None:
    assert retry_after("7", 2.0) == 7
    assert retry_after("100000", 2.0) == 60
    assert 2.0 <= retry_after("", 2.0) <= 2.2
    assert retry_after("Wed, 21 Oct 2015 07:28:00 GMT", 2.0) == 0
    assert 2.0 <= retry_after("soon", 2.0) <= 2.2


def test_an_error_that_is_its_own_cause_is_survived() -> None:
    error = ValueError("x")
    try:
        raise error from error
    except ValueError as caught:
        assert not is_retryable(caught)


def test_connections_are_used_again_and_a_closed_one_is_no_fault(server: Server) -> None:
    peers: set[object] = set()

    def note(h: Handler) -> None:
        peers.add(h.client_address)
        h.answer(200, b"{}")

    server.routes[MANIFEST] = note
    one = client(server)
    for _ in range(3):
        one.get_manifest("r", "1")
    assert len(peers) == 1

    def close_after(h: Handler) -> None:
        h.answer(200, b"{}")
        h.close_connection = True

    server.routes[MANIFEST] = close_after
    for _ in range(3):
        one.get_manifest("r", "1")


def test_answer_that_is_not_http(server: Server) -> None:
    def rubbish(h: Handler) -> None:
        h.wfile.write(b"SSH-2.0-OpenSSH\r\n\r\n")
        h.cut()

    server.routes[MANIFEST] = rubbish
    with pytest.raises(Unreachable, match="malformed HTTP response"):
        client(server).get_manifest("r", "1")


def test_endless_header_is_refused(server: Server) -> None:
    def endless(h: Handler) -> None:
        h.send_response_only(200)
        for number in range(500):
            h.send_header(f"X-{number}", "x" * 1000)
        h.end_headers()
        h.cut()

    server.routes[MANIFEST] = endless
    with pytest.raises(Unreachable, match="head"):
        client(server).get_manifest("r", "1")


def test_redirects_end(server: Server) -> None:
    server.routes[MANIFEST] = lambda h: h.answer(302, b"", Location=MANIFEST)
    with pytest.raises(RegistryError, match="stopped after 10 redirects"):
        client(server).get_manifest("r", "1")


def test_upload_of_another_length_is_refused(server: Server) -> None:
    upload_routes(server)
    with pytest.raises(BadContent, match="were promised"):
        client(server).upload_blob("r", io.BytesIO(BLOB), lambda: DIGEST, len(BLOB) + 1)


def test_redirected_put_keeps_its_body(server: Server) -> None:
    received: list[tuple[str, bytes]] = []
    server.routes[f"PUT {MANIFEST}"] = lambda h: (h.body(), h.answer(307, b"", Location="/elsewhere"))[1]
    server.routes["/elsewhere"] = lambda h: (received.append((h.command, h.body())), h.answer(201))[1]
    client(server).put_manifest("r", "1", b"{}", "t")
    assert received == [("PUT", b"{}")]


def test_proxy_is_used_for_other_hosts_only(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", f"http://{server.host}")
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    server.routes["http://registry.invalid/v2/"] = lambda h: h.answer(200, b"{}")
    server.routes["http://registry.invalid" + MANIFEST] = lambda h: h.answer(200, b'{"through":"proxy"}')
    other = RegistryClient("registry.invalid", ClientOptions(insecure=True))
    assert other.get_manifest("r", "1")[0] == b'{"through":"proxy"}'
    server.routes[MANIFEST] = lambda h: h.answer(200, b"{}")
    assert client(server).get_manifest("r", "1")[0] == b"{}"
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with pytest.raises(Unreachable, match="proxyconnect"):
        RegistryClient("another.invalid", ClientOptions(insecure=True)).get_manifest("r", "1")
    monkeypatch.setenv("NO_PROXY", "registry.invalid,another.invalid")
    with pytest.raises(Unreachable, match="no such host"):
        RegistryClient("another.invalid", ClientOptions(insecure=True)).get_manifest("r", "1")
