"""Searching registries for repositories (image.md 5.3: v1 search, else the v2 catalogue)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING
from urllib.parse import quote

from ocikit.common.errors import OcikitError, UsageError
from ocikit.image.reference import parse_normalized

from . import access
from .client import RegistryClient
from .errors import RegistryError
from .http import read_limited, send

if TYPE_CHECKING:
    from ocikit.image.context import SystemContext

DEFAULT_LIMIT = 25
ANSWER_LIMIT = 16 << 20


class Hit:
    """One repository; ``index`` is the registry, ``name`` the full name. ``tag`` is only set by list_tags."""

    __slots__ = ("automated", "description", "index", "name", "official", "stars", "tag")

    def __init__(
        self,
        index: str,
        name: str,
        description: str = "",
        stars: int = 0,
        official: bool = False,
        automated: bool = False,
        tag: str = "",
    ) -> None:
        self.index = index
        self.name = name
        self.description = description
        self.stars = stars
        self.official = official
        self.automated = automated
        self.tag = tag


class SearchFilter:
    """``stars=3``, ``is-official[=true]``, ``is-automated[=true]``."""

    def __init__(self, texts: list[str]) -> None:
        self.stars = 0
        self.official: bool | None = None
        self.automated: bool | None = None
        for text in texts:
            key, _, value = text.partition("=")
            if key == "stars":
                if not value.isdigit():
                    raise UsageError(f"incorrect value type for stars filter: {value!r} is no number")
                self.stars = int(value)
            elif key in ("is-official", "is-automated"):
                setattr(self, key[3:], value != "false")
            else:
                raise UsageError(f'invalid filter type "{text}"', hint="use stars, is-official or is-automated")

    def accepts(self, hit: Hit) -> bool:
        if hit.stars < self.stars:
            return False
        if self.official is not None and hit.official != self.official:
            return False
        return self.automated is None or hit.automated == self.automated


def search(ctx: SystemContext, term: str, *, limit: int = 0, filters: list[str] | None = None) -> list[Hit]:
    """Repositories whose name fits: at the registry in the term, else at all unqualified-search registries.

    Raises OcikitError when no registry is configured, or when none of them answered.
    """
    chosen = SearchFilter(filters or [])
    limit = limit or DEFAULT_LIMIT
    conf = access.load_conf(ctx)
    host, slash, rest = term.partition("/")
    if slash and ("." in host or ":" in host or host == "localhost"):
        places = [(host, rest)]
    else:
        places = [(registry, term) for registry in conf.search]
        if not places:
            raise OcikitError(
                f"couldn't search for {term}: no unqualified-search registries are defined in {conf.search_origin}",
                hint=f"search one registry with `podman search docker.io/{term}`, or add to {conf.search_origin}: "
                'unqualified-search-registries = ["docker.io"]',
            )
    hits: list[Hit] = []
    problems: list[str] = []
    for registry, query in places:
        entry = conf.find(registry)
        if entry is not None and entry.blocked:
            continue
        client = access.make_client(ctx, registry, insecure=entry is not None and entry.insecure, registries=conf)
        try:
            found = search_registry(client, query, limit)
        except OcikitError as exc:
            problems.append(f'couldn\'t search registry "{registry}": {exc}')
            continue
        hits += [hit for hit in found if chosen.accepts(hit)][:limit]
    if problems and len(problems) == len(places):
        listed = problems[0] if len(problems) == 1 else f"{len(problems)} errors occurred: " + "; ".join(problems)
        raise OcikitError(listed)
    return hits


def search_registry(client: RegistryClient, query: str, limit: int) -> list[Hit]:
    """v1 search where the registry has it, else its catalogue."""
    found = _search_v1(client, query, limit)
    return found if found is not None else _search_catalogue(client, query, limit)


def _search_v1(client: RegistryClient, query: str, limit: int) -> list[Hit] | None:
    """None: this registry has no v1 search."""
    client.ping()
    host = "index.docker.io" if client.host == "docker.io" else client.api_host
    scheme = client.url("").partition("://")[0]
    url = f"{scheme}://{host}/v1/search?q={quote(query, safe='')}&n={limit}"
    try:
        response = send(client.session, "GET", url, headers=client.headers)
    except RegistryError:
        return None
    body = read_limited(response, ANSWER_LIMIT, "searching")
    if response.status_code != 200:
        return None
    try:
        results = json.loads(body).get("results")
    except (ValueError, AttributeError):
        return None
    if not isinstance(results, list):
        return None
    return [
        Hit(
            client.host,
            f"{client.host}/{_hub_path(client.host, str(r.get('name') or ''))}",
            str(r.get("description") or "").replace("\n", " "),
            int(r.get("star_count") or 0),
            bool(r.get("is_official")),
            bool(r.get("is_automated")),
        )
        for r in results
        if isinstance(r, dict)
    ]


def _hub_path(host: str, name: str) -> str:
    return f"library/{name}" if host == "docker.io" and "/" not in name else name


def _search_catalogue(client: RegistryClient, query: str, limit: int) -> list[Hit]:
    hits: list[Hit] = []
    for page in client.pages("/v2/_catalog", ("registry:catalog:*",), "searching"):
        names = (page.get("repositories") if isinstance(page, dict) else None) or []
        hits += [Hit(client.host, f"{client.host}/{name}") for name in names if query in str(name)]
        if len(hits) >= limit:
            break
    return hits[:limit]


def list_tags(ctx: SystemContext, term: str, *, limit: int = 0) -> list[Hit]:
    """The tags of one repository."""
    from ocikit.image.transports.docker import DockerReference
    from ocikit.image.transports.docker import list_tags as tags_of

    name = parse_normalized(term.removeprefix("docker://"))
    if not name.is_name_only:
        raise UsageError(f"reference {term} must be a docker reference without a tag or digest")
    tags = tags_of(ctx, DockerReference(name.tagged()))
    return [Hit(name.domain, name.name, tag=tag) for tag in tags[: limit or DEFAULT_LIMIT]]
