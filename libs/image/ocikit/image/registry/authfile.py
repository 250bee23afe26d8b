"""auth.json: where credentials are kept, found, stored and forgotten (containers-auth.json(5); image.md 6.1)."""

from __future__ import annotations

import os

from ocikit.common.errors import ConfigError, OcikitError
from ocikit.common.jsonfast import dumps, loads

from .credentials import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

FILE_HELPER = "containers-auth.json"
_HUB = ("docker.io", "index.docker.io", "registry-1.docker.io")


class AuthPaths:
    """Which files hold credentials for this call: ``explicit`` (only that one), or the usual ones."""

    __slots__ = ("compat", "explicit")

    def __init__(self, authfile: str = "", compat_authfile: str = "") -> None:
        if authfile and compat_authfile:
            raise ConfigError(
                "options for paths to the credential file and to the Docker-compatible credential file "
                "can not be set simultaneously"
            )
        self.compat = compat_authfile
        self.explicit = authfile or compat_authfile or os.environ.get("REGISTRY_AUTH_FILE", "")

    def write_path(self) -> str:
        """The file that login writes."""
        if self.explicit:
            return self.explicit
        docker_config = os.environ.get("DOCKER_CONFIG", "")
        if docker_config:
            return os.path.join(docker_config, "config.json")
        return _runtime_path()

    @property
    def docker_format(self) -> bool:
        """Whether the written file is Docker's own, whose other settings must survive."""
        return bool(self.compat) or (not self.explicit and bool(os.environ.get("DOCKER_CONFIG")))

    def read_paths(self) -> list[tuple[str, bool]]:
        """(path, legacy format) of every file to look into, in order."""
        if self.explicit:
            return [(self.explicit, False)]
        home = os.environ.get("HOME", "")
        config = os.environ.get("XDG_CONFIG_HOME", "") or (os.path.join(home, ".config") if home else "")
        docker = os.environ.get("DOCKER_CONFIG", "") or (os.path.join(home, ".docker") if home else "")
        paths = [self.write_path()]
        if config:
            paths.append(os.path.join(config, "containers/auth.json"))
        if docker:
            paths.append(os.path.join(docker, "config.json"))
        unique = [(path, False) for path in dict.fromkeys(paths)]
        return [*unique, (os.path.join(home, ".dockercfg"), True)] if home else unique


def _runtime_path() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime:
        return os.path.join(runtime, "containers/auth.json")
    return f"/run/containers/{os.getuid()}/auth.json"


def read_document(path: str, legacy: bool = False) -> dict[str, Any]:
    """A credentials file as a dict with ``auths`` and ``credHelpers``; missing or empty: {}."""
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return {}
    except OSError as exc:
        raise ConfigError(f'reading JSON file "{path}": {exc.strerror}') from exc
    if not data.strip():
        return {}
    try:
        doc = loads(data)
        if not isinstance(doc, dict):
            raise ValueError("the file must hold a JSON object")
    except ValueError as exc:
        raise ConfigError(
            f'reading JSON file "{path}": unmarshaling JSON at "{path}": {exc}',
            hint=f"repair or remove {path}; `podman login` writes it anew",
        ) from exc
    return {"auths": doc} if legacy else doc


def check_key(key: str) -> None:
    """Keys are ``host[:port][/namespace…]``: no scheme, no digest, no tag."""
    if key.startswith(("http://", "https://")):
        raise ConfigError(f"key {key} contains http[s]:// prefix")
    rest = key.partition("/")[2]
    if "@" in key or ":" in rest:
        raise ConfigError(f'reference "{key}" contains tag or digest')


def _normalized_host(key: str, legacy: bool) -> str:
    stripped = key.removeprefix("http://").removeprefix("https://")
    host = stripped.partition("/")[0] if legacy or stripped != key else key
    return "index.docker.io" if host in ("docker.io", "registry-1.docker.io") else host


def decode_entry(entry: dict[str, Any]) -> Credentials:
    """One value of ``auths``."""
    token = str(entry.get("identitytoken") or "")
    text = str(entry.get("auth") or "")
    if not text:
        return Credentials(identity_token=token)
    try:
        import base64

        decoded = base64.b64decode(text, validate=True).decode("utf-8")
    except ValueError as exc:
        raise ConfigError(f"decoding credentials: {exc}", hint="log in again: `podman login`") from exc
    user, colon, password = decoded.partition(":")
    if not colon:
        return Credentials(identity_token=token)
    return Credentials(user, password.strip("\0"), token)


def lookup_in(doc: dict[str, Any], key: str, legacy: bool = False) -> Credentials:
    """What one file knows of ``host/path``: its helper for the host, then the longest key, then Docker's spellings."""
    host = key.partition("/")[0]
    helper = (doc.get("credHelpers") or {}).get(host)
    if helper:
        from . import helpers

        found = helpers.get(str(helper), host)
        if found:
            return found
    auths = doc.get("auths") or {}
    candidate = key
    while candidate and not legacy:
        entry = auths.get(candidate)
        if isinstance(entry, dict):
            found = decode_entry(entry)
            if found:
                return found
        candidate = candidate.rpartition("/")[0]
    wanted = _normalized_host(host, legacy)
    for name, entry in auths.items():
        if _normalized_host(name, legacy) == wanted and isinstance(entry, dict):
            found = decode_entry(entry)
            if found:
                return found
    return Credentials()


def find_credentials(key: str, paths: AuthPaths, global_helpers: list[str] | None = None) -> Credentials:
    """Credentials for ``host[:port][/path]`` from files and helpers; empty when there are none."""
    found, _ = find_with_origin(key, paths, global_helpers)
    return found


def find_with_origin(key: str, paths: AuthPaths, global_helpers: list[str] | None = None) -> tuple[Credentials, str]:
    """(credentials, the file or "credential helper: NAME" that gave them)."""
    problems: list[OcikitError] = []
    for helper in global_helpers or [FILE_HELPER]:
        if helper != FILE_HELPER:
            from . import helpers

            try:
                found = helpers.get(helper, key.partition("/")[0])
            except OcikitError as exc:
                problems.append(exc)
                continue
            if found:
                return found, f"credential helper: {helper}"
            continue
        for path, legacy in paths.read_paths():
            try:
                found = lookup_in(read_document(path, legacy), key, legacy)
            except OcikitError as exc:
                raise ConfigError(f"getting username and password: {exc}", hint=exc.hint) from exc
            if found:
                return found, path
    if problems:
        raise problems[0]
    return Credentials(), ""


def all_logins(paths: AuthPaths) -> dict[str, Credentials]:
    """Every key of every file with its credentials (the first file wins)."""
    from . import helpers

    found: dict[str, Credentials] = {}
    for path, legacy in paths.read_paths():
        doc = read_document(path, legacy)
        for key, entry in (doc.get("auths") or {}).items():
            if isinstance(entry, dict) and key not in found:
                found[key] = decode_entry(entry)
        for host, helper in (doc.get("credHelpers") or {}).items():
            if host not in found:
                found[host] = helpers.get(str(helper), host)
    return found


# -- writing ------------------------------------------------------------------------------------------------------


def store_credentials(
    key: str, credentials: Credentials, paths: AuthPaths, global_helpers: list[str] | None = None
) -> str:
    """Keep credentials for ``key``; returns where ("/path/auth.json" or "credential helper: NAME")."""
    from . import helpers

    check_key(key)
    problems: list[str] = []
    for helper in global_helpers or [FILE_HELPER]:
        try:
            if helper == FILE_HELPER:
                return _store_in_file(key, credentials, paths)
            _refuse_namespaced(key, helper)
            helpers.store(helper, key, credentials)
            return f"credential helper: {helper}"
        except OcikitError as exc:
            problems.append(str(exc))
    raise ConfigError("; ".join(problems))


def _refuse_namespaced(key: str, helper: str) -> None:
    if "/" in key:
        raise ConfigError(f"namespaced key is not supported for credential helper {helper}")


def _store_in_file(key: str, credentials: Credentials, paths: AuthPaths) -> str:
    from . import helpers

    path = paths.write_path()
    doc = read_document(path)
    helper = (doc.get("credHelpers") or {}).get(key)
    if helper:
        helpers.store(str(helper), key, credentials)
        return f"credential helper: {helper}"
    if paths.docker_format:
        if "/" in key:
            raise ConfigError(f"namespaced key {key} is not supported in a Docker-compatible credential file")
        key = "https://index.docker.io/v1/" if key == "docker.io" else key
    text = f"{credentials.username}:{credentials.password}".encode()
    import base64

    entry = {"auth": base64.b64encode(text).decode("ascii")}
    if credentials.identity_token:
        entry["identitytoken"] = credentials.identity_token
    auths = dict(doc.get("auths") or {})
    auths[key] = entry
    write_document(path, {**doc, "auths": auths}, docker_format=paths.docker_format)
    return path


def write_document(path: str, doc: dict[str, Any], *, docker_format: bool) -> None:
    """Tab-indented, keys sorted, 0600, atomically. auth.json keeps only its two known keys, Docker's file all."""
    from ocikit.common.files import atomic_write

    if not docker_format:
        kept = {"auths": doc.get("auths") or {}}
        if doc.get("credHelpers"):
            kept["credHelpers"] = doc["credHelpers"]
        doc = kept
    directory = os.path.dirname(path)
    if directory:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    text = dumps(doc, sort_keys=True, indent="\t")
    atomic_write(os.path.realpath(path), text.encode(), mode=0o600)


def remove_credentials(key: str, paths: AuthPaths, global_helpers: list[str] | None = None) -> bool:
    """Forget ``key``; False when nobody knew it."""
    from . import helpers

    check_key(key)
    removed = False
    for helper in global_helpers or [FILE_HELPER]:
        if helper != FILE_HELPER:
            removed = ("/" not in key and helpers.erase(helper, key)) or removed
            continue
        path = paths.write_path()
        doc = read_document(path)
        named = (doc.get("credHelpers") or {}).get(key)
        if named:
            removed = helpers.erase(str(named), key) or removed
        auths = dict(doc.get("auths") or {})
        spellings = [key]
        if paths.docker_format and key in _HUB:
            spellings = ["https://index.docker.io/v1/", key]
        if any(auths.pop(spelling, None) is not None for spelling in spellings):
            write_document(path, {**doc, "auths": auths}, docker_format=paths.docker_format)
            removed = True
    return removed


def remove_all(paths: AuthPaths, global_helpers: list[str] | None = None) -> None:
    """Forget everything that the written file and the helpers keep."""
    from . import helpers

    for helper in global_helpers or [FILE_HELPER]:
        if helper != FILE_HELPER:
            for host in helpers.listed(helper):
                helpers.erase(helper, host)
            continue
        path = paths.write_path()
        doc = read_document(path)
        for host, named in (doc.get("credHelpers") or {}).items():
            helpers.erase(str(named), host)
        write_document(path, {**doc, "auths": {}, "credHelpers": {}}, docker_format=paths.docker_format)
