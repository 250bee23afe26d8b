"""Questions asked of the machine: which mount program, which file system."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .overlay import Overlay


def find_program(name: str) -> str:
    """The program in PATH (then in the usual places), or ""."""
    path = os.environ.get("PATH", "")
    for directory in [*path.split(":"), "/usr/local/bin", "/usr/bin", "/bin", "/usr/local/sbin", "/usr/sbin", "/sbin"]:
        candidate = f"{directory}/{name}"
        if directory and os.access(candidate, os.X_OK) and os.path.isfile(candidate):
            return candidate
    return ""


def mount_program(driver: Overlay) -> str:
    """The configured program; else what the store's flag file says; else "" where the kernel's overlay works."""
    configured = driver.settings.mount_program
    flag = f"{driver.home}/.has-mount-program"
    if configured:
        _remember(flag, b"true")
        return configured
    try:
        with open(flag, "rb") as file:
            used = file.read().strip() == b"true"
    except FileNotFoundError:
        used = _looks_fused(driver.home)
        if not used and not native_works(driver):
            return find_program("fuse-overlayfs")
        _remember(flag, b"true" if used else b"false")
    except OSError:
        used = False
    return find_program("fuse-overlayfs") if used else ""


def _remember(flag: str, text: bytes) -> None:
    if not os.path.isdir(os.path.dirname(flag)):
        return
    try:
        fd = os.open(flag, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        with open(flag, "rb") as file:
            if file.read().strip() == text:
                return
        fd = os.open(flag, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    except OSError:
        return
    os.write(fd, text)
    os.close(fd)


def _looks_fused(home: str) -> bool:
    """Has a mount program written plain ``.wh.`` files at the top of a layer? (It does so instead of devices.)"""
    try:
        layers = [name for name in os.listdir(home) if len(name) == 64]
    except OSError:
        return False
    for layer in layers:
        try:
            with os.scandir(f"{home}/{layer}/diff") as entries:
                if any(entry.name.startswith(".wh.") and entry.is_file(follow_symlinks=False) for entry in entries):
                    return True
        except OSError:
            continue
    return False


def native_works(driver: Overlay) -> bool:
    """Can the kernel's overlay be mounted on this file system, by us? Answered from the cache of the runroot if it has it."""
    cache = driver.run_home
    if os.path.exists(f"{cache}/overlay-true"):
        return True
    if os.path.exists(f"{cache}/overlay-false"):
        return False
    answer = _try_overlay(driver.home)
    try:
        os.makedirs(cache, 0o700, exist_ok=True)
        os.close(os.open(f"{cache}/overlay-{'true' if answer else 'false'}", os.O_WRONLY | os.O_CREAT, 0o644))
    except OSError:
        pass
    return answer


def lowers_can_be_idmapped(driver: Overlay) -> bool:
    """Does this kernel mount an overlay on lowers whose ids a mount shifts? (Linux 5.19, and a file system that can.)"""
    from ..userns import in_user_namespace

    if in_user_namespace() or os.environ.get("_CONTAINERS_OVERLAY_DISABLE_IDMAP") == "yes":
        return False
    cache = f"{driver.run_home}/idmapped-lower-dir"
    if os.path.exists(f"{cache}-true"):
        return True
    if os.path.exists(f"{cache}-false"):
        return False
    answer, why = _try_idmapped(driver.home)
    try:
        os.makedirs(driver.run_home, 0o700, exist_ok=True)
        fd = os.open(f"{cache}-{'true' if answer else 'false'}", os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.write(fd, why.encode())
        os.close(fd)
    except OSError:
        pass
    return answer


def _try_idmapped(home: str) -> tuple[bool, str]:
    from ocikit.common import linux
    from ocikit.common.errors import OcikitError
    from ocikit.common.files import random_hex, remove_tree

    from ..idmap import map_lowers

    base = f"{home}/compat{random_hex(5)}"
    try:
        for name in ("", "/lower", "/upper", "/work", "/merged"):
            os.mkdir(base + name, 0o700)
        mapped = map_lowers(base, [f"{base}/lower"], ((0, 1, 1),), ((0, 1, 1),))
        try:
            data = f"lowerdir={mapped.lowers[0]},upperdir={base}/upper,workdir={base}/work"
            linux.mount("overlay", f"{base}/merged", "overlay", 0, data)
            linux.umount2(f"{base}/merged", linux.MNT_DETACH)
        finally:
            mapped.close()
        return True, ""
    except (OSError, OcikitError) as exc:
        return False, str(exc)
    finally:
        remove_tree(base)


def _try_overlay(home: str) -> bool:
    from ocikit.common import linux
    from ocikit.common.files import random_hex, remove_tree

    from ..userns import in_user_namespace

    base = f"{home}/compat{random_hex(5)}"
    try:
        for name in ("", "/lower1", "/lower2", "/upper", "/work", "/merged"):
            os.mkdir(base + name, 0o700)
    except OSError:
        return True  # no home yet: nothing to decide
    try:
        data = f"lowerdir={base}/lower2:{base}/lower1,upperdir={base}/upper,workdir={base}/work"
        if in_user_namespace():
            data += ",userxattr"
        linux.mount("overlay", f"{base}/merged", "overlay", 0, data)
        linux.umount2(f"{base}/merged", linux.MNT_DETACH)
        return True
    except OSError:
        return False
    finally:
        remove_tree(base)


def file_system(path: str) -> str:
    """The type of the file system that holds the path (or its nearest existing parent), from mountinfo: ``ext4``, ``xfs``."""
    while path and not os.path.exists(path):
        path = os.path.dirname(path)
    device = os.stat(path or "/").st_dev
    wanted = f" {os.major(device)}:{os.minor(device)} ".encode()
    with open("/proc/self/mountinfo", "rb") as table:
        for line in table:
            if wanted in line:
                fields = line.split(b" - ", 1)
                if len(fields) == 2:
                    return fields[1].split(b" ", 1)[0].decode()
    return ""
