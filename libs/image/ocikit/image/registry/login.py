"""Logging in to and out of registries (podman-login(1); image.md 12.3 "login")."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from ocikit.common.errors import OcikitError, UsageError
from ocikit.image.reference import parse_normalized

from . import access, authfile
from .credentials import Credentials
from .errors import Unauthorized

if TYPE_CHECKING:
    from ocikit.image.context import SystemContext

    from .conf import RegistriesConf

Say = Callable[[str], None]
# (question, whether to hide what is typed) -> answer
Ask = Callable[[str, bool], str]


class NotLoggedIn(OcikitError):
    """No credentials are stored for that registry."""


class LoginOptions:
    """``username``/``password`` "" mean "ask"; ``secret_name`` is only for messages."""

    __slots__ = ("compat_authfile", "ctx", "password", "username", "verbose")

    def __init__(
        self,
        ctx: SystemContext,
        *,
        username: str = "",
        password: str = "",
        compat_authfile: str = "",
        verbose: bool = False,
    ) -> None:
        self.ctx = ctx
        self.username = username
        self.password = password
        self.compat_authfile = compat_authfile
        self.verbose = verbose


def parse_target(text: str) -> tuple[str, str]:
    """(key under which credentials are kept, host) of ``[https://]HOST[:PORT][/NAMESPACE…]``."""
    for scheme in ("https://", "http://"):
        if text.startswith(scheme):
            host = text.removeprefix(scheme).partition("/")[0]
            return host, host
    host, slash, rest = text.partition("/")
    if slash:
        if "@" in text or ":" in rest:
            raise UsageError(f'reference "{text}" contains tag or digest')
        parse_normalized(text if "." in host or ":" in host or host == "localhost" else f"x.invalid/{text}")
    return text, host


def default_registry(conf: RegistriesConf) -> str:
    """The first unqualified-search registry: what a login without a name means."""
    if not conf.search:
        raise UsageError("please provide a registry to log in to", hint="for example: podman login quay.io")
    return conf.search[0]


def _paths(options: LoginOptions) -> authfile.AuthPaths:
    return authfile.AuthPaths(options.ctx.authfile, options.compat_authfile)


def stored_user(target: str, options: LoginOptions) -> str:
    """Who is logged in. Raises NotLoggedIn."""
    key, _ = parse_target(target)
    conf = access.load_conf(options.ctx)
    found = authfile.find_credentials(key, _paths(options), conf.credential_helpers)
    if not found.username:
        raise NotLoggedIn(f"not logged into {key}", hint=f"podman login {key}")
    return found.username


def login(target: str, options: LoginOptions, say: Say, ask: Ask) -> None:
    """Check credentials at the registry and keep them. Raises Unauthorized when they are no good."""
    key, host = parse_target(target)
    conf = access.load_conf(options.ctx)
    paths = _paths(options)
    stored, _ = authfile.find_with_origin(key, paths, conf.credential_helpers)
    if stored.identity_token:
        raise OcikitError("currently logged in, auth file contains an Identity token", hint=f"podman logout {key}")
    if not options.username and not options.password and stored.username and stored.password:
        say(f"Authenticating with existing credentials for {key}")
        if _good(host, stored, options, conf):
            say(f"Existing credentials are valid. Already logged in to {host}")
            return
        say("Existing credentials are invalid, please enter valid username and password")
    username, password = options.username, options.password
    if not username:
        shown = f" ({stored.username})" if stored.username else ""
        username = ask(f"Username{shown}: ", False) or stored.username
    if not password:
        password = ask("Password: ", True)
    credentials = Credentials(username, password)
    if not _good(host, credentials, options, conf):
        raise Unauthorized(f'logging into "{key}": invalid username/password', status=401, hint="nothing was stored")
    where = authfile.store_credentials(key, credentials, paths, conf.credential_helpers)
    if options.verbose:
        say(f"Used:  {where}")
    say("Login Succeeded!")


def _good(host: str, credentials: Credentials, options: LoginOptions, conf: RegistriesConf) -> bool:
    entry = conf.check_blocked(host)
    client = access.make_client(
        options.ctx, host, insecure=entry is not None and entry.insecure, credentials=credentials, registries=conf
    )
    try:
        client.check_credentials()
    except Unauthorized:
        return False
    except OcikitError as exc:
        exc.args = (f'authenticating creds for "{host}": {exc}',)
        raise
    return True


def logout(target: str, options: LoginOptions, say: Say) -> None:
    """Forget one registry. Raises NotLoggedIn."""
    key, _ = parse_target(target)
    conf = access.load_conf(options.ctx)
    paths = _paths(options)
    if authfile.remove_credentials(key, paths, conf.credential_helpers):
        say(f"Removed login credentials for {key}")
        return
    found, _ = authfile.find_with_origin(key, paths, conf.credential_helpers)
    if found:
        say(
            f"Not logged into {key} with current tool. Existing credentials were established via docker login. "
            "Please use docker logout instead."
        )
        return
    raise NotLoggedIn(f"not logged into {key}")


def logout_all(options: LoginOptions, say: Say) -> None:
    """Forget everything."""
    conf = access.load_conf(options.ctx)
    authfile.remove_all(_paths(options), conf.credential_helpers)
    say("Removed login credentials for all registries")
