"""Bearer tokens: asking a realm for one, and keeping it until it expires (image.md 5.2)."""

from __future__ import annotations

import json
import time
from datetime import datetime
from typing import Any
from urllib.parse import urlencode, urlsplit, urlunsplit

from .credentials import Credentials
from .errors import RegistryError, TooManyRequests, Unauthorized, error_text
from .http import Session, read_limited, send

TOKEN_LIMIT = 1 << 20
MIN_LIFETIME_S = 60


class Token:
    """A bearer token and the clock time (``time.time()``) at which it stops being used."""

    __slots__ = ("expires_at", "value")

    def __init__(self, value: str, expires_at: float) -> None:
        self.value = value
        self.expires_at = expires_at

    @property
    def fresh(self) -> bool:
        return time.time() < self.expires_at


def fetch_token(
    session: Session,
    parameters: dict[str, str],
    scopes: tuple[str, ...],
    credentials: Credentials,
    headers: dict[str, str],
    host: str,
) -> Token:
    """A token for ``scopes`` ("repository:a/b:pull") from the challenge's realm.

    With an identity token: OAuth2 POST. Else GET, with basic authentication if user and password are known.
    """
    realm = parameters.get("realm", "")
    if not realm:
        raise RegistryError("missing realm in bearer auth challenge", hint=f"{host} doesn't say where to get a token")
    service = parameters.get("service", "")
    if credentials.identity_token:
        fields = {
            "client_id": "containers/image",
            "grant_type": "refresh_token",
            "refresh_token": credentials.identity_token,
            "scope": " ".join(scopes),
            "service": service,
        }
        sent = {**headers, "Content-Type": "application/x-www-form-urlencoded"}
        body = urlencode({k: v for k, v in fields.items() if v}).encode()
        response = send(session, "POST", realm, headers=sent, body=body)
        doing = "Trying to obtain access token"
    else:
        query = [("account", credentials.username)] if credentials.username else []
        query += [("scope", scope) for scope in scopes]
        if service:
            query.append(("service", service))
        parts = urlsplit(realm)
        joined = "&".join(part for part in (parts.query, urlencode(query)) if part)
        sent = dict(headers)
        if credentials.username and credentials.password:
            sent["Authorization"] = credentials.basic()
        response = send(session, "GET", urlunsplit(parts._replace(query=joined)), headers=sent)
        doing = "Requesting bearer token"
    body = read_limited(response, TOKEN_LIMIT, "reading the token")
    if response.status_code == 401:
        _, text = error_text(body, 401, response.reason)
        raise Unauthorized(
            f"unable to retrieve auth token: invalid username/password: {text}",
            status=401,
            code="UNAUTHORIZED",
            hint=f"log in with `podman login {host}`",
        )
    if response.status_code == 429:
        raise TooManyRequests("too many requests to registry", status=429, code="TOOMANYREQUESTS")
    if not 200 <= response.status_code < 300:
        raise RegistryError(
            f"{doing}: received unexpected HTTP status: {response.status_code} {response.reason}",
            status=response.status_code,
        )
    return parse_token(body)


def parse_token(body: bytes) -> Token:
    """The token server's JSON: ``token`` or ``access_token``, ``expires_in`` (at least 60 s), ``issued_at``."""
    try:
        doc: Any = json.loads(body)
    except ValueError as exc:
        raise RegistryError(f"reading bearer token: {exc}") from exc
    value = doc.get("token") or doc.get("access_token") if isinstance(doc, dict) else None
    if not isinstance(value, str):
        raise RegistryError("reading bearer token: the answer holds neither token nor access_token")
    lifetime = doc.get("expires_in")
    seconds = max(lifetime, MIN_LIFETIME_S) if isinstance(lifetime, (int, float)) else MIN_LIFETIME_S
    issued = time.time()
    if isinstance(doc.get("issued_at"), str):
        try:
            issued = datetime.fromisoformat(doc["issued_at"].replace("Z", "+00:00")).timestamp()
        except ValueError:
            pass
    return Token(value, issued + seconds)
