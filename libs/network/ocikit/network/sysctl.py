"""Kernel settings below /proc/sys, written only when they differ."""

from __future__ import annotations

from .errors import NetworkError


def read(key: str) -> str:
    """The value of ``net/ipv4/ip_forward``; ``""`` where this kernel has no such key."""
    try:
        with open(f"/proc/sys/{key}", encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return ""


def write(key: str, value: str, *, optional: bool = False) -> bool:
    """Sets a key; True when that changed it. A missing or refused key is an error unless ``optional``."""
    if read(key) == value:
        return False
    try:
        with open(f"/proc/sys/{key}", "w", encoding="ascii") as file:
            file.write(value)
    except OSError as error:
        if optional:
            return False
        raise NetworkError(f"cannot set sysctl {key.replace('/', '.')}={value}: {error.strerror}") from None
    return True
