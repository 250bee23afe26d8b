"""``podman cp``: files in and out of containers (podman-cp(1); libpod.md section 8).

Both ends work in forked children that have changed their root: links inside a container lead nowhere else, and a tar that
comes out of one is unpacked in a root of its own.
"""

from __future__ import annotations

import os
import stat
import tarfile
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.libpod.container.filesystem import Mounted
from ocikit.libpod.container.record import PAUSED, RUNNING, Container


class Side:
    """One end of a copy: ``container`` None is this host; ``path`` as typed."""

    def __init__(self, container: Container | None, path: str) -> None:
        self.container = container
        self.path = path
        self.root = "/"
        self.inner = path

    def open(self, stack: ExitStack) -> None:
        """Finds the root to work in. A stopped container's volumes stand for what is mounted while it runs."""
        if self.container is None:
            self.inner = os.path.join(os.getcwd(), self.path) if not self.path.startswith("/") else self.path
            return
        container = self.container
        inner = self.path if self.path.startswith("/") else f"{container.config['spec']['process']['cwd']}/{self.path}"
        if container.number in (RUNNING, PAUSED) and container.pid:
            self.root, self.inner = f"/proc/{container.pid}/root", inner
            return
        self.root = stack.enter_context(Mounted(container))
        self.inner = inner
        plain = os.path.normpath(inner)
        for dest, source in sorted(_sources(container), key=lambda pair: -len(pair[0])):
            if plain == dest or plain.startswith(dest.rstrip("/") + "/"):
                rest = inner[len(dest) :] if plain != dest else "/"
                self.root, self.inner = (source, rest or "/") if os.path.isdir(source) else ("/", source)
                return

    def describe(self) -> str:
        """For messages."""
        return f"on container {self.container.name}" if self.container is not None else "on the host"


def _sources(container: Container) -> list[tuple[str, str]]:
    found = [
        (volume["dest"], container.runtime.volumes.path(volume["volumeName"]))
        for volume in container.config.get("namedVolumes") or ()
    ]
    wanted = set(container.config.get("userVolumes") or ())
    found += [
        (mount["destination"], mount["source"])
        for mount in container.config["spec"]["mounts"]
        if mount["type"] == "bind" and mount["destination"] in wanted
    ]
    return found


class Info:
    """What a path is: ``kind`` "dir", "file" or "" for nothing; ``real`` with the links of its last part followed."""

    def __init__(self, kind: str, real: str) -> None:
        self.kind = kind
        self.real = real


def copy(source: Side, target: Side, *, archive: bool = True, overwrite: bool = False) -> None:
    """Copies by the rules of docker cp. ``archive``: what goes in belongs to the container's root; what comes out to us."""
    with ExitStack() as stack:
        source.open(stack)
        target.open(stack)
        what = look(source)
        contents = source.inner.endswith("/.")
        if not what.kind:
            raise OcikitError(f'"{source.path}" could not be found {source.describe()}: no such file or directory')
        if what.kind == "file" and source.inner.endswith("/"):
            raise OcikitError(f'"{source.path}" is not a directory {source.describe()}')
        folder, name = _place(target, look(target), what, source, contents, overwrite)
        reader, writer = os.pipe()
        names = _Names(what.real, name)
        owner = None if not archive else (0, 0) if target.container is not None else (os.getuid(), os.getgid())
        sender = _spawn(source.root, lambda: _send(writer, names), close=reader)
        os.close(writer)
        receiver = _spawn(target.root, lambda: _receive(reader, folder, owner, overwrite))
        os.close(reader)
        _join(sender, receiver)


def to_stream(source: Side, fd: int) -> None:
    """``cp C:/path -``: a tar to a descriptor."""
    with ExitStack() as stack:
        source.open(stack)
        what = look(source)
        if not what.kind:
            raise OcikitError(f'"{source.path}" could not be found {source.describe()}: no such file or directory')
        name = "." if source.inner.endswith("/.") else os.path.basename(os.path.normpath(source.inner)) or "."
        _join(_spawn(source.root, lambda: _send(fd, _Names(what.real, name))))


def from_stream(fd: int, target: Side, *, archive: bool = True, overwrite: bool = False) -> None:
    """``cp - C:/path``: a tar from a descriptor into a directory that exists."""
    with ExitStack() as stack:
        target.open(stack)
        what = look(target)
        if what.kind != "dir":
            raise OcikitError(f'destination must be a directory when copying from stdin: "{target.path}"')
        owner = None if not archive else (0, 0)
        _join(_spawn(target.root, lambda: _receive(fd, what.real, owner, overwrite)))


def _place(target: Side, there: Info, what: Info, source: Side, contents: bool, overwrite: bool) -> tuple[str, str]:
    """(directory, name) where the source goes."""
    own = os.path.basename(os.path.normpath(source.inner))
    if there.kind == "dir":
        return there.real, "." if contents and what.kind == "dir" else own or "."
    if there.kind == "file":
        if what.kind == "dir" and not overwrite:
            raise OcikitError("destination must be a directory when copying a directory")
        return os.path.dirname(there.real) or "/", os.path.basename(there.real)
    inner = target.inner
    if inner.endswith("/") and what.kind == "file":
        raise OcikitError(f'"{target.path}" could not be found {target.describe()}: no such file or directory')
    parent = Side(target.container, os.path.dirname(inner.rstrip("/")) or "/")
    parent.root, parent.inner = target.root, os.path.dirname(inner.rstrip("/")) or "/"
    above = look(parent)
    if above.kind != "dir":
        raise OcikitError(f'"{target.path}" could not be found {target.describe()}: no such file or directory')
    name = os.path.basename(inner.rstrip("/"))
    return above.real, name


def look(side: Side) -> Info:
    """What the path is, seen from inside the root."""

    def work() -> dict[str, str]:
        path = side.inner
        try:
            info = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            try:
                os.lstat(path)
            except OSError:
                return {"kind": "", "real": path}
            return {"kind": "file", "real": os.path.normpath(path)}
        folder = stat.S_ISDIR(info.st_mode)
        return {"kind": "dir" if folder else "file", "real": os.path.realpath(path)}

    answer = _ask(side.root, work)
    return Info(answer["kind"], answer["real"])


class _Names:
    """What to send and what to call it."""

    def __init__(self, path: str, name: str) -> None:
        self.path = path
        self.name = name


def _enter(root: str) -> None:
    if root != "/":
        os.chroot(root)
    os.chdir("/")


def _ask(root: str, work: Callable[[], dict[str, str]]) -> dict[str, str]:
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            os.close(reader)
            _enter(root)
            os.write(writer, jsonfast.dumps(work()).encode("utf-8", "surrogateescape"))
        finally:
            os._exit(0)
    os.close(writer)
    with open(reader, "rb") as file:
        data = file.read()
    os.waitpid(pid, 0)
    if not data:
        raise OcikitError(f"cannot look into {root}: permission denied")
    answer: dict[str, str] = jsonfast.loads(data.decode("utf-8", "surrogateescape"))
    return answer


def _spawn(root: str, work: Callable[[], None], close: int = -1) -> tuple[int, int]:
    """(pid, pipe with the error text) of a child that works in the root."""
    reader, writer = os.pipe()
    pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    code = 1
    try:
        os.close(reader)
        if close >= 0:
            os.close(close)
        _enter(root)
        work()
        code = 0
    except (OSError, tarfile.TarError, OcikitError) as error:
        os.write(writer, str(error).encode("utf-8", "surrogateescape")[:4000])
    finally:
        os._exit(code)


def _join(*children: tuple[int, int]) -> None:
    """Waits for all; raises what the last of them that failed said (the first usually only lost its reader)."""
    texts = []
    for pid, reader in children:
        with open(reader, "rb") as file:
            text = file.read().decode("utf-8", "replace")
        _, status = os.waitpid(pid, 0)
        if status:
            texts.append(text or "the copying process died")
    if texts:
        raise OcikitError(f"copying: {texts[-1]}")


def _send(fd: int, names: _Names) -> None:
    with open(fd, "wb") as file, tarfile.open(fileobj=file, mode="w|", format=tarfile.PAX_FORMAT) as tar:
        tar.add(names.path, arcname=names.name)


def _receive(fd: int, folder: str, owner: tuple[int, int] | None, overwrite: bool) -> None:
    os.chroot(folder)
    os.chdir("/")
    with open(fd, "rb") as file, tarfile.open(fileobj=file, mode="r|*") as tar:
        for member in tar:
            if owner is not None:
                member.uid, member.gid = owner
                member.uname = member.gname = ""
            _replace(member, overwrite)
            tar.extract(member, "/", numeric_owner=True)


def _replace(member: tarfile.TarInfo, overwrite: bool) -> None:
    path = "/" + member.name.lstrip("/")
    try:
        info = os.lstat(path)
    except OSError:
        return
    is_dir = stat.S_ISDIR(info.st_mode)
    if is_dir and member.isdir():
        return
    if is_dir != member.isdir() and not stat.S_ISLNK(info.st_mode):
        if not overwrite:
            kinds = ("directory", "non-directory") if is_dir else ("non-directory", "directory")
            raise OcikitError(f"cannot overwrite {kinds[0]} {path!r} with {kinds[1]}; use --overwrite")
        if is_dir:
            import shutil

            shutil.rmtree(path)
            return
    if member.isdir() and stat.S_ISLNK(info.st_mode) and os.path.isdir(path):
        return
    os.unlink(path)


def parse(text: str, find: Callable[[str], Any]) -> Side:
    """``CONTAINER:PATH`` or a host path. ``find`` gives the container of a name, or None."""
    if text.startswith(("/", ".")) or ":" not in text:
        return Side(None, text)
    name, _, path = text.partition(":")
    container = find(name)
    if container is None:
        return Side(None, text)
    if not path:
        raise OcikitError(f'invalid arguments "{text}": you must specify a path in the container')
    return Side(container, path)
