"""Who we are (root, an ordinary user, that user's root inside a namespace), and becoming the latter.

An ordinary user works as root of a user namespace that maps all of their subordinate ids. The namespaces (user and mount)
are kept by a *pause process* whose pid is in ``<tmpdir>/pause.pid``; every later command, ours or the Go podman's, joins
those. This module costs nothing to import; the work is in ``reentry``.
"""

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


def forget() -> None:
    """The namespace has changed."""
    global _in_userns
    _in_userns = None


def rootless_uid() -> int:
    """The user's uid outside of the namespace that we may have entered."""
    return _outside("_CONTAINERS_ROOTLESS_UID", os.getuid)


def rootless_gid() -> int:
    """The user's gid outside of the namespace that we may have entered."""
    return _outside("_CONTAINERS_ROOTLESS_GID", os.getgid)


def _outside(name: str, inside: object) -> int:
    # These variables are the Go tools' own convention: what they start inside (and what we start) knows where it is.
    value = os.environ.get(name, "")
    if value.isdigit() and os.environ.get("_CONTAINERS_USERNS_CONFIGURED"):
        return int(value)
    assert callable(inside)
    return int(inside())


def is_rootless() -> bool:
    """Does an ordinary user work here (inside or outside of a namespace of their own)?"""
    return rootless_uid() != 0


def inside_uid() -> int:
    """The uid that files of the user have, as seen from here."""
    return os.getuid()


def become_root_in_userns(tmpdir: str = "") -> bool:
    """Make this very process root of the user's namespace: join the pause process's, or make one. True if that was needed.

    tmpdir: libpod's (``$XDG_RUNTIME_DIR/libpod/tmp`` by default). Call it early: the process must have one thread only, and
    descriptors opened before still see the old mounts. PermissionNeeded says what is missing and how to get it.
    """
    if os.geteuid() == 0:
        return False
    from .reentry import enter

    enter(tmpdir or default_tmpdir())
    return True


def default_tmpdir() -> str:
    """Where an ordinary user's libpod keeps what dies at logout."""
    from .places import runtime_dir

    return f"{runtime_dir(rootless_uid())}/libpod/tmp"


def subids(user: str = "", path: str = "/etc/subuid") -> list[tuple[int, int]]:
    """(first id, how many) of all ranges that /etc/subuid or /etc/subgid gives to a user, named or by number; ours by default."""
    from .reentry import ranges

    return ranges(path, user)


def stop_pause(tmpdir: str = "") -> bool:
    """End the pause process: the next command makes new namespaces. False when there was none."""
    from .reentry import stop

    return stop(tmpdir or default_tmpdir())
