"""Short names: "busybox" may mean many things, and which one is said by registries.conf (image.md 3.3)."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from ocikit.common.errors import OcikitError
from ocikit.image.reference import ImageName, is_short_name, parse_normalized, parse_reference
from ocikit.image.registry import conf as registries_conf

if TYPE_CHECKING:
    from ocikit.image.context import SystemContext

# full names -> the chosen one; None: nobody to ask
Chooser = Callable[[list[str]], str]


class ShortNameUnresolved(OcikitError):
    """Nothing says which registry a short name belongs to."""


class Resolved:
    """What a name may mean, in the order to try. ``reason`` is the line to print (empty for full names)."""

    __slots__ = ("candidates", "reason", "record", "short")

    def __init__(self, candidates: list[ImageName], reason: str = "", short: str = "", record: bool = False) -> None:
        self.candidates = candidates
        self.reason = reason
        self.short = short
        self.record = record
        """Keep the candidate that worked as an alias: the user chose it."""

    def hint(self) -> str:
        """What to do when no candidate worked."""
        if not self.short:
            return ""
        return (
            f'to settle what "{self.short}" means, add to [aliases] in {self._alias_file()}: '
            f'"{self.short}" = "{self.candidates[0].name}"'
        )

    @staticmethod
    def _alias_file() -> str:
        return "/etc/containers/registries.conf" if os.geteuid() == 0 else "~/.config/containers/registries.conf"


def cache_path(ctx: SystemContext | None = None) -> str:
    """The file of aliases that the tools themselves keep."""
    if ctx is not None and ctx.short_name_aliases_conf:
        return ctx.short_name_aliases_conf
    if os.geteuid() == 0:
        return "/var/cache/containers/short-name-aliases.conf"
    cache = os.environ.get("XDG_CACHE_HOME", "") or os.path.join(os.environ.get("HOME", "/"), ".cache")
    return os.path.join(cache, "containers/short-name-aliases.conf")


def cached_aliases(path: str) -> dict[str, str]:
    if not os.path.exists(path):
        return {}
    aliases = registries_conf.read_toml(path).get("aliases")
    return {str(k): str(v) for k, v in aliases.items()} if isinstance(aliases, dict) else {}


def _load(ctx: SystemContext | None) -> registries_conf.RegistriesConf:
    if ctx is None:
        return registries_conf.load()
    return registries_conf.load(ctx.registries_conf, ctx.registries_conf_dir, ctx.root_for_implicit_paths)


def lookup_alias(short: ImageName, conf: registries_conf.RegistriesConf, ctx: SystemContext | None) -> tuple[str, str]:
    """(full repository, file that says so), or two empty texts. The tools' own file comes first."""
    path = cache_path(ctx)
    known = cached_aliases(path)
    if short.name in known:
        return known[short.name], path if known[short.name] else ""
    value = conf.aliases.get(short.name, "")
    return value, conf.alias_origin.get(short.name, "") if value else ""


def with_tag_of(repository: str, short: ImageName) -> ImageName:
    """``repository`` with the tag and digest of what the user typed."""
    base = parse_normalized(repository)
    return ImageName(base.domain, base.path, short.tag, short.digest).tagged()


def resolve(
    text: str,
    ctx: SystemContext | None = None,
    *,
    conf: registries_conf.RegistriesConf | None = None,
    choose: Chooser | None = None,
) -> Resolved:
    """The candidates to pull for ``text``. Raises ShortNameUnresolved, InvalidReference, ConfigError.

    ``choose`` asks the user (only given on a terminal) when several candidates remain.
    """
    if not is_short_name(text):
        return Resolved([parse_normalized(text).tagged()])
    short = parse_reference(text)
    conf = conf or _load(ctx)
    target, origin = lookup_alias(short, conf, ctx)
    if target:
        return Resolved([with_tag_of(target, short)], f'Resolved "{short.name}" as an alias ({origin})', short.name)
    if not conf.search:
        where = conf.search_origin or conf.path
        raise ShortNameUnresolved(
            f'short-name "{text}" did not resolve to an alias and no unqualified-search registries are defined in '
            f'"{where}"',
            hint=f"give the full name, for example docker.io/{short.path}, or add to {where}: "
            'unqualified-search-registries = ["docker.io"]',
        )
    candidates = [with_tag_of(f"{registry}/{short.name}", short) for registry in conf.search]
    reason = f'Resolving "{short.name}" using unqualified-search registries ({conf.search_origin})'
    if len(candidates) > 1 and conf.short_name_mode != "disabled":
        if choose is not None:
            picked = choose([str(c) for c in candidates])
            return Resolved([c for c in candidates if str(c) == picked], "", short.name, record=True)
        if conf.short_name_mode == "enforcing":
            raise ShortNameUnresolved(
                "short-name resolution enforced but cannot prompt without a TTY",
                hint=f'give the full name, or add to [aliases] in {conf.path}: "{short.name}" = "{candidates[0].name}"',
            )
    return Resolved(candidates, reason, short.name)


def local_candidates(text: str, ctx: SystemContext | None = None) -> list[ImageName]:
    """What ``text`` may be called in the local store, the best first; no question is asked."""
    if not is_short_name(text):
        return [parse_normalized(text).tagged()]
    short = parse_reference(text)
    conf = _load(ctx)
    target, _ = lookup_alias(short, conf, ctx)
    found = [with_tag_of(target, short)] if target else []
    for registry in ("localhost", *conf.search, "docker.io"):
        candidate = with_tag_of(f"{registry}/{short.name}", short)
        if candidate not in found:
            found.append(candidate)
    return found


def record_alias(short: str, repository: str, ctx: SystemContext | None = None) -> None:
    """Remember the user's choice in the tools' own file, under its lock."""
    import fcntl

    from ocikit.common.files import atomic_write

    path = cache_path(ctx)
    os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
    with open(path + ".lock", "a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        aliases = {**cached_aliases(path), short: repository}
        lines = [f'  "{name}" = "{value}"' for name, value in sorted(aliases.items())]
        atomic_write(path, ("[aliases]\n" + "\n".join(lines) + "\n").encode(), mode=0o600)
