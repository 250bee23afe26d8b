"""containers.conf(5): found, merged, checked.

>>> from ocikit.common.config import ContainersConf
>>> conf = ContainersConf()
>>> conf.add_text('[containers]\\npids_limit = 100\\nenv = ["A=1", {append=true}]', "example")
>>> conf.containers.pids_limit, conf.containers.env[-1], conf.network.default_network
(100, 'A=1', 'podman')

``load_containers_conf()`` reads the machine's files once in a process. Other files (storage.conf, registries.conf) go
through ``ocikit.common.config.toml.load``, which avoids tomllib for what such files usually hold.
"""

from __future__ import annotations

import os

from ocikit.common.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

__all__ = ["ContainersConf", "Section", "config_home", "is_rootless", "load_containers_conf", "reset", "use_modules"]

USR = "/usr/share/containers"
ETC = "/etc/containers"


def is_rootless() -> bool:
    """Whether the user is no root, also where a user namespace makes it look so."""
    return os.geteuid() != 0 or bool(os.environ.get("_CONTAINERS_ROOTLESS_UID", "0").strip("0"))


def config_home() -> str:
    """The user's configuration directory."""
    found = os.environ.get("XDG_CONFIG_HOME")
    if found:
        return found
    home = os.environ.get("HOME")
    if not home:
        import pwd

        try:
            home = pwd.getpwuid(os.getuid()).pw_dir
        except KeyError:
            home = "/"
    return home + "/.config"


class Section:
    """One table of the file. An option that no file sets has the default of containers.conf(5); what has none is None
    (or an empty list). ``given`` tells the two apart.
    """

    __slots__ = ("_defaults", "_name", "_values")

    def __init__(self, name: str, defaults: dict[str, object]) -> None:
        self._name = name
        self._defaults = defaults
        self._values: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        values = self._values
        if name in values:
            return values[name]
        try:
            default = self._defaults[name]
        except KeyError:
            raise AttributeError(f"containers.conf has no option {self._name}.{name}") from None
        if isinstance(default, type):
            return [] if default is list else None
        if isinstance(default, tuple):
            return list(default)
        return default.copy() if isinstance(default, dict) else default

    def get(self, name: str, default: Any = None) -> Any:
        """The value that a file sets, else ``default``."""
        return self._values.get(name, default)

    def given(self, name: str) -> bool:
        """Whether a file sets the option."""
        return name in self._values

    def set(self, name: str, value: Any) -> None:
        """Overrides a value, as a global flag does."""
        self._values[name] = value


class ContainersConf:
    """All tables; ``files`` are the paths that were read, ``unknown`` the options that nobody knows."""

    __slots__ = ("_sections", "files", "unknown")

    def __init__(self) -> None:
        self._sections: dict[str, Section] = {}
        self.files: list[str] = []
        self.unknown: list[str] = []

    def __getattr__(self, name: str) -> Section:
        sections = self._sections
        if name not in sections:
            from ocikit.common.config.defaults import SECTIONS

            if name not in SECTIONS:
                raise AttributeError(f"containers.conf has no table {name}")
            sections[name] = Section(name, SECTIONS[name])
        return sections[name]

    def add_text(self, text: bytes | str, path: str) -> None:
        """Merges one file's text over what is there; ``path`` is named in errors."""
        from ocikit.common.config import toml

        self.merge(toml.loads(text, path), path)

    def add_file(self, path: str) -> None:
        """Merges one file over what is there. FileNotFoundError if there is none."""
        from ocikit.common.config import toml

        self.merge(toml.load(path), path)

    def merge(self, document: dict[str, Any], path: str) -> None:
        """Merges a parsed file over what is there."""
        from ocikit.common.config.defaults import SECTIONS

        self.files.append(path)
        for table, options in document.items():
            if table not in SECTIONS:
                self.unknown.append(f"{path}: {table}")
                continue
            if not isinstance(options, dict):
                raise ConfigError(f"{path}: {table} must be a table", hint=f"Write [{table}] on a line of its own.")
            section = getattr(self, table)
            known = SECTIONS[table]
            for name, value in options.items():
                if name not in known and known:
                    self.unknown.append(f"{path}: {table}.{name}")
                    continue
                section._values[name] = _checked(section, name, known.get(name), value, f"{path}: {table}.{name}")


def _checked(section: Section, name: str, default: object, value: Any, where: str) -> Any:
    """The value to keep, after a look at its type; lists may ask to be appended to, tables are merged."""
    kind = default if isinstance(default, type) else list if isinstance(default, tuple) else type(default)
    if default is None:
        return value
    if kind is list and isinstance(value, list):
        append = False
        if value and isinstance(value[-1], dict) and "append" in value[-1] and len(value[-1]) == 1:
            append = bool(value[-1]["append"])
            value = value[:-1]
        if isinstance(default, tuple) and not all(isinstance(item, str) for item in value):
            raise ConfigError(f"{where} must be a list of strings")
        return [*getattr(section, name), *value] if append else value
    if kind is dict and isinstance(value, dict):
        return {**getattr(section, name), **value}
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        wanted = {str: "a string", int: "an integer", bool: "true or false", list: "a list", dict: "a table"}[kind]
        raise ConfigError(f"{where} must be {wanted}")
    return value


def paths(rootless: bool | None = None) -> list[str]:
    """The files that exist among those that containers.conf(5) names, in the order in which they are read."""
    roots = [USR, ETC]
    if is_rootless() if rootless is None else rootless:
        roots.append(config_home() + "/containers")
    found = []
    for root in roots:
        if os.path.exists(f"{root}/containers.conf"):
            found.append(f"{root}/containers.conf")
        try:
            names = sorted(os.listdir(f"{root}/containers.conf.d"))
        except OSError:
            continue
        found += [f"{root}/containers.conf.d/{name}" for name in names if name.endswith(".conf")]
    return found


def _module(name: str) -> str:
    """The file of ``--module``: a path, or a name below the containers.conf.modules directories."""
    if name.startswith("/"):
        return name
    for root in (config_home() + "/containers", ETC, USR):
        path = f"{root}/containers.conf.modules/{name}"
        if os.path.exists(path):
            return path
    raise ConfigError(
        f'module "{name}" was not found', hint=f"Put it into {ETC}/containers.conf.modules or name its full path."
    )


_loaded: dict[tuple[object, ...], ContainersConf] = {}
_modules: list[str] = []


def use_modules(names: Sequence[str]) -> None:
    """Makes ``load_containers_conf()`` read these modules as well: podman's global flag --module."""
    _modules[:] = names


def load_containers_conf(modules: Sequence[str] = (), rootless: bool | None = None) -> ContainersConf:
    """The merged configuration of this machine; one object for a process and the same arguments.

    CONTAINERS_CONF names the only file to read, CONTAINERS_CONF_OVERRIDE one that is read last. ConfigError for a file
    that cannot be used.
    """
    only = os.environ.get("CONTAINERS_CONF", "")
    last = os.environ.get("CONTAINERS_CONF_OVERRIDE", "")
    key = (only, last, tuple(modules or _modules), rootless)
    if key in _loaded:
        return _loaded[key]
    conf = ContainersConf()
    modules = modules or _modules
    for path in [only] if only else paths(rootless):
        _add(conf, path, "CONTAINERS_CONF" if only else "")
    for name in modules:
        _add(conf, _module(name), "--module")
    if last:
        _add(conf, last, "CONTAINERS_CONF_OVERRIDE")
    if conf.unknown:
        from ocikit.common import log

        log.debug("options that are not known: %s", ", ".join(conf.unknown))
    _loaded[key] = conf
    return conf


def _add(conf: ContainersConf, path: str, why: str) -> None:
    if os.path.abspath(path) == os.devnull:
        return
    try:
        conf.add_file(path)
    except OSError as error:
        named = f" ({why})" if why else ""
        raise ConfigError(f"cannot read {path}{named}: {(error.strerror or 'failed').lower()}") from None


def reset() -> None:
    """Forgets what was read, for programs that change the files (and for tests)."""
    _loaded.clear()
