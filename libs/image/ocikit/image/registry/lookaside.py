"""registries.d: where the signatures of an image are kept besides the registry (containers-registries.d(5); image.md 6.4)."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import quote, urlsplit

from ocikit.common.errors import ConfigError, OcikitError, Unsupported
from ocikit.common.files import atomic_write
from ocikit.image.errors import ImageError
from ocikit.image.reference import ImageName

SIGNATURE_LIMIT = 4 << 20
MAX_SIGNATURES = 128
_OLD_NAMES = {"lookaside": "sigstore", "lookaside-staging": "sigstore-staging"}


class SignatureStores:
    """All files of one registries.d directory, merged."""

    def __init__(self) -> None:
        self.default: dict[str, Any] = {}
        self.docker: dict[str, dict[str, Any]] = {}

    def _setting(self, name: ImageName, key: str) -> Any:
        """The value of ``key`` from the most specific scope that has it."""
        for scope in (str(name), *parent_scopes(name)):
            section = self.docker.get(scope)
            if section is not None:
                found = section.get(key)
                if found is None and key in _OLD_NAMES:
                    found = section.get(_OLD_NAMES[key])
                if found is not None:
                    return found
        found = self.default.get(key)
        if found is None and key in _OLD_NAMES:
            found = self.default.get(_OLD_NAMES[key])
        return found

    def read_base(self, name: ImageName) -> str:
        return str(self._setting(name, "lookaside") or builtin_lookaside())

    def write_base(self, name: ImageName) -> str:
        return str(self._setting(name, "lookaside-staging") or self.read_base(name))

    def use_attachments(self, name: ImageName) -> bool:
        return bool(self._setting(name, "use-sigstore-attachments"))


def parent_scopes(name: ImageName) -> list[str]:
    """``host/path``, each shorter path, ``host[:port]``, then ``*.`` wildcards of the host without its port."""
    scopes = [name.name]
    while "/" in scopes[-1]:
        scopes.append(scopes[-1].rpartition("/")[0])
    host = name.domain.partition(":")[0]
    while "." in host:
        host = host.partition(".")[2]
        scopes.append("*." + host)
    return scopes


def builtin_lookaside() -> str:
    if os.geteuid() == 0:
        return "file:///var/lib/containers/sigstore"
    return "file://" + os.path.join(os.environ.get("HOME", "/"), ".local/share/containers/sigstore")


def default_directory(root: str = "") -> str:
    home = os.environ.get("HOME", "")
    user = os.path.join(home, ".config/containers/registries.d") if home else ""
    return user if user and os.path.isdir(user) else f"{root}/etc/containers/registries.d"


def load(directory: str = "", root: str = "") -> SignatureStores:
    """Every ``*.yaml`` of the directory. Raises ConfigError when a name is defined twice."""
    stores = SignatureStores()
    directory = directory or default_directory(root)
    try:
        names = sorted(n for n in os.listdir(directory) if n.endswith(".yaml"))
    except OSError:
        return stores
    default_from = ""
    origin: dict[str, str] = {}
    for name in names:
        path = os.path.join(directory, name)
        doc = read_yaml(path)
        if doc.get("default-docker") is not None:
            if default_from:
                raise ConfigError(
                    f'Error parsing signature storage configuration: "default-docker" defined both in '
                    f'"{default_from}" and "{path}"'
                )
            stores.default, default_from = dict(doc["default-docker"]), path
        for scope, section in (doc.get("docker") or {}).items():
            if scope in stores.docker:
                raise ConfigError(
                    f'Error parsing signature storage configuration: "docker" namespace "{scope}" '
                    f'defined both in "{origin[scope]}" and "{path}"'
                )
            stores.docker[scope], origin[scope] = dict(section or {}), path
    return stores


def read_yaml(path: str) -> dict[str, Any]:
    """A YAML mapping, or ConfigError with the path."""
    try:
        import yaml
    except ImportError:
        raise Unsupported(f"reading {path} needs the Python package PyYAML", hint="pip install pyyaml") from None
    try:
        with open(path, "rb") as file:
            doc = yaml.safe_load(file)
    except OSError as exc:
        raise ConfigError(f"reading {path}: {exc.strerror}") from exc
    except yaml.YAMLError as exc:
        raise ConfigError(f"parsing {path}: {' '.join(str(exc).split())}", hint="it must be valid YAML") from exc
    if doc is None:
        return {}
    if not isinstance(doc, dict):
        raise ConfigError(f"parsing {path}: a mapping was expected")
    return doc


# -- the files ----------------------------------------------------------------------------------------------------


def signature_url(base: str, name: ImageName, manifest_digest: str, number: int) -> str:
    """``BASE/PATH@sha256=HEX/signature-N``, N from 1."""
    algorithm, _, encoded = manifest_digest.partition(":")
    return f"{base.rstrip('/')}/{name.path}@{algorithm}={encoded}/signature-{number}"


def _file_path(url: str) -> str:
    parts = urlsplit(url)
    if parts.netloc not in ("", "localhost"):
        raise ImageError(f"lookaside URL {url} names a host: a file URL has three slashes")
    from urllib.parse import unquote

    return unquote(parts.path)


def read_one(url: str) -> bytes | None:
    """One signature; None if there is none."""
    scheme = urlsplit(url).scheme
    if scheme == "file":
        try:
            with open(_file_path(url), "rb") as file:
                data = file.read(SIGNATURE_LIMIT + 1)
        except FileNotFoundError:
            return None
        except OSError as exc:
            raise ImageError(f"reading signature {url}: {exc.strerror}") from exc
        if len(data) > SIGNATURE_LIMIT:
            raise ImageError(f"reading signature {url}: exceeded maximum allowed size of {SIGNATURE_LIMIT} bytes")
        return data
    if scheme in ("http", "https"):
        from .http import TlsOptions, read_limited, send, session_for

        quoted = quote(url, safe=":/@=%?&")
        response = send(session_for(urlsplit(url).netloc, TlsOptions()), "GET", quoted, headers={})
        if response.status_code == 404:
            response.close()
            return None
        if response.status_code != 200:
            response.close()
            raise ImageError(f"reading signature from {url}: status {response.status_code} ({response.reason})")
        return read_limited(response, SIGNATURE_LIMIT, f"reading signature from {url}")
    raise Unsupported(f"Unsupported scheme when reading signature from {url}", hint="use file, http or https")


def read_signatures(base: str, name: ImageName, manifest_digest: str) -> list[bytes]:
    """All signatures of a manifest: numbered from 1, up to the first that is missing."""
    found: list[bytes] = []
    while len(found) < MAX_SIGNATURES:
        data = read_one(signature_url(base, name, manifest_digest, len(found) + 1))
        if data is None:
            return found
        found.append(data)
    raise ImageError(f"reading signatures of {name}: more than {MAX_SIGNATURES} of them")


def write_signatures(base: str, name: ImageName, manifest_digest: str, signatures: list[bytes]) -> None:
    """Write signature-1…n and delete the ones beyond. Only file: URLs can be written."""
    if urlsplit(base).scheme != "file":
        raise Unsupported(
            f"Writing directly to a {urlsplit(base).scheme} lookaside URL is not supported. "
            "Configure a lookaside-staging: location",
        )
    for number, data in enumerate(signatures, 1):
        path = _file_path(signature_url(base, name, manifest_digest, number))
        try:
            os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
            atomic_write(path, data, mode=0o644)
        except OSError as exc:
            raise ImageError(f"writing signature {path}: {exc.strerror}") from exc
    remove_signatures(base, name, manifest_digest, first=len(signatures) + 1)


def remove_signatures(base: str, name: ImageName, manifest_digest: str, first: int = 1) -> None:
    """Delete signature-``first`` and up; nothing there is fine."""
    number = first
    while True:
        try:
            os.unlink(_file_path(signature_url(base, name, manifest_digest, number)))
        except (OSError, OcikitError):
            return
        number += 1
