"""storage.conf(5), the environment and the caller's wishes, made into one settled description of a store (spec, section 1).

Exactly one file counts; nothing is merged. The result says where the store is, which driver it has and how that mounts.
"""

from __future__ import annotations

import os

from ocikit.common.errors import ConfigError

from .places import choose_driver, default_graphroot, default_runroot, expand, real

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Warn = Callable[[str], None]

DRIVERS = ("overlay", "vfs")

_STORAGE_KEYS = frozenset(
    "driver driver_priority graphroot runroot imagestore rootless_storage_path transient_store options".split()
)
_OPTION_KEYS = frozenset(
    "additionalimagestores additionallayerstores size ignore_chown_errors force_mask root-auto-userns-user "
    "auto-userns-min-size auto-userns-max-size skip_mount_home mount_program mountopt use_composefs disable-volatile "
    "pull_options overlay vfs btrfs zfs thinpool remap-uids remap-gids remap-user remap-group inodes".split()
)
_OVERLAY_KEYS = ("mountopt", "mount_program", "size", "inodes", "skip_mount_home", "use_composefs", "force_mask")


class StoreOptions:
    """What a caller may say about a store; ``None`` leaves it to storage.conf, the environment and the defaults.

    graphroot, runroot, imagestore: directories. driver: ``overlay`` or ``vfs``. options: ``["overlay.mountopt=nodev", ...]``
    as on ``--storage-opt``. transient: container records in the runroot. stores: additional read-only stores on top of the
    configured ones. keep_file_options: keep the file's driver options although a graphroot is given (buildah does).
    """

    __slots__ = ("driver", "graphroot", "imagestore", "keep_file_options", "options", "runroot", "stores", "transient")

    def __init__(
        self,
        graphroot: str | None = None,
        runroot: str | None = None,
        driver: str | None = None,
        options: Sequence[str] | None = None,
        imagestore: str | None = None,
        transient: bool | None = None,
        stores: Sequence[str] = (),
        keep_file_options: bool = False,
    ) -> None:
        self.graphroot = graphroot
        self.runroot = runroot
        self.driver = driver
        self.options = options
        self.imagestore = imagestore
        self.transient = transient
        self.stores = tuple(stores)
        self.keep_file_options = keep_file_options


class Settings:
    """A settled store: every field has its final value."""

    __slots__ = (
        "auto_userns_max",
        "auto_userns_min",
        "auto_userns_user",
        "config_file",
        "disable_volatile",
        "driver",
        "driver_named",
        "force_mask",
        "graphroot",
        "ignore_chown_errors",
        "imagestore",
        "inodes",
        "mount_program",
        "mountopt",
        "options",
        "pull_options",
        "rootless",
        "runroot",
        "size",
        "skip_mount_home",
        "stores",
        "transient",
        "warnings",
    )

    def __init__(self) -> None:
        self.graphroot = ""
        self.runroot = ""
        self.imagestore = ""
        self.driver = ""
        self.driver_named = False  # by the caller, the environment or the file
        self.options: list[str] = []
        self.stores: list[str] = []  # additional read-only stores
        self.transient = False
        self.rootless = False
        self.config_file = ""
        self.mountopt = ""
        self.mount_program = ""
        self.size = 0  # bytes a container's layer may grow to; 0: no limit
        self.inodes = 0
        self.skip_mount_home = False
        self.ignore_chown_errors = False
        self.force_mask: int | None = None
        self.disable_volatile = False
        self.auto_userns_user = "containers"
        self.auto_userns_min = 1024
        self.auto_userns_max = 65536
        self.pull_options: dict[str, str] = {}
        self.warnings: list[str] = []


# --- the file


def config_path(rootless: bool) -> tuple[str, bool]:
    """(path of the file that counts or "", is it the user's own)."""
    env = os.environ
    named = env.get("CONTAINERS_STORAGE_CONF")
    if named:
        if not os.path.exists(named):
            raise ConfigError(
                f"stat {named}: no such file or directory",
                hint="CONTAINERS_STORAGE_CONF names a storage.conf that does not exist: unset it or create the file",
            )
        return named, True
    xdg = env.get("XDG_CONFIG_HOME")
    if xdg and os.path.exists(f"{xdg}/containers/storage.conf"):
        return f"{xdg}/containers/storage.conf", True
    if rootless and env.get("HOME"):
        path = f"{env['HOME']}/.config/containers/storage.conf"
        if os.path.exists(path):
            return path, True
    for path in ("/etc/containers/storage.conf", "/usr/share/containers/storage.conf"):
        if os.path.exists(path):
            return path, False
    return "", False


def load_toml(path: str) -> dict[str, Any]:
    """The parsed file; ConfigError with the position of a syntax error."""
    from ocikit.common.config import toml

    return toml.load(path)


def settle(options: StoreOptions | None = None) -> Settings:
    """Everything decided: files read, variables expanded, driver chosen. Writes nothing."""
    from .userns import is_rootless, rootless_uid

    options = options or StoreOptions()
    settings = Settings()
    rootless = settings.rootless = is_rootless()
    uid = rootless_uid()
    path, own = config_path(rootless)
    table: dict[str, Any] = {}
    if path:
        table = _table(load_toml(path), "storage", path)
        settings.config_file = path
        if rootless and not own:
            # The system's file is not written for users: only these few wishes of it hold (spec, 1.1).
            sub = _table(table, "options", path)
            kept: dict[str, Any] = {
                k: table[k] for k in ("driver", "rootless_storage_path", "driver_priority") if k in table
            }
            if kept.get("driver") not in ("btrfs", "overlay", "overlay2", "vfs"):
                kept.pop("driver", None)
            kept["options"] = {k: sub[k] for k in ("pull_options", "ignore_chown_errors") if k in sub}
            table = kept
    _warn_unknown(table, path, settings.warnings)
    file_options = _file_options(table, settings, path)

    env = os.environ
    driver = options.driver or env.get("STORAGE_DRIVER") or _text(table, "driver", path)
    settings.driver_named = bool(driver)
    if options.options is not None:
        settings.options = list(options.options)
        if options.graphroot is None or options.keep_file_options:
            settings.options = file_options + settings.options
    elif options.graphroot is not None and not options.keep_file_options:
        settings.options = []
    else:
        settings.options = file_options
    if env.get("STORAGE_OPTS") and options.options is None:
        given = [w for w in env["STORAGE_OPTS"].split(",") if w]
        settings.options = settings.options + given if rootless else given

    storage_path = expand(_text(table, "rootless_storage_path", path), uid) if rootless else ""
    settings.graphroot = real(
        options.graphroot or expand(_text(table, "graphroot", path), uid) or storage_path or default_graphroot(rootless)
    )
    settings.runroot = real(
        options.runroot or expand(_text(table, "runroot", path), uid) or default_runroot(rootless, uid)
    )
    imagestore = options.imagestore if options.imagestore is not None else _text(table, "imagestore", path)
    settings.imagestore = real(imagestore) if imagestore else ""
    if settings.imagestore and settings.imagestore == settings.graphroot:
        raise ConfigError(f"imagestore {imagestore} must either be not set or be a different than graphroot")
    settings.transient = bool(table.get("transient_store")) if options.transient is None else options.transient

    if driver == "overlay2":
        settings.warnings.append("the storage driver overlay2 is called overlay: please change storage.conf")
        driver = "overlay"
    settings.driver = driver or choose_driver(settings, table.get("driver_priority") or ())
    _apply_options(settings)
    settings.stores += [real(s) for s in options.stores]
    if settings.imagestore:
        settings.stores = [settings.graphroot, *settings.stores]
    return settings


def _table(table: dict[str, Any], key: str, path: str) -> dict[str, Any]:
    value = table.get(key, {})
    if not isinstance(value, dict):
        raise ConfigError(f"{path}: {key} must be a table")
    return value


def _text(table: dict[str, Any], key: str, path: str) -> str:
    value = table.get(key, "")
    if not isinstance(value, str):
        raise ConfigError(f"{path}: storage.{key} must be a string, not {value!r}")
    return value


def _warn_unknown(table: dict[str, Any], path: str, warnings: list[str]) -> None:
    unknown = [f"storage.{k}" for k in table if k not in _STORAGE_KEYS]
    sub = table.get("options") or {}
    unknown += [f"storage.options.{k}" for k in sub if k not in _OPTION_KEYS]
    unknown += [
        f"storage.options.overlay.{k}"
        for k in sub.get("overlay") or {}
        if k not in (*_OVERLAY_KEYS, "ignore_chown_errors")
    ]
    if unknown:
        keys = " ".join(f'"{k}"' for k in unknown)
        warnings.append(f'Failed to decode the keys [{keys}] from "{path}"')


def _file_options(table: dict[str, Any], settings: Settings, path: str) -> list[str]:
    """The file's [storage.options] as ``driver.key=value`` words; sets what is no driver option."""
    sub = _table(table, "options", path)
    found: list[str] = []
    settings.auto_userns_user = str(sub.get("root-auto-userns-user") or "containers")
    settings.auto_userns_min = int(sub.get("auto-userns-min-size") or 1024)
    settings.auto_userns_max = int(sub.get("auto-userns-max-size") or 65536)
    settings.disable_volatile = bool(sub.get("disable-volatile"))
    settings.pull_options = {k: str(v) for k, v in (sub.get("pull_options") or {}).items()}
    found += [f".imagestore={s}" for s in sub.get("additionalimagestores") or ()]
    own = sub.get("overlay") or {}
    for key in _OVERLAY_KEYS:
        value = own.get(key) or sub.get(key)
        if isinstance(value, bool):
            value = "true" if value else "false"
        if value not in (None, ""):
            if isinstance(value, int):
                value = oct(value)[2:]
            found.append(f"overlay.{key}={value}")
    for driver in DRIVERS:
        value = (sub.get(driver) or {}).get("ignore_chown_errors") or sub.get("ignore_chown_errors")
        if value not in (None, ""):
            found.append(f"{driver}.ignore_chown_errors={str(value).lower()}")
    if sub.get("additionallayerstores"):
        settings.warnings.append("additionallayerstores in storage.conf is not supported by ocikit and ignored")
    return found


def _bool(key: str, value: str) -> bool:
    word = value.strip().lower()
    if word in ("1", "t", "true"):
        return True
    if word in ("0", "f", "false", ""):
        return False
    raise ConfigError(f'storage option {key}: "{value}" is neither true nor false')


def _apply_options(settings: Settings) -> None:
    """Driver options into fields. An option of another driver is skipped, an unknown one of ours an error."""
    driver = settings.driver
    for word in settings.options:
        full, _, value = word.partition("=")
        prefix, dot, key = full.lower().partition(".")
        if not dot:
            prefix, key = "", prefix
        if prefix == "overlay2":
            prefix = "overlay"
        if prefix not in ("", driver):
            if prefix not in ("overlay", "vfs", "btrfs", "zfs", "storage", "dm"):
                raise ConfigError(f"storage option {full} belongs to no driver")
            continue
        if key in ("imagestore", "additionalimagestore"):
            for store in value.split(","):
                if store:
                    if not os.path.isabs(store) or not os.path.isdir(store):
                        raise ConfigError(
                            f'additional image store "{store}" must be an absolute path of a directory that exists'
                        )
                    settings.stores.append(real(store))
        elif key == "ignore_chown_errors":
            settings.ignore_chown_errors = _bool(full, value)
        elif key == "mountopt":
            if driver == "vfs" and value:
                raise ConfigError("vfs driver does not support mount options")
            settings.mountopt = value
        elif driver != "overlay":
            raise ConfigError(f"{driver} driver does not support {key} options")
        elif key == "mount_program":
            if value and not os.path.exists(value):
                raise ConfigError(f"overlay: can't stat program {value}: no such file or directory")
            settings.mount_program = value
        elif key == "size":
            settings.size = _size(value)
        elif key == "inodes":
            settings.inodes = int(value)
        elif key == "skip_mount_home":
            settings.skip_mount_home = _bool(full, value)
        elif key == "force_mask":
            settings.force_mask = _mask(value)
        elif key == "use_composefs":
            if _bool(full, value):
                raise ConfigError("overlay: use_composefs is not supported by ocikit")
        elif key == "additionallayerstore":
            raise ConfigError("overlay: additional layer stores are not supported by ocikit")
        elif key != "override_kernel_check":
            raise ConfigError(f"overlay: unknown option {key}")


def _size(value: str) -> int:
    text = value.strip().lower().removesuffix("b").removesuffix("i")
    factor = {"k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}.get(text[-1:], 1)
    number = text[:-1] if factor > 1 else text
    try:
        return int(float(number) * factor)
    except ValueError:
        raise ConfigError(f'storage option size: "{value}" is not a size such as 10G') from None


def _mask(value: str) -> int:
    if value in ("shared", "private"):
        return 0o755 if value == "shared" else 0o700
    try:
        return int(value, 8)
    except ValueError:
        raise ConfigError(
            f'storage option force_mask: "{value}" is neither shared, private nor an octal mode'
        ) from None
