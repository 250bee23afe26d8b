"""HTTP to one host: TLS contexts, redirects, proxies, and network faults as sentences. Knows nothing of registries.

Requests go straight over a socket (:mod:`.wire`), or where a proxy is configured over ``requests`` (:mod:`.requestspool`),
which is loaded only then: it costs 100 ms. Answers of both kinds look alike (:class:`Answer`).
"""

from __future__ import annotations

import os
import sys

from . import wire
from .errors import BadContent, CertificateError, RegistryError, Unreachable

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Protocol

    class Readable(Protocol):
        """Bytes from front to end; b"" is the end."""

        def read(self, size: int = -1, /) -> bytes: ...

    class Answer(Protocol):
        """What a request gives: ``raw.read(n, decode_content=False)`` is the body, ``raw.headers.getlist`` repeated headers."""

        @property
        def status_code(self) -> int: ...
        @property
        def reason(self) -> str: ...
        @property
        def headers(self) -> Any: ...
        @property
        def raw(self) -> Any: ...
        @property
        def url(self) -> str: ...
        @property
        def request(self) -> Any: ...
        def close(self) -> None: ...
else:
    # Names for annotations only.
    Answer = Readable = object

CONNECT_TIMEOUT_S = 30.0
PROBE_TIMEOUT_S = 3.0
# A registry may think for minutes while it moves a large blob to its object store; Go waits for ever.
READ_TIMEOUT_S = 900.0
UPLOAD_CHUNK = 1 << 20


class TlsOptions:
    """How to talk TLS to one host: ``verify`` and the certs.d material (paths)."""

    __slots__ = ("ca_files", "client_cert", "client_key", "verify")

    def __init__(
        self, verify: bool = True, ca_files: tuple[str, ...] = (), client_cert: str = "", client_key: str = ""
    ) -> None:
        self.verify = verify
        self.ca_files = ca_files
        self.client_cert = client_cert
        self.client_key = client_key

    def key(self) -> tuple[object, ...]:
        return (self.verify, self.ca_files, self.client_cert, self.client_key)

    def context(self) -> Any:
        """An ``ssl.SSLContext``; CA files are *added* to the system's."""
        import ssl

        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        for path in self.ca_files:
            try:
                context.load_verify_locations(cafile=path)
            except (OSError, ssl.SSLError) as exc:
                raise CertificateError(f"reading CA certificate {path}: {exc}", hint="it must be a PEM file") from exc
        if self.client_cert:
            try:
                context.load_cert_chain(self.client_cert, self.client_key)
            except (OSError, ssl.SSLError) as exc:
                raise CertificateError(f"reading client certificate {self.client_cert}: {exc}") from exc
        if not self.verify:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context


class Session:
    """Connections to hosts with one set of TLS options; safe to use from several threads."""

    def __init__(self, tls: TlsOptions) -> None:
        import _thread

        self.tls = tls
        self.wire = wire.Wire(tls.context)
        self._lock = _thread.allocate_lock()
        self._heavy: Any = None

    def heavy(self) -> Any:
        """The ``requests.Session`` behind this one, made when it is needed."""
        with self._lock:
            if self._heavy is None:
                from .requestspool import make_session

                self._heavy = make_session(self.tls)
            return self._heavy


_sessions: dict[tuple[object, ...], Session] = {}


def session_for(host: str, tls: TlsOptions) -> Session:
    """The connections to ``host`` (as written, with its port); made once per process and TLS settings."""
    # dict.setdefault is one step for other threads; a session too many costs nothing.
    return _sessions.setdefault((host, os.getpid(), *tls.key()), Session(tls))


_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")


def may_need_proxy(host: str) -> bool:
    """Whether a proxy could be in the way; loopback never goes through one."""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return False
    return any(os.environ.get(name) for name in _PROXIES)


class Upload:
    """A request body of known or unknown length that goes out in large pieces (http.client would cut it in 8 KiB)."""

    __slots__ = ("_stream", "_taken", "len")

    def __init__(self, stream: Readable, size_bytes: int = -1) -> None:
        self._stream = stream
        self._taken = False
        # requests reads "len": unknown length means chunked transfer
        if size_bytes >= 0:
            self.len = size_bytes

    @property
    def taken(self) -> bool:
        """Whether a byte left already: then the request can't be sent again."""
        return self._taken

    def __iter__(self) -> Iterator[bytes]:
        sent = 0
        while True:
            piece = self._stream.read(UPLOAD_CHUNK)
            if not piece:
                break
            self._taken = True
            sent += len(piece)
            yield piece
        promised = getattr(self, "len", sent)
        if sent != promised:
            # Without this the server would wait for the rest, and we for the server.
            raise BadContent(f"the blob to upload has {sent} bytes, {promised} were promised")


def send(
    session: Session,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | Upload | None = None,
    read_timeout_s: float = READ_TIMEOUT_S,
) -> Answer:
    """One request with its redirects; the body of the answer is still unread. Faults become RegistryError.

    Redirects: at most 10; Authorization is dropped when the host, the port or the scheme changes.
    """
    try:
        if not may_need_proxy(wire.Url(url).host):
            return session.wire.request(method, url, headers, CONNECT_TIMEOUT_S, read_timeout_s, body)
        from . import requestspool

        timeout = (CONNECT_TIMEOUT_S, read_timeout_s)
        return requestspool.request(session.heavy(), method, url, headers, body, timeout)
    except faults() as exc:
        raise network_error(method, url, exc) from exc


def speaks_tls(session: Session, url: str) -> bool:
    """False only if what listens there answers a TLS greeting in plain HTTP."""
    try:
        host = wire.Url(url).host
    except OSError:
        return True
    return may_need_proxy(host) or session.wire.speaks_tls(url, PROBE_TIMEOUT_S)


def faults() -> tuple[type[BaseException], ...]:
    """What a broken connection raises, as far as the modules that raise it are loaded."""
    found: list[type[BaseException]] = [OSError]
    if "requests" in sys.modules:
        import requests
        import urllib3

        found += [requests.RequestException, urllib3.exceptions.HTTPError]
    return tuple(found)


def read_limited(response: Answer, limit: int, what: str) -> bytes:
    """The whole body, refused beyond ``limit`` bytes (an endless manifest must not fill the memory)."""
    chunks: list[bytes] = []
    total = 0
    promised = response.headers.get("Content-Length", "")
    try:
        while True:
            piece = response.raw.read(65536, decode_content=False)
            if not piece:
                break
            total += len(piece)
            if total > limit:
                raise BadContent(
                    f"{what}: exceeded maximum allowed size of {limit} bytes",
                    hint="the registry sends more than any real document needs: is this the right address?",
                )
            chunks.append(piece)
    except faults() as exc:
        raise network_error(response.request.method or "GET", response.url, exc) from exc
    finally:
        response.close()
    if promised.isdigit() and total != int(promised) and response.request.method != "HEAD":
        raise Unreachable(f"{what}: unexpected EOF: {total} of {promised} bytes arrived")
    return b"".join(chunks)


def root_cause(exc: BaseException) -> BaseException:
    """The innermost fault: urllib3 wraps three deep."""
    seen = exc
    while True:
        reason = getattr(seen, "reason", None)
        inner = reason if isinstance(reason, BaseException) else None
        if inner is None:
            inner = next((a for a in getattr(seen, "args", ()) if isinstance(a, BaseException)), None)
        if inner is None:
            inner = seen.__cause__
        if inner is None or inner is seen:
            return seen
        seen = inner


def network_error(method: str, url: str, exc: BaseException) -> RegistryError:
    """A fault below HTTP, with the texts of Go's client where there is one, and what to do about it."""
    import errno
    import socket
    import ssl
    from urllib.parse import urlsplit

    host = urlsplit(url).netloc
    name = method.capitalize()
    cause = root_cause(exc)
    text = str(cause)
    prefix = f'{name} "{url}": '
    if isinstance(cause, ssl.SSLCertVerificationError):
        return CertificateError(
            prefix + f"tls: failed to verify certificate: x509: {_certificate_problem(cause)}", hint=_tls_hint(host)
        )
    if isinstance(cause, ssl.SSLError):
        if "WRONG_VERSION_NUMBER" in text or "HTTP_REQUEST" in text or "UNKNOWN_PROTOCOL" in text:
            return CertificateError(
                prefix + "tls: first record does not look like a TLS handshake",
                hint=f"{host} speaks plain HTTP: use --tls-verify=false, or insecure = true for it in registries.conf",
            )
        return CertificateError(prefix + f"remote error: tls: {text}", hint=_tls_hint(host))
    if type(exc).__name__ == "TooManyRedirects":
        return RegistryError(prefix + f"stopped after {wire.MAX_REDIRECTS} redirects")
    if type(exc).__name__ == "ProxyError":
        return Unreachable(prefix + f"proxyconnect: {text}", hint="check HTTP_PROXY, HTTPS_PROXY and NO_PROXY")
    if isinstance(cause, socket.gaierror):
        return Unreachable(
            prefix + f"dial tcp: lookup {urlsplit(url).hostname}: no such host",
            hint=f"check the spelling of {host}, and the network",
        )
    if isinstance(cause, TimeoutError) or any("Timeout" in type(one).__name__ for one in (cause, exc)):
        return Unreachable(prefix + "i/o timeout", hint=f"{host} doesn't answer: check the network and the address")
    if isinstance(cause, OSError) and cause.errno in (errno.ECONNREFUSED, errno.EHOSTUNREACH, errno.ENETUNREACH):
        why = (os.strerror(cause.errno or 0)).lower()
        return Unreachable(
            prefix + f"dial tcp {host}: connect: {why}",
            hint=f"is there a registry at {host}, and can this machine reach it?",
        )
    if isinstance(cause, OSError) and cause.errno in (errno.ECONNRESET, errno.EPIPE):
        return Unreachable(prefix + os.strerror(cause.errno).lower(), hint=f"{host} broke the connection: try again")
    if "RemoteDisconnected" in type(cause).__name__ or "IncompleteRead" in type(cause).__name__:
        return Unreachable(prefix + "unexpected EOF", hint=f"{host} broke the connection: try again")
    return Unreachable(prefix + text)


def _certificate_problem(exc: Any) -> str:
    message = str(getattr(exc, "verify_message", "") or exc)
    if "self-signed" in message or "self signed" in message or "unable to get local issuer" in message:
        return "certificate signed by unknown authority"
    if "mismatch" in message or "doesn't match" in message or "not valid for" in message:
        return f"certificate is not valid for this host: {message}"
    if "expired" in message:
        return "certificate has expired or is not yet valid"
    return message


def _tls_hint(host: str) -> str:
    return (
        f"put the registry's CA certificate in /etc/containers/certs.d/{host}/ca.crt, "
        "or use --tls-verify=false to trust this registry without a check"
    )
