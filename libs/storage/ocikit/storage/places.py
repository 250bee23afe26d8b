"""Where stores are by default, and which driver a store has when nobody says (spec, sections 1.2 and 1.5)."""

from __future__ import annotations

import os

from ocikit.common.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from .config import Settings

DRIVERS = ("overlay", "vfs")
_PRIOR = ("overlay", "overlay2", "vfs", "btrfs", "zfs")


def expand(text: str, uid: int) -> str:
    if "$" not in text:
        return text
    text = text.replace("${UID}", str(uid)).replace("$UID", str(uid))
    done = ""
    while text:
        before, dollar, text = text.partition("$")
        done += before
        if not dollar:
            break
        if text.startswith("{"):
            name, _, text = text[1:].partition("}")
        else:
            end = 0
            while end < len(text) and (text[end].isalnum() or text[end] == "_"):
                end += 1
            name, text = text[:end], text[end:]
        done += os.environ.get(name, "")
    return done


def real(path: str) -> str:
    path = os.path.abspath(path)
    return os.path.realpath(path) if os.path.lexists(path) else path


def default_graphroot(rootless: bool) -> str:
    if not rootless:
        return "/var/lib/containers/storage"
    data = os.environ.get("XDG_DATA_HOME") or f"{_home()}/.local/share"
    return f"{data}/containers/storage"


def _home() -> str:
    home = os.environ.get("HOME")
    if home:
        return home
    import pwd

    from .userns import rootless_uid

    try:
        return pwd.getpwuid(rootless_uid()).pw_dir
    except KeyError:
        raise ConfigError("the home directory is unknown", hint="set HOME") from None


def default_runroot(rootless: bool, uid: int) -> str:
    if not rootless:
        return "/run/containers/storage"
    return f"{runtime_dir(uid)}/containers"


def runtime_dir(uid: int) -> str:
    """XDG_RUNTIME_DIR, else /run/user/UID if it is safely the user's, else a directory of the user's in the temp directory."""
    named = os.environ.get("XDG_RUNTIME_DIR")
    if named:
        return named
    from .userns import inside_uid

    owner = inside_uid()
    path = f"/run/user/{uid}"
    try:
        st = os.lstat(path)
        if st.st_uid == owner and st.st_mode & 0o022 == 0:
            return path
    except OSError:
        pass
    path = f"{os.environ.get('TMPDIR') or '/tmp'}/storage-run-{uid}"
    try:
        os.mkdir(path, 0o700)
    except FileExistsError:
        st = os.lstat(path)
        if st.st_uid != owner or st.st_mode & 0o077:
            raise ConfigError(
                f"{path} exists and does not belong to uid {uid} alone",
                hint="set XDG_RUNTIME_DIR to a directory of your own",
            ) from None
    return path


def choose_driver(settings: Settings, priority: Sequence[str]) -> str:
    """No driver was named: what the store has already, else the first that can work (spec, section 1.5)."""
    root = settings.graphroot
    try:
        names = set(os.listdir(root))
    except OSError:
        names = set()
    prior = [d for d in _PRIOR if d in names]
    if settings.rootless and not prior:
        prior = [n.removesuffix("-images") for n in sorted(names) if n.endswith("-images")]
    if len(prior) > 1:
        chosen = [d for d in priority if d in prior]
        if not chosen:
            raise ConfigError(
                f"{root} contains several valid graphdrivers: {', '.join(sorted(prior))}; "
                "Please cleanup or explicitly choose storage driver (-s <DRIVER>)"
            )
        prior = chosen
    if prior:
        return "overlay" if prior[0] == "overlay2" else prior[0]
    wanted = [d for d in (priority or ("overlay",)) if d in DRIVERS]
    for driver in wanted:
        if driver == "vfs" or _overlay_possible(root):
            return driver
    return "vfs" if settings.rootless or not priority else wanted[0] if wanted else "overlay"


def _overlay_possible(root: str) -> bool:
    """A fresh store: may overlay be put here? Overlay does not stack on itself; elsewhere the first mount will tell."""
    from .drivers.probe import file_system, find_program

    if file_system(root) in ("overlay", "aufs", "ecryptfs"):
        return bool(find_program("fuse-overlayfs"))
    return True
