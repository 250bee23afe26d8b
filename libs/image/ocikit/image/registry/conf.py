"""registries.conf version 2: search registries, aliases, mirrors, blocked and insecure registries.

Source: containers-registries.conf(5), containers-registries.conf.d(5); image.md 6.3. Loading reads files; everything
else here is pure.
"""

from __future__ import annotations

import os

from ocikit.common.errors import ConfigError, OcikitError
from ocikit.image.reference import parse_normalized, parse_reference, valid_domain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

PULL_FROM_MIRROR = ("", "all", "digest-only", "tag-only")
SHORT_NAME_MODES = ("", "permissive", "enforcing", "disabled")


class Blocked(OcikitError):
    """registries.conf forbids this registry."""


class Endpoint:
    """A place to pull from: ``location`` replaces the prefix of the name."""

    __slots__ = ("insecure", "location", "pull_from_mirror")

    def __init__(self, location: str, insecure: bool = False, pull_from_mirror: str = "") -> None:
        self.location = location
        self.insecure = insecure
        self.pull_from_mirror = pull_from_mirror


class Registry:
    """One ``[[registry]]`` table."""

    __slots__ = ("blocked", "insecure", "location", "mirror_by_digest_only", "mirrors", "prefix")

    def __init__(
        self,
        prefix: str,
        location: str,
        insecure: bool = False,
        blocked: bool = False,
        mirror_by_digest_only: bool = False,
        mirrors: tuple[Endpoint, ...] = (),
    ) -> None:
        self.prefix = prefix
        self.location = location
        self.insecure = insecure
        self.blocked = blocked
        self.mirror_by_digest_only = mirror_by_digest_only
        self.mirrors = mirrors


class PullSource:
    """``name`` as it is asked for at one host; ``mirror``: not the place that the user named."""

    __slots__ = ("insecure", "mirror", "name")

    def __init__(self, name: str, insecure: bool, mirror: bool) -> None:
        self.name = name
        self.insecure = insecure
        self.mirror = mirror


class RegistriesConf:
    """All files merged. ``path`` is the main file, ``alias_origin`` which file each alias comes from."""

    def __init__(self, path: str = "", dropin_dir: str = "") -> None:
        self.path = path
        self.dropin_dir = dropin_dir
        self.search: list[str] = []
        self.search_origin = path
        self.short_name_mode = "permissive"
        self.credential_helpers: list[str] = []
        self.layer_store_auth_helper = ""
        self.aliases: dict[str, str] = {}
        self.alias_origin: dict[str, str] = {}
        self.registries: dict[str, Registry] = {}

    def find(self, reference: str) -> Registry | None:
        """The entry with the longest prefix that matches ``host/path[:tag][@digest]``."""
        best: Registry | None = None
        length = -1
        for registry in self.registries.values():
            matched = match_prefix(reference, registry.prefix)
            if matched > length:
                best, length = registry, matched
        return best

    def check_blocked(self, reference: str) -> Registry | None:
        """The entry for ``reference``; raises :class:`Blocked`."""
        registry = self.find(reference)
        if registry is not None and registry.blocked:
            where = self.path if not self.dropin_dir else f"{self.path} or {self.dropin_dir}"
            raise Blocked(
                f"registry {registry.prefix} is blocked in {where}", hint=f"remove blocked = true for it in {where}"
            )
        return registry

    def pull_sources(self, reference: str, has_digest: bool) -> list[PullSource]:
        """Where to ask for ``reference``, in order: the mirrors that may serve it, then the location."""
        registry = self.check_blocked(reference)
        if registry is None:
            return [PullSource(reference, False, False)]
        found = []
        for mirror in registry.mirrors:
            only = mirror.pull_from_mirror or ("digest-only" if registry.mirror_by_digest_only else "all")
            if only == "all" or (only == "digest-only") == has_digest:
                found.append(PullSource(rewrite(reference, registry.prefix, mirror.location), mirror.insecure, True))
        found.append(PullSource(rewrite(reference, registry.prefix, registry.location), registry.insecure, False))
        return found


def match_prefix(reference: str, prefix: str) -> int:
    """How many characters of ``reference`` the prefix covers, -1 if it doesn't match at a boundary."""
    if prefix.startswith("*."):
        host = reference.partition("/")[0]
        bare = host.partition(":")[0].partition("@")[0]
        return len(bare) if bare.endswith(prefix[1:]) and len(bare) > len(prefix) - 1 else -1
    if not reference.startswith(prefix):
        return -1
    rest = reference[len(prefix) :]
    return len(prefix) if not rest or rest[0] in ":/@" else -1


def rewrite(reference: str, prefix: str, location: str) -> str:
    """``reference`` with its prefix replaced. An empty location (wildcard entries) leaves it."""
    if not location:
        return reference
    matched = match_prefix(reference, prefix)
    rewritten = location + reference[matched:]
    parse_normalized(rewritten)
    return rewritten


# -- parsing ------------------------------------------------------------------------------------------------------


def merge_document(conf: RegistriesConf, doc: dict[str, Any], path: str, *, dropin: bool) -> None:
    """Put one parsed file over ``conf``. Raises ConfigError with ``path`` in the text."""
    try:
        _merge(conf, doc, path, dropin)
    except ConfigError as exc:
        if path not in str(exc):
            raise ConfigError(f"loading registries configuration {path!r}: {exc}", hint=exc.hint) from exc
        raise


def _merge(conf: RegistriesConf, doc: dict[str, Any], path: str, dropin: bool) -> None:
    v1 = doc.get("registries")
    if v1 is not None:
        if any(key in doc for key in ("registry", "unqualified-search-registries")):
            raise ConfigError('mixing sysregistry v1/v2 is not supported: remove the "[registries.…]" tables')
        if dropin:
            raise ConfigError("registry must be in v2 format but is in v1")
        _merge_v1(conf, v1, path)
        return
    search = _strings(doc, "unqualified-search-registries")
    if search is not None:
        for entry in search:
            if not valid_domain(entry):
                raise ConfigError(f'Invalid unqualified-search-registries entry "{entry}"', hint="give host[:port]")
        conf.search, conf.search_origin = search, path
    mode = doc.get("short-name-mode", "")
    if mode not in SHORT_NAME_MODES:
        raise ConfigError(f'invalid short-name mode: "{mode}"', hint="use permissive, enforcing or disabled")
    if mode:
        conf.short_name_mode = mode
    helpers = _strings(doc, "credential-helpers")
    if helpers is not None:
        conf.credential_helpers = helpers
    if doc.get("additional-layer-store-auth-helper"):
        conf.layer_store_auth_helper = str(doc["additional-layer-store-auth-helper"])
    for name, value in (doc.get("aliases") or {}).items():
        check_alias(name, value)
        conf.aliases[name] = value
        conf.alias_origin[name] = path
    seen: dict[str, Registry] = {}
    for table in doc.get("registry") or []:
        registry = parse_registry(table)
        for other in seen.values():
            if other.location and other.location == registry.location:
                for field in ("insecure", "blocked"):
                    if getattr(other, field) != getattr(registry, field):
                        raise ConfigError(
                            f"registry '{registry.location}' is defined multiple times with conflicting '{field}' setting"
                        )
        seen[registry.prefix] = registry
    conf.registries.update(seen)


def _merge_v1(conf: RegistriesConf, tables: dict[str, Any], path: str) -> None:
    def listed(name: str) -> list[str]:
        return [str(entry) for entry in (tables.get(name) or {}).get("registries") or []]

    conf.search, conf.search_origin = listed("search"), path
    for name in listed("insecure"):
        location = parse_location(name)
        conf.registries[location] = Registry(location, location, insecure=True)
    for name in listed("block"):
        location = parse_location(name)
        known = conf.registries.get(location)
        conf.registries[location] = Registry(location, location, known is not None and known.insecure, blocked=True)


def parse_location(text: str) -> str:
    """A location without its trailing slashes; a scheme is refused."""
    trimmed = text.rstrip("/")
    if trimmed.startswith(("http://", "https://")):
        raise ConfigError(f"invalid location '{text}': URI schemes are not supported", hint="write host[:port][/path]")
    return trimmed


def parse_registry(table: dict[str, Any]) -> Registry:
    """One ``[[registry]]`` table, checked."""
    location = parse_location(str(table.get("location") or ""))
    prefix = str(table.get("prefix") or "")
    if not prefix:
        if not location:
            raise ConfigError("invalid condition: both location and prefix are unset")
        prefix = location
    else:
        prefix = parse_location(prefix)
        if prefix.startswith("*"):
            if not prefix.startswith("*.") or any(c in prefix for c in "/@:"):
                raise ConfigError(
                    "Wildcarded prefix should be in the format: *.example.com. "
                    f'Current prefix "{prefix}" is incorrectly formatted'
                )
        elif not location:
            raise ConfigError("invalid condition: location is unset and prefix is not in the format: *.example.com")
    by_digest = bool(table.get("mirror-by-digest-only"))
    mirrors = []
    for mirror in table.get("mirror") or []:
        mirror_location = parse_location(str(mirror.get("location") or ""))
        if not mirror_location:
            raise ConfigError(f"invalid condition: mirror location of {prefix} is unset")
        pull = str(mirror.get("pull-from-mirror") or "")
        if pull not in PULL_FROM_MIRROR:
            raise ConfigError(f'unsupported pull-from-mirror value "{pull}" for mirror "{mirror_location}"')
        if pull and by_digest:
            raise ConfigError(
                f'cannot set mirror usage mirror-by-digest-only for the registry ("{prefix}") '
                f'and pull-from-mirror for per-mirror ("{mirror_location}") at the same time'
            )
        mirrors.append(Endpoint(mirror_location, bool(mirror.get("insecure")), pull))
    return Registry(
        prefix, location, bool(table.get("insecure")), bool(table.get("blocked")), by_digest, tuple(mirrors)
    )


def check_alias(name: str, value: str) -> None:
    """Alias keys are short names without tag, values full repositories."""
    if _plain_alias(name, value):
        return
    try:
        key = parse_reference(name)
        short = not ("." in key.domain or ":" in key.domain or key.domain == "localhost")
        good_key = short and key.is_name_only
    except OcikitError as exc:
        raise ConfigError(f'invalid alias key "{name}": {exc}') from exc
    if not good_key:
        raise ConfigError(f'invalid alias key "{name}": it must be a short name without tag or digest')
    if not value:
        return
    domain, slash, _ = value.partition("/")
    if not slash or not ("." in domain or ":" in domain or domain == "localhost"):
        raise ConfigError(f'invalid alias "{value}": must contain registry and repository')
    target = parse_reference(value)
    if not target.is_name_only:
        raise ConfigError(f'invalid alias "{value}": must not contain a tag or digest')


def _plain_alias(name: str, value: Any) -> bool:
    """Whether both are beyond doubt: ``word/word`` and ``host.name/word``, words of letters and digits joined by ``-``.

    Nearly all are, and distributions ship a hundred of them, read by every command that names an image.
    """
    if not isinstance(value, str) or len(name) > 60 or len(value) > 120:
        return False
    both = f"{name} {value}"
    if not both.isascii() or not both.islower() or "localhost" in both:
        return False
    domain, slash, _ = value.partition("/")
    if not slash or "." not in domain:
        return False
    # A piece is empty, and so not alphanumeric, where two joints meet or one stands at an end.
    pieces = f"{name}/{value.replace('.', '-')}".replace("-", "/").split("/")
    return all(piece.isalnum() for piece in pieces)


def _strings(doc: dict[str, Any], key: str) -> list[str] | None:
    value = doc.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ConfigError(f"{key} must be a list of texts")
    return value


# -- files --------------------------------------------------------------------------------------------------------


def _user_config_dir() -> str:
    home = os.environ.get("HOME", "")
    config = os.environ.get("XDG_CONFIG_HOME", "") or (os.path.join(home, ".config") if home else "")
    return os.path.join(config, "containers") if config else ""


def locate(explicit: str = "", explicit_dir: str = "", root: str = "") -> tuple[str, bool, list[str]]:
    """(main file, whether it was named by the user, drop-in directories)."""
    user = _user_config_dir()
    user_file = os.path.join(user, "registries.conf") if user else ""
    system_dir = f"{root}/etc/containers/registries.conf.d"
    user_dir = os.path.join(user, "registries.conf.d") if user else ""
    has_user_file = bool(user_file) and os.path.exists(user_file)
    dirs = [explicit_dir] if explicit_dir else [user_dir] if has_user_file else [system_dir, user_dir]
    dirs = [d for d in dirs if d]
    if explicit:
        return explicit, True, dirs
    return (user_file if has_user_file else f"{root}/etc/containers/registries.conf"), False, dirs


def load(explicit: str = "", explicit_dir: str = "", root: str = "") -> RegistriesConf:
    """Read and merge all files. A missing default file is an empty configuration, a missing named one an error."""
    explicit = explicit or os.environ.get("CONTAINERS_REGISTRIES_CONF", "")
    path, named, dirs = locate(explicit, explicit_dir, root)
    conf = RegistriesConf(path, dirs[0] if dirs else "")
    if named or os.path.exists(path):
        merge_document(conf, read_toml(path), path, dropin=False)
    for directory in dirs:
        try:
            names = sorted(n for n in os.listdir(directory) if n.endswith(".conf"))
        except OSError:
            continue
        for name in names:
            file = os.path.join(directory, name)
            if os.path.isfile(file):
                merge_document(conf, read_toml(file), file, dropin=True)
    return conf


def read_toml(path: str) -> dict[str, Any]:
    """A TOML file, or ConfigError with its path."""
    from ocikit.common.config import toml  # knows the plain part of TOML without tomllib, which costs 18 ms

    try:
        with open(path, "rb") as file:
            data = file.read()
    except OSError as exc:
        raise ConfigError(f"loading registries configuration {path!r}: {exc.strerror}") from exc
    return toml.loads(data, path)
