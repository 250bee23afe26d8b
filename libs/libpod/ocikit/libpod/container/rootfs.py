"""What is done inside a container's root before it runs: working directory, user entries, /etc/mtab.

Every path is opened beneath the root (openat2 with RESOLVE_IN_ROOT): an image's links cannot lead out of it.
"""

from __future__ import annotations

import os
import stat

from ocikit.common.errors import CannotExecute
from ocikit.common.files import open_beneath

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.spec.users import UserInfo


class Root:
    """An open container root; use it as a context manager."""

    __slots__ = ("fd", "path")

    def __init__(self, path: str) -> None:
        self.path = path
        self.fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

    def __enter__(self) -> Root:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def stat(self, path: str) -> os.stat_result | None:
        """What a path inside is, links followed inside; None if it is not there."""
        try:
            fd = open_beneath(self.fd, path.lstrip("/") or ".", os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return None
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def real(self, path: str) -> str:
        """The host path that an inside path leads to; "" if it is not there."""
        try:
            fd = open_beneath(self.fd, path.lstrip("/") or ".", os.O_PATH | os.O_CLOEXEC)
        except OSError:
            return ""
        try:
            return os.readlink(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)

    def resolve(self, path: str) -> str:
        """An inside path with its links resolved as far as it exists."""
        parts = [part for part in path.split("/") if part]
        for size in range(len(parts), -1, -1):
            found = self.real("/".join(parts[:size]))
            if found:
                inside = found[len(os.path.realpath(self.path)) :]
                return "/" + "/".join([*(part for part in inside.split("/") if part), *parts[size:]])
        return path

    def read(self, path: str, limit: int = 1 << 20) -> str:
        """The text of a file inside, "" if there is none."""
        try:
            fd = open_beneath(self.fd, path.lstrip("/"), os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:
            return ""
        with open(fd, "rb") as file:
            return file.read(limit).decode("utf-8", "surrogateescape")

    def makedirs(self, path: str, owner: tuple[int, int], mode: int = 0o755) -> None:
        """Makes a directory and its parents; new ones belong to ``owner``."""
        made = ""
        for part in path.strip("/").split("/"):
            parent = open_beneath(self.fd, made or ".", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.mkdir(part, mode, dir_fd=parent)
                os.chown(part, *owner, dir_fd=parent, follow_symlinks=False)
            except FileExistsError:
                pass
            finally:
                os.close(parent)
            made = f"{made}/{part}".lstrip("/")

    def append(self, path: str, line: str) -> None:
        """Adds a line to a file inside that exists."""
        fd = open_beneath(self.fd, path.lstrip("/"), os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
        with open(fd, "a+", encoding="utf-8", errors="surrogateescape") as file:
            file.seek(0)
            text = file.read()
            file.write(("" if not text or text.endswith("\n") else "\n") + line)

    def mtab(self) -> None:
        """``/etc/mtab`` -> /proc/mounts, where the image has /etc and no mtab."""
        try:
            etc = open_beneath(self.fd, "etc", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError:
            return
        try:
            os.symlink("/proc/mounts", "mtab", dir_fd=etc)
        except OSError:
            pass
        finally:
            os.close(etc)


def workdir(root: Root, config: dict[str, Any], owner: tuple[int, int], cid: str) -> None:
    """Makes the image's working directory; a given one that is missing is an error unless a mount will bring it."""
    path = config["spec"]["process"]["cwd"]
    if path == "/":
        return
    inside = [m["destination"] for m in config["spec"]["mounts"]]
    inside += [v["dest"] for v in config.get("namedVolumes") or ()]
    inside += [v["dest"] for v in config.get("overlayVolumes") or ()]
    inside += [v["dest"] for v in config.get("ctrImageVolumes") or ()]
    for dest in inside:
        if path == dest or path.startswith(dest.rstrip("/") + "/"):
            return
    info = root.stat(path)
    if info is not None:
        if not stat.S_ISDIR(info.st_mode):
            raise CannotExecute(f'workdir "{path}" on container {cid} is not a directory')
        return
    if not config.get("createWorkingDir"):
        raise CannotExecute(f'workdir "{path}" does not exist on container {cid}')
    root.makedirs(path, owner)


def passwd_line(config: dict[str, Any], user: UserInfo, host_passwd: str) -> str:
    """The line for a user without one, "" if none is needed (libpod.md 4.6)."""
    wanted = str(config.get("user") or "").partition(":")[0]
    if not wanted.isdigit() or user.found:
        return ""
    name, gecos = wanted, "container user"
    for line in host_passwd.splitlines():
        fields = line.split(":")
        if len(fields) > 4 and fields[2] == wanted:
            name, gecos = fields[0], fields[4]
            break
    home = config["spec"]["process"]["cwd"]
    template = config.get("passwd_entry")
    if template:
        for key, value in (
            ("$USERNAME", name), ("$UID", str(user.uid)), ("$GID", str(user.gid)), ("$NAME", gecos), ("$HOME", home),
        ):  # fmt: skip
            template = template.replace(key, value)
        return str(template) + "\n"
    return f"{name}:*:{user.uid}:{user.gid}:{gecos}:{home}:/bin/sh\n"


def group_line(config: dict[str, Any], user: UserInfo) -> str:
    """The line for a numeric group without one, "" if none is needed."""
    _, colon, wanted = str(config.get("user") or "").partition(":")
    if not colon or not wanted.isdigit() or user.group_found:
        return ""
    name = user.name or str(user.uid)
    template = config.get("group_entry")
    if template:
        for key, value in (("$GROUPNAME", wanted), ("$GID", wanted), ("$USERLIST", name)):
            template = template.replace(key, value)
        return str(template) + "\n"
    return f"{wanted}:x:{wanted}:{name}\n"
