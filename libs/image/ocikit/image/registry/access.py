"""From a SystemContext to a client: which credentials, certificates and registries.conf settings hold for a name."""

from __future__ import annotations

from ocikit.image.context import SystemContext
from ocikit.image.reference import ImageName, parse_normalized

from . import authfile, certs, conf
from .client import RegistryClient
from .connection import ClientOptions, Notice
from .credentials import Credentials


class Place:
    """One host where a name can be asked for: an open client and the repository's path there."""

    __slots__ = ("client", "mirror", "name")

    def __init__(self, client: RegistryClient, name: ImageName, mirror: bool) -> None:
        self.client = client
        self.name = name
        self.mirror = mirror


def load_conf(ctx: SystemContext) -> conf.RegistriesConf:
    return conf.load(ctx.registries_conf, ctx.registries_conf_dir, ctx.root_for_implicit_paths)


def credentials_for(ctx: SystemContext, key: str, registries: conf.RegistriesConf | None = None) -> Credentials:
    """What to log in with at ``host/path``: the command line's, else the stored ones."""
    if ctx.no_creds:
        return Credentials()
    if ctx.creds is not None:
        return Credentials(ctx.creds[0], ctx.creds[1], ctx.identity_token)
    if ctx.identity_token:
        return Credentials(identity_token=ctx.identity_token)
    paths = authfile.AuthPaths(ctx.authfile, ctx.compat_authfile)
    return authfile.find_credentials(key, paths, registries.credential_helpers if registries else None)


def make_client(
    ctx: SystemContext,
    host: str,
    *,
    insecure: bool,
    key: str = "",
    credentials: Credentials | None = None,
    registries: conf.RegistriesConf | None = None,
    notice: Notice | None = None,
) -> RegistryClient:
    """A client for ``host``; ``key`` is the repository (``host/path``) whose credentials are looked up."""
    if ctx.tls_verify is not None:
        insecure = not ctx.tls_verify
    if credentials is None:
        credentials = credentials_for(ctx, key or host, registries)
    options = ClientOptions(
        insecure=insecure,
        tls=certs.tls_options(host, ctx.cert_dir, root=ctx.root_for_implicit_paths, verify=not insecure),
        credentials=credentials,
        registry_token=ctx.registry_token,
        user_agent=ctx.user_agent,
        notice=notice,
    )
    return RegistryClient(host, options)


def pull_places(ctx: SystemContext, name: ImageName, notice: Notice | None = None) -> list[tuple[str, Place]]:
    """Every place to pull ``name`` from, in order. Credentials of the command line go to the named host alone."""
    registries = load_conf(ctx)
    places: list[tuple[str, Place]] = []
    for source in registries.pull_sources(str(name), bool(name.digest)):
        target = parse_normalized(source.name)
        own = ctx
        if target.domain != name.domain:
            own = ctx.replace(creds=None, registry_token="", identity_token="")
        client = make_client(
            own, target.domain, insecure=source.insecure, key=target.name, registries=registries, notice=notice
        )
        places.append((source.name, Place(client, target, source.mirror)))
    return places


def direct_place(ctx: SystemContext, name: ImageName, notice: Notice | None = None) -> Place:
    """The host in the name itself, as pushes, tag lists and deletions use it: never a mirror."""
    registries = load_conf(ctx)
    entry = registries.check_blocked(str(name))
    insecure = entry.insecure if entry is not None else False
    client = make_client(ctx, name.domain, insecure=insecure, key=name.name, registries=registries, notice=notice)
    return Place(client, name, False)
