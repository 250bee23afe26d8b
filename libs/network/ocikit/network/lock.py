"""The lock that every tool holds while it reads or changes networks, leases and rules."""

from __future__ import annotations

import os

from .errors import NetworkError

ROOT_LOCK = "/run/lock/netavark.lock"


class NetworkLock:
    """A POSIX record lock on a file, as the Go tools take it: ``with NetworkLock(path): ...``. Ends with its process."""

    __slots__ = ("_depth", "_fd", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self._fd = -1
        self._depth = 0

    def __enter__(self) -> NetworkLock:
        if self._depth == 0:
            from fcntl import LOCK_EX, lockf

            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            try:
                try:
                    self._fd = os.open(self.path, flags, 0o644)
                except FileNotFoundError:
                    os.makedirs(os.path.dirname(self.path), 0o755, exist_ok=True)
                    self._fd = os.open(self.path, flags, 0o644)
                lockf(self._fd, LOCK_EX)
            except OSError as error:
                raise NetworkError(f"cannot lock {self.path}: {error.strerror}") from None
        self._depth += 1
        return self

    def __exit__(self, *_: object) -> None:
        self._depth -= 1
        if self._depth == 0:
            os.close(self._fd)
            self._fd = -1
