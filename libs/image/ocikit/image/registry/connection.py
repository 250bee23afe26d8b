"""Talking to one registry host: ping, authentication, retries of what is refused for now (image.md 5.1, 5.2, 5.4)."""

from __future__ import annotations

import _thread
import time

from ocikit.common.version import VERSION

from .challenge import Challenge, parse_challenges
from .credentials import Credentials
from .errors import RegistryError, error_text, from_answer
from .http import Answer, TlsOptions, Upload, read_limited, send, session_for, speaks_tls

ERROR_LIMIT = 1 << 20
MAX_429_ATTEMPTS = 5
BACKOFF_FIRST_S = 2.0
BACKOFF_MAX_S = 60.0
USER_AGENT = f"ocikit/{VERSION}"

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from .token import Token

    Notice = Callable[[str], None]
else:
    Notice = object


class ClientOptions:
    """How to reach a registry. ``insecure``: no certificate check, and http when https fails."""

    __slots__ = ("credentials", "insecure", "notice", "registry_token", "tls", "user_agent")

    def __init__(
        self,
        *,
        insecure: bool = False,
        tls: TlsOptions | None = None,
        credentials: Credentials | None = None,
        registry_token: str = "",
        user_agent: str = "",
        notice: Notice | None = None,
    ) -> None:
        self.insecure = insecure
        self.tls = tls or TlsOptions()
        self.credentials = credentials or Credentials()
        self.registry_token = registry_token
        self.user_agent = user_agent or USER_AGENT
        self.notice = notice


class Connection:
    """One registry ``host[:port]`` (``docker.io`` is asked at its API's host)."""

    def __init__(self, host: str, options: ClientOptions | None = None) -> None:
        self.host = host
        self.api_host = "registry-1.docker.io" if host == "docker.io" else host
        self.options = options or ClientOptions()
        tls = self.options.tls
        if self.options.insecure and tls.verify:
            tls = TlsOptions(False, tls.ca_files, tls.client_cert, tls.client_key)
        self.session = session_for(self.api_host, tls)
        self.headers = {
            "User-Agent": self.options.user_agent,
            "Docker-Distribution-Api-Version": "registry/2.0",
            "Accept-Encoding": "identity",
        }
        self._ping_lock = _thread.allocate_lock()
        self._pinged = False
        self._scheme = "https"
        self._challenges: list[Challenge] = []
        self._tokens: dict[tuple[str, ...], Token] = {}
        self._warned: set[str] = set()
        self.signature_api = False

    # -- the first request --------------------------------------------------------------------------------------

    def ping(self) -> None:
        """``GET /v2/``: is this a registry, over https or (insecure only) http, and how does one log in?"""
        with self._ping_lock:
            if self._pinged:
                return
            schemes: tuple[str, ...] = ("https", "http") if self.options.insecure else ("https",)
            if self.options.insecure and not speaks_tls(self.session, f"https://{self.api_host}/v2/"):
                schemes = ("http",)
            for scheme in schemes:
                try:
                    self._ping(scheme)
                except RegistryError as exc:
                    if scheme != schemes[-1]:
                        continue
                    exc.args = (f"pinging container registry {self.api_host}: {exc}",)
                    raise
                self._scheme = scheme
                self._pinged = True
                return

    def _ping(self, scheme: str) -> None:
        url = f"{scheme}://{self.api_host}/v2/"
        response = send(self.session, "GET", url, headers=self.headers)
        body = read_limited(response, ERROR_LIMIT, "ping")
        if response.status_code not in (200, 401):
            code, text = error_text(body, response.status_code, response.reason)
            raise RegistryError(
                text, status=response.status_code, code=code, hint=f"is {self.host} a container registry?"
            )
        lines = response.raw.headers.getlist("WWW-Authenticate")
        self._challenges = parse_challenges(lines) if response.status_code == 401 or lines else []
        self.signature_api = response.headers.get("X-Registry-Supports-Signatures") == "1"

    # -- requests -----------------------------------------------------------------------------------------------

    def url(self, path: str) -> str:
        return f"{self._scheme}://{self.api_host}{path}"

    def _authorization(self, scopes: tuple[str, ...]) -> str:
        """The Authorization header for these scopes; "" when the registry asks for none."""
        if self.options.registry_token and self._challenges:
            return f"Bearer {self.options.registry_token}"
        for challenge in self._challenges:
            if challenge.scheme == "basic":
                return self.options.credentials.basic()
            if challenge.scheme == "bearer":
                token = self._tokens.get(scopes)
                if token is None or not token.fresh:
                    from .token import fetch_token

                    token = fetch_token(
                        self.session,
                        challenge.parameters,
                        scopes,
                        self.options.credentials,
                        self.headers,
                        self.host,
                    )
                    self._tokens[scopes] = token
                return f"Bearer {token.value}"
        return ""

    def request(
        self,
        method: str,
        url: str,
        *,
        scopes: tuple[str, ...] = (),
        headers: Mapping[str, str] | None = None,
        body: bytes | Upload | None = None,
        authenticate: bool = True,
    ) -> Answer:
        """One authenticated request; 429 is waited for, an insufficient scope is asked for once."""
        self.ping()
        if url.startswith("/"):
            url = self.url(url)
        widened = False
        attempt = 1
        delay = BACKOFF_FIRST_S
        while True:
            sent = {**self.headers, **(headers or {})}
            if authenticate and (authorization := self._authorization(scopes)):
                sent["Authorization"] = authorization
            response = send(self.session, method, url, headers=sent, body=body)
            self._show_warnings(response)
            again = not isinstance(body, Upload)
            if response.status_code == 429 and again and attempt < MAX_429_ATTEMPTS:
                wait = retry_after(response.headers.get("Retry-After", ""), delay)
                response.close()
                attempt += 1
                delay = min(delay * 2, BACKOFF_MAX_S)
                time.sleep(wait)
                continue
            if response.status_code == 401 and again and not widened and authenticate:
                scope = self._missing_scope(response)
                if scope and scope not in scopes:
                    response.close()
                    scopes = (*scopes, scope)
                    widened = True
                    continue
            return response

    @staticmethod
    def _missing_scope(response: Answer) -> str:
        for challenge in parse_challenges(response.raw.headers.getlist("WWW-Authenticate")):
            if challenge.scheme == "bearer" and challenge.parameters.get("error") == "insufficient_scope":
                scope = challenge.parameters.get("scope", "")
                return scope if scope.count(":") >= 2 else ""
        return ""

    def _show_warnings(self, response: Answer) -> None:
        """``Warning: 299 - "text"`` headers, each text once."""
        for line in response.raw.headers.getlist("Warning"):
            if not line.startswith('299 - "') or not line.endswith('"'):
                continue
            text = line[7:-1].replace('\\"', '"').replace("\\\\", "\\")
            if text not in self._warned:
                self._warned.add(text)
                self._notice(f'Warning from registry (first encountered at "{response.url}"): "{text}"')

    def _notice(self, text: str) -> None:
        if self.options.notice is not None:
            self.options.notice(text)

    def fail(self, response: Answer, what: str) -> RegistryError:
        """The error for an answer that isn't a success; reads and closes it."""
        try:
            body = read_limited(response, ERROR_LIMIT, what)
        except RegistryError:
            body = b""
        challenge_error = ""
        for challenge in parse_challenges(response.raw.headers.getlist("WWW-Authenticate")):
            challenge_error = challenge_error or challenge.parameters.get("error", "")
        return from_answer(what, self.host, response.status_code, response.reason, body, challenge_error)


def retry_after(header: str, default_s: float) -> float:
    """Seconds to wait: Retry-After as seconds or as an HTTP date, else ``default_s`` with a little jitter; at most 60."""
    import random
    from email.utils import parsedate_to_datetime

    wait = default_s * (1 + random.random() / 10)
    if header.isdigit():
        wait = float(header)
    elif header:
        try:
            wait = parsedate_to_datetime(header).timestamp() - time.time()
        except (TypeError, ValueError):
            pass
    return min(max(wait, 0.0), BACKOFF_MAX_S)
