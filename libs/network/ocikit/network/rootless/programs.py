"""The helper programs of rootless networks: where they are, and which one is used."""

from __future__ import annotations

import os

from ..errors import SetupFailed

HELPER_DIRS = (
    "/usr/local/libexec/podman",
    "/usr/local/lib/podman",
    "/usr/libexec/podman",
    "/usr/lib/podman",
)


def find_program(name: str, folders: tuple[str, ...] = HELPER_DIRS, *, package: str = "") -> str:
    """A helper program; raises SetupFailed with the package to install."""
    for folder in (*folders, *os.environ.get("PATH", "").split(":"), "/usr/bin", "/usr/sbin"):
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    raise SetupFailed(
        f"could not find {name}: networking without root needs it",
        hint=f'install the package "{package or name}", or run with --network none or --network host',
    )


def default_program(configured: str = "") -> str:
    """``pasta`` or ``slirp4netns``: what is configured, else the first of the two that is installed.

    Raises SetupFailed where neither is.
    """
    if configured:
        return configured
    for name in ("pasta", "slirp4netns"):
        try:
            find_program(name)
        except SetupFailed:
            continue
        return name
    raise SetupFailed(
        "could not find pasta or slirp4netns: networking without root needs one of them",
        hint='install the package "passt" (or "slirp4netns"), or run with --network none or --network host',
    )
