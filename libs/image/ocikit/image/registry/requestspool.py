"""The heavy way to talk HTTP, on ``requests``: everything that goes through a proxy.

What is bent away from requests' defaults, and why:
- ``trust_env`` is off: it would read ~/.netrc and send those credentials to registries, and send loopback through proxies;
- the TLS context is ours: system CAs plus certs.d, client certificates, TLS 1.2 at least (image.md 5.1, 6.2);
- no cookies, no transparent decompression: blobs are verified as they are stored.
"""

from __future__ import annotations

import http.cookiejar
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from .wire import MAX_REDIRECTS

if TYPE_CHECKING:
    from .http import TlsOptions, Upload

# Whoever says --tls-verify=false has been told already.
urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

POOL_SIZE = 16


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


def make_session(tls: TlsOptions) -> requests.Session:
    """A pool with these TLS options."""
    made = requests.Session()
    made.trust_env = False
    made.max_redirects = MAX_REDIRECTS
    made.cookies.set_policy(http.cookiejar.DefaultCookiePolicy(allowed_domains=[]))
    made.headers.clear()
    adapter = _Adapter(tls)
    made.mount("https://", adapter)
    made.mount("http://", adapter)
    return made


def proxies_for(url: str) -> dict[str, str]:
    """HTTP_PROXY, HTTPS_PROXY, NO_PROXY of either case; loopback never goes through a proxy."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.startswith("127.") or host == "::1":
        return {}
    found = requests.utils.get_environ_proxies(url, no_proxy=None)
    return {scheme: proxy for scheme, proxy in found.items() if scheme in ("http", "https", "all", "no")}


def request(
    session: requests.Session,
    method: str,
    url: str,
    headers: Mapping[str, str],
    body: bytes | Upload | None,
    timeout: tuple[float, float],
) -> requests.Response:
    """One request with its redirects; requests drops Authorization when the host, the port or the scheme changes."""
    data: Any = body
    return session.request(
        method,
        url,
        headers=dict(headers),
        data=data,
        stream=True,
        allow_redirects=True,
        timeout=timeout,
        proxies=proxies_for(url),
    )
