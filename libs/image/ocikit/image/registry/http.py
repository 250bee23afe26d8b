"""One connection pool per host, on ``requests``: TLS contexts, proxies, redirects, and network faults as sentences.

Nothing here knows what a registry is. What is bent away from requests' defaults, and why:
- ``trust_env`` is off: it would read ~/.netrc and send those credentials to registries, and send loopback through proxies;
- the TLS context is ours: system CAs plus certs.d, client certificates, TLS 1.2 at least (image.md 5.1, 6.2);
- no cookies, no transparent decompression: blobs are verified as they are stored.
"""

from __future__ import annotations

import http.cookiejar
import os
import threading
from collections.abc import Iterator, Mapping
from typing import Any, Protocol
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from .errors import BadContent, CertificateError, RegistryError, Unreachable

# Whoever says --tls-verify=false has been told already.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

CONNECT_TIMEOUT_S = 30.0
# A registry may think for minutes while it moves a large blob to its object store; Go waits for ever.
READ_TIMEOUT_S = 900.0
MAX_REDIRECTS = 10
POOL_SIZE = 16
UPLOAD_CHUNK = 1 << 18


class Readable(Protocol):
    """Bytes from front to end; b"" is the end."""

    def read(self, size: int = -1, /) -> bytes: ...


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


class _Adapter(HTTPAdapter):
    """requests' adapter with a TLS context of ours in place of certifi's bundle."""

    def __init__(self, tls: TlsOptions) -> None:
        self._tls = tls
        self._context: Any = None
        super().__init__(pool_connections=4, pool_maxsize=POOL_SIZE, max_retries=0)

    def _pool_kwargs(self) -> dict[str, Any]:
        if self._context is None:
            self._context = self._tls.context()
        return {"ssl_context": self._context}

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, **kwargs)

    def get_connection_with_tls_context(self, request: Any, verify: Any, proxies: Any = None, cert: Any = None) -> Any:
        return self._connection(request.url, proxies)

    def get_connection(self, url: Any, proxies: Any = None) -> Any:
        # requests before 2.32 asks here
        return self._connection(url, proxies)

    def _connection(self, url: str, proxies: Mapping[str, str] | None) -> Any:
        parts = urlsplit(url)
        kwargs = self._pool_kwargs() if parts.scheme == "https" else None
        proxy = requests.utils.select_proxy(url, proxies)  # type: ignore[no-untyped-call,unused-ignore]
        manager: Any = self.poolmanager  # type: ignore[attr-defined,unused-ignore]
        if proxy:
            manager = self.proxy_manager_for(requests.utils.prepend_scheme_if_needed(proxy, "http"))  # type: ignore[no-untyped-call,unused-ignore]
        return manager.connection_from_host(parts.hostname, parts.port, parts.scheme, pool_kwargs=kwargs)

    def cert_verify(self, conn: Any, url: Any, verify: Any, cert: Any) -> None:
        """The context has decided already; requests would add certifi's bundle to it."""


_sessions: dict[tuple[object, ...], requests.Session] = {}
_sessions_lock = threading.Lock()


def session_for(host: str, tls: TlsOptions) -> requests.Session:
    """The pool for ``host`` (as written, with its port); made once per process and TLS settings."""
    key = (host, os.getpid(), *tls.key())
    with _sessions_lock:
        found = _sessions.get(key)
        if found is None:
            found = requests.Session()
            found.trust_env = False
            found.max_redirects = MAX_REDIRECTS
            found.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
            found.headers.clear()
            adapter = _Adapter(tls)
            found.mount("https://", adapter)
            found.mount("http://", adapter)
            _sessions[key] = found
        return found


def proxies_for(url: str) -> dict[str, str]:
    """HTTP_PROXY, HTTPS_PROXY, NO_PROXY of either case; loopback never goes through a proxy."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return {}
    found = requests.utils.get_environ_proxies(url, no_proxy=None)
    return {scheme: proxy for scheme, proxy in found.items() if scheme in ("http", "https", "all", "no")}


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
        while True:
            piece = self._stream.read(UPLOAD_CHUNK)
            if not piece:
                return
            self._taken = True
            yield piece


def send(
    session: requests.Session,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes | Upload | None = None,
    read_timeout_s: float = READ_TIMEOUT_S,
) -> requests.Response:
    """One request with its redirects; the body of the answer is still unread. Faults become RegistryError.

    Redirects: at most 10; requests drops Authorization when the host, the port or the scheme changes.
    """
    data: Any = body
    try:
        return session.request(
            method,
            url,
            headers=dict(headers),
            data=data,
            stream=True,
            allow_redirects=True,
            timeout=(CONNECT_TIMEOUT_S, read_timeout_s),
            proxies=proxies_for(url),
        )
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as exc:
        raise network_error(method, url, exc) from exc


def read_limited(response: requests.Response, limit: int, what: str) -> bytes:
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
    except (urllib3.exceptions.HTTPError, OSError) as exc:
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
    if isinstance(exc, requests.exceptions.TooManyRedirects):
        return RegistryError(prefix + f"stopped after {MAX_REDIRECTS} redirects")
    if isinstance(exc, requests.exceptions.ProxyError):
        return Unreachable(prefix + f"proxyconnect: {text}", hint="check HTTP_PROXY, HTTPS_PROXY and NO_PROXY")
    if isinstance(cause, socket.gaierror):
        return Unreachable(
            prefix + f"dial tcp: lookup {urlsplit(url).hostname}: no such host",
            hint=f"check the spelling of {host}, and the network",
        )
    if isinstance(cause, (TimeoutError, urllib3.exceptions.TimeoutError, requests.exceptions.Timeout)):
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
