"""Who we are: root, an ordinary user, or an ordinary user's root inside a user namespace."""

from __future__ import annotations

import os

_in_userns: bool | None = None


def in_user_namespace() -> bool:
    """Is this a user namespace other than the machine's first?"""
    global _in_userns
    if _in_userns is None:
        try:
            with open("/proc/self/uid_map", "rb") as table:
                _in_userns = table.read().split() != [b"0", b"0", b"4294967295"]
        except OSError:
            _in_userns = False
    return _in_userns


def rootless_uid() -> int:
    """The user's uid outside of the namespace that we may have entered."""
    value = os.environ.get("_CONTAINERS_ROOTLESS_UID", "")
    if value.isdigit() and os.environ.get("_CONTAINERS_USERNS_CONFIGURED"):
        return int(value)
    return os.getuid()


def is_rootless() -> bool:
    """Does an ordinary user work here (inside or outside of a namespace of their own)?"""
    return rootless_uid() != 0


def inside_uid() -> int:
    """The uid that files of the user have, as seen from here."""
    return os.getuid()
