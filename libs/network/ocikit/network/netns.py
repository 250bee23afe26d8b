"""Network namespaces as files: ``/run/netns/netns-<uuid>`` is a bind mount of a namespace, as Podman makes them.

The namespace lives as long as the mount (or a process or socket in it), so a killed tool leaves it for ``teardown``.
"""

from __future__ import annotations

import os

from .errors import NetworkError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    T = TypeVar("T")

ROOT_DIR = "/run/netns"
_NSFS_MAGIC = 0x6E736673


def directory() -> str:
    """Where this user's namespace files live: ``/run/netns``, for a user ``$XDG_RUNTIME_DIR/netns``."""
    runtime = os.environ.get("XDG_RUNTIME_DIR")
    if runtime and _rootless():
        return os.path.join(runtime, "netns")
    return ROOT_DIR


def _rootless() -> bool:
    # inside the user namespace of a rootless tool the uid is 0; the tool leaves the user's own id in the environment
    return os.geteuid() != 0 or bool(os.environ.get("_CONTAINERS_ROOTLESS_UID", "0").strip("0"))


def new_name() -> str:
    """A fresh name of the form ``netns-<uuid>``."""
    raw = bytearray(os.urandom(16))
    raw[6] = raw[6] & 0x0F | 0x40
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"netns-{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"


def create(name: str = "", folder: str = "") -> str:
    """Makes a network namespace and returns the path of its file; loopback is still down.

    ``name`` defaults to a fresh ``netns-<uuid>``. Raises NetworkError where the kernel refuses (no privileges).
    """
    from ocikit.common import linux

    folder = folder or directory()
    path = os.path.join(folder, name or new_name())
    try:
        if folder == ROOT_DIR:
            _share(folder)
        else:
            # no sharing here: slirp4netns takes its view of the mounts apart, and the namespace would be unmounted everywhere
            os.makedirs(folder, 0o700, exist_ok=True)
        os.close(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o444))
    except OSError as error:
        raise NetworkError(f"cannot create network namespace file {path}: {error.strerror}") from None
    try:

        def make() -> None:
            linux.unshare(linux.CLONE_NEWNET)
            linux.mount("/proc/thread-self/ns/net", path, None, linux.MS_BIND)

        _in_thread(make)
    except OSError as error:
        os.unlink(path)
        raise NetworkError(
            f"cannot create a network namespace: {error.strerror}",
            hint="run as root, or let the tool enter a user namespace first",
        ) from None
    return path


def _share(folder: str) -> None:
    """Makes the folder a shared mount, so that namespace files mounted or unmounted by one tool appear and vanish for
    every process, whatever mount namespace it sits in (as ip-netns(8) does)."""
    from ocikit.common import linux

    try:
        if os.stat(folder).st_dev != os.stat(os.path.dirname(folder)).st_dev or _is_mount(folder):
            return
    except FileNotFoundError:
        os.makedirs(folder, 0o755, exist_ok=True)
    linux.mount(folder, folder, None, linux.MS_BIND | linux.MS_REC)
    linux.mount(None, folder, None, linux.MS_SHARED | linux.MS_REC)


def _is_mount(folder: str) -> bool:
    needle = f" {os.path.realpath(folder)} ".encode()
    with open("/proc/self/mountinfo", "rb") as file:
        return needle in file.read()


def exists(path: str) -> bool:
    """Whether the path is a live namespace file (and not the empty file that a reboot or unmount leaves)."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        return os.fstat(fd).st_dev == os.stat("/proc/thread-self/ns/net").st_dev
    finally:
        os.close(fd)


def remove(path: str) -> None:
    """Unmounts and deletes a namespace file; one that is gone already is no error."""
    from ocikit.common import linux

    while True:
        try:
            linux.umount2(path, linux.MNT_DETACH)
        except OSError:
            break  # EINVAL: no mount (any more); ENOENT: gone
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass
    except OSError as error:
        raise NetworkError(f"cannot remove network namespace {path}: {error.strerror}") from None


def open_fd(path: str) -> int:
    """A descriptor of the namespace; raises NetworkError naming the path."""
    try:
        return os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise NetworkError(f"cannot open network namespace {path}: {error.strerror}") from None


def run_in(fd: int, work: Callable[[], T]) -> T:
    """Calls ``work`` in the namespace of ``fd``, in a thread of its own: the calling thread never leaves its namespace,
    to which a user without root could not come back."""
    from ocikit.common import linux

    def inside() -> T:
        linux.setns(fd, linux.CLONE_NEWNET)
        return work()

    return _in_thread(inside)


def _in_thread(work: Callable[[], T]) -> T:
    """Runs the function in a new thread and gives its result or raises its error. ``threading`` costs 5 ms, this 0.1."""
    from _thread import allocate_lock, start_new_thread

    results: list[T] = []
    errors: list[BaseException] = []
    done = allocate_lock()
    done.acquire()

    def body() -> None:
        try:
            results.append(work())
        except BaseException as error:
            errors.append(error)
        finally:
            done.release()

    start_new_thread(body, ())
    with done:
        pass
    if errors:
        raise errors[0]
    return results[0]
