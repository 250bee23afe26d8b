"""Users and groups by name, looked up in a container's own /etc/passwd and /etc/group."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.spec import users


def lookup(root: str, text: str) -> users.UserInfo:
    """``user[:group]`` as USER means it: a bare user brings the passwd entry's group and supplementary groups."""
    passwd, group = (users.read_database(root, name) if root else "" for name in ("passwd", "group"))
    try:
        return users.lookup(text, (), passwd, group)
    except OcikitError as error:
        detail = f'determining run uid: user: unknown user error looking up user "{text.partition(":")[0]}"'
        if "group" in str(error):
            detail = f'determining run gid: group: unknown group error looking up group "{text.partition(":")[2]}"'
        raise BuildError(f'looking up UID/GID for "{text}": {detail}') from None


def owner_of(root: str, text: str) -> tuple[int, int]:
    """The (uid, gid) of ``--chown``: a single number means both."""
    name, colon, group = text.partition(":")
    if not colon and name.isdigit():
        return int(name), int(name)
    if name.isdigit() and group.isdigit():
        return int(name), int(group)
    user = lookup(root, text)
    return user.uid, user.gid
