"""Two-phase work: whatever takes long is done in a directory of its own, and one rename makes it real or unreal.

An instance is a pair ``lock-N`` and ``temp-dir-N`` (spec, section 4.3). Whoever finds a pair whose lock is free removes it:
a killed process leaves nothing for good, and a living one must keep its lock.
"""

from __future__ import annotations

import errno
import os

from ocikit.common.files import makedirs_mode, remove_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable


def remove_mounted(path: str) -> None:
    """remove_tree; where a mount is in the way (somebody bound the store elsewhere, a crash left one) it is detached first."""
    try:
        remove_tree(path)
    except OSError as exc:
        if exc.errno != errno.EBUSY:
            raise
        from .drivers.mounts import detach_below

        detach_below(path)
        remove_tree(path)


class TempDir:
    """One instance under ``root``, made at the first use of ``path``. ``close()`` removes it with all it holds."""

    __slots__ = ("_clean", "_counter", "_fd", "_lock", "path", "root")

    def __init__(self, root: str, clean: Callable[[str], None] = remove_mounted) -> None:
        self.root = root
        self.path = ""
        self._lock = ""
        self._fd = -1
        self._counter = 0
        self._clean = clean

    def _open(self) -> None:
        import fcntl

        makedirs_mode(self.root, 0o700)
        while True:
            name = str(int.from_bytes(os.urandom(4), "little"))
            lock = f"{self.root}/lock-{name}"
            try:
                fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            try:
                _lock(fcntl, fd)
                # Between making and locking the file, a cleaner may have taken it for an orphan.
                if os.stat(lock).st_ino == os.fstat(fd).st_ino:
                    break
            except (BlockingIOError, FileNotFoundError):
                pass
            os.close(fd)
        self._fd = fd
        self._lock = lock
        self.path = f"{self.root}/temp-dir-{name}"
        try:
            os.mkdir(self.path, 0o700)
        except BaseException:
            self.close()
            raise

    def addition(self) -> str:
        """A path for staged content; nothing is made there."""
        return self._next("addition")

    def take(self, path: str) -> bool:
        """Move an existing file or tree in, to be removed by ``close()``. False when there is none."""
        try:
            os.rename(path, self._next(os.path.basename(path)))
        except FileNotFoundError:
            return False
        except OSError as exc:
            if exc.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            self._clean(path)  # no room to do it politely
        return True

    def _next(self, name: str) -> str:
        if self._fd < 0:
            self._open()
        number = self._counter
        self._counter += 1
        return f"{self.path}/{number}-{name}"

    def close(self) -> None:
        """Remove what is left inside. Call it without any lock held: it may take long."""
        if self._fd < 0:
            return
        fd, self._fd = self._fd, -1
        try:
            self._clean(self.path)
            os.unlink(self._lock)
        finally:
            os.close(fd)

    def __enter__(self) -> TempDir:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Trees:
    """Trash for the trees of a driver: one instance for each of its homes, since a rename cannot leave a file system."""

    __slots__ = ("_temps",)

    def __init__(self, roots: list[str]) -> None:
        self._temps = [TempDir(root) for root in roots]

    def take(self, path: str) -> bool:
        """As TempDir's."""
        for temp in self._temps:
            if path.startswith(os.path.dirname(temp.root) + "/"):
                return temp.take(path)
        return self._temps[0].take(path)

    def close(self) -> None:
        for temp in self._temps:
            temp.close()

    def __enter__(self) -> Trees:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Later:
    """Stands in for a TempDir where no other process can come back to the same name (random ids): the trees are removed in
    place by ``close()``. A kill before that leaves waste for ``check``, and ``rm`` is two renames and four files cheaper."""

    __slots__ = ("_paths",)

    def __init__(self) -> None:
        self._paths: list[str] = []

    def take(self, path: str) -> bool:
        self._paths.append(path)
        return True

    def close(self) -> None:
        for path in self._paths:
            remove_mounted(path)


def _lock(fcntl: object, fd: int) -> None:
    from .lockfile import _OFD_SETLK, _WRITE

    fcntl.fcntl(fd, _OFD_SETLK, _WRITE)  # type: ignore[attr-defined]


def recover(root: str, clean: Callable[[str], None] = remove_mounted) -> int:
    """Remove the instances under ``root`` that no living process owns; how many there were."""
    import fcntl

    try:
        names = os.listdir(root)
    except FileNotFoundError:
        return 0
    numbers = {n.removeprefix(p) for n in names for p in ("lock-", "temp-dir-") if n.startswith(p)}
    removed = 0
    for number in numbers:
        lock = f"{root}/lock-{number}"
        try:
            fd = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError:
            continue
        try:
            _lock(fcntl, fd)
            clean(f"{root}/temp-dir-{number}")
            os.unlink(lock)
            removed += 1
        except OSError:  # alive, or somebody else is at it
            pass
        finally:
            os.close(fd)
    return removed
