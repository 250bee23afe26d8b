"""Entering a user namespace in which an ordinary user is root and has all of their subordinate ids.

Everything happens in this process, nothing is executed again: join the namespaces of the pause process with setns(2), or
unshare(2) new ones while a forked helper outside has newuidmap(1) and newgidmap(1) write the maps.
"""

from __future__ import annotations

import errno
import os

from ocikit.common import linux
from ocikit.common.errors import PermissionNeeded
from ocikit.common.files import atomic_write, makedirs_mode

from . import userns
from .lockfile import LockFile

_NS_GET_PARENT = 0xB702
_MAX_LINES = 340  # of an id map, by the kernel


def enter(tmpdir: str) -> None:
    """See ``userns.become_root_in_userns``."""
    uid, gid = os.getuid(), os.getgid()
    cwd = os.getcwd()
    pid_file = f"{tmpdir}/pause.pid"
    if not _join(pid_file):
        maps = _Maps(uid, gid)  # complains before anything is made
        makedirs_mode(tmpdir, 0o700)
        with LockFile(f"{pid_file}.lock").writing():
            if not _join(pid_file):  # somebody was faster
                _make(maps)
                atomic_write(pid_file, str(_start_pause()).encode(), 0o644, sync=False)
    userns.forget()
    os.environ["_CONTAINERS_USERNS_CONFIGURED"] = "done"
    os.environ["_CONTAINERS_ROOTLESS_UID"] = str(uid)
    os.environ["_CONTAINERS_ROOTLESS_GID"] = str(gid)
    os.setresgid(0, 0, 0)
    os.setresuid(0, 0, 0)
    try:
        os.chdir(cwd)  # a new mount namespace starts at its root
    except OSError:
        os.chdir("/")


# --- joining


def _join(pid_file: str) -> bool:
    try:
        with open(pid_file, "rb") as file:
            pid = int(file.read().strip() or b"0")
    except (OSError, ValueError):
        return False
    if pid <= 0:
        return False
    opened: list[int] = []
    try:
        for kind in ("user", "mnt"):
            fd = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
            opened.append(fd)
        if not _is_child_of_ours(opened[0]):
            return False  # the number has been given to another process
        linux.setns(opened[0], linux.CLONE_NEWUSER)
        linux.setns(opened[1], linux.CLONE_NEWNS)
    except OSError as exc:
        if exc.errno in (errno.ENOENT, errno.ESRCH, errno.EACCES):
            return False
        raise PermissionNeeded(
            f"cannot join the namespaces of the pause process {pid} (from {pid_file}): {exc.strerror}",
            hint=f"end it with `kill {pid}`; the next command makes a new one",
        ) from None
    finally:
        for fd in opened:
            os.close(fd)
    return True


def _is_child_of_ours(ns: int) -> bool:
    from fcntl import ioctl

    try:
        parent = ioctl(ns, _NS_GET_PARENT)
    except OSError:
        return False
    try:
        return os.fstat(parent).st_ino == os.stat("/proc/self/ns/user").st_ino
    finally:
        os.close(parent)


# --- making


class _Maps:
    """The command lines that map all ids of the user: themselves as root, then each range."""

    def __init__(self, uid: int, gid: int) -> None:
        self.commands: list[tuple[str, list[str]]] = []
        name = _name(uid)
        for tool, path, own, what in (
            ("newuidmap", "/etc/subuid", uid, "uids"),
            ("newgidmap", "/etc/subgid", gid, "gids"),
        ):
            program = _find(tool)
            if not program:
                raise PermissionNeeded(
                    f"{tool} is not installed, and without it an ordinary user cannot map subordinate {what}",
                    hint='install the package "uidmap" (Debian, Ubuntu) or "shadow-utils" (Fedora)',
                )
            found = ranges(path, name)
            if not found:
                raise PermissionNeeded(
                    f'user "{name}" has no range of subordinate {what} in {path}',
                    hint=f'add the line "{name}:100000:65536" to /etc/subuid and to /etc/subgid, or run as root: '
                    f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {name}",
                )
            words = ["0", str(own), "1"]
            inside = 1
            for start, count in found[: _MAX_LINES - 1]:
                words += [str(inside), str(start), str(count)]
                inside += count
            self.commands.append((program, words))


def _make(maps: _Maps) -> None:
    go_read, go_write = os.pipe()
    said_read, said_write = os.pipe()
    target = os.getpid()
    helper = os.fork()
    if helper == 0:
        os.close(go_write)
        os.close(said_read)
        try:
            if os.read(go_read, 1):
                for program, words in maps.commands:
                    text = _run([program, str(target), *words])
                    if text is not None:
                        os.write(said_write, text.encode()[:4000] or b"failed")
                        break
        finally:
            os._exit(0)
    os.close(go_read)
    os.close(said_write)
    try:
        try:
            linux.unshare(linux.CLONE_NEWUSER | linux.CLONE_NEWNS)
        except OSError as exc:
            raise _refused(exc) from None
        os.write(go_write, b"x")
        said = b""
        while piece := os.read(said_read, 4096):
            said += piece
    finally:
        os.close(go_write)
        os.close(said_read)
        os.waitpid(helper, 0)
    if said:
        text = said.decode("utf-8", "replace").strip()
        raise PermissionNeeded(
            f"cannot map the subordinate ids: {text}",
            hint="check that the ranges in /etc/subuid and /etc/subgid are yours, and that newuidmap and newgidmap have the "
            "setuid bit or the capabilities cap_setuid and cap_setgid",
        )


def _run(command: list[str]) -> str | None:
    """None when it worked, else what it said."""
    read, write = os.pipe()
    pid = os.posix_spawn(
        command[0],
        command,
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1), (os.POSIX_SPAWN_DUP2, write, 2)],
    )
    os.close(write)
    said = b""
    while piece := os.read(read, 4096):
        said += piece
    os.close(read)
    return said.decode("utf-8", "replace").strip() if os.waitpid(pid, 0)[1] else None


def _refused(exc: OSError) -> PermissionNeeded:
    hint = "this machine does not let ordinary users make user namespaces: run as root, or ask its administrator"
    for path, bad, cure in (
        ("/proc/sys/user/max_user_namespaces", "0", "sysctl user.max_user_namespaces=15000"),
        ("/proc/sys/kernel/unprivileged_userns_clone", "0", "sysctl kernel.unprivileged_userns_clone=1"),
        (
            "/proc/sys/kernel/apparmor_restrict_unprivileged_userns",
            "1",
            "sysctl kernel.apparmor_restrict_unprivileged_userns=0",
        ),
    ):
        try:
            with open(path) as file:
                if file.read().strip() == bad:
                    hint = f"user namespaces are switched off: as root run `{cure}`"
                    break
        except OSError:
            continue
    return PermissionNeeded(f"cannot make a user namespace: {os.strerror(exc.errno or 0).lower()}", hint=hint)


# --- the pause process


def _start_pause() -> int:
    """A process that does nothing but keep the namespaces; its pid. It outlives us and holds none of our descriptors."""
    program, words = "", []
    for name, arguments in (("catatonit", ["-P"]), ("sleep", ["infinity"])):
        program = _find(name) or (_find(name, ("/usr/libexec/podman", "/usr/lib/podman")))
        if program:
            words = [program, *arguments]
            break
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setsid()
            grandchild = os.fork()
            if grandchild:
                os.write(write, str(grandchild).encode())
                os._exit(0)
            null = os.open(os.devnull, os.O_RDWR)
            for fd in (0, 1, 2):
                os.dup2(null, fd)
            linux.close_range(3)
            os.chdir("/")
            if program:
                os.execv(program, words)  # noqa: S606
            import signal

            while True:
                signal.pause()
        finally:
            os._exit(1)
    os.close(write)
    answer = os.read(read, 20)
    os.close(read)
    os.waitpid(child, 0)
    if not answer:
        raise PermissionNeeded("cannot start the pause process that keeps the user namespace")
    return int(answer)


def stop(tmpdir: str) -> bool:
    """See ``userns.stop_pause``."""
    import signal

    try:
        with open(f"{tmpdir}/pause.pid", "rb") as file:
            pid = int(file.read().strip())
        os.unlink(f"{tmpdir}/pause.pid")
        os.kill(pid, signal.SIGKILL)
    except (OSError, ValueError):
        return False
    return True


# --- subordinate ids


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def ranges(path: str, user: str = "") -> list[tuple[int, int]]:
    """See ``userns.subids``. Where the files say nothing, getsubids(1) may know a directory service that does."""
    import pwd

    name = user or _name(userns.rootless_uid())
    try:
        keys = {name, str(pwd.getpwnam(name).pw_uid)}
    except KeyError:
        keys = {name}
        if name.isdigit():
            keys.add(_name(int(name)))
    found: list[tuple[int, int]] = []
    try:
        with open(path) as file:
            for line in file:
                fields = line.strip().split(":")
                if len(fields) == 3 and fields[0] in keys and fields[1].isdigit() and fields[2].isdigit():
                    found.append((int(fields[1]), int(fields[2])))
    except FileNotFoundError:
        pass
    return found or _from_service(name, path)


def _from_service(name: str, path: str) -> list[tuple[int, int]]:
    program = _find("getsubids")
    if not program or not path.startswith("/etc/sub"):
        return []
    try:
        with open("/etc/nsswitch.conf") as file:
            if not any(line.startswith("subid:") for line in file):
                return []
    except OSError:
        return []
    read, write = os.pipe()
    words = [program, *(["-g"] if path.endswith("subgid") else []), name]
    pid = os.posix_spawn(program, words, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)])
    os.close(write)
    with open(read, "rb") as file:
        lines = file.read().decode("utf-8", "replace").splitlines()
    os.waitpid(pid, 0)
    rows = [line.split() for line in lines]  # "0: user 100000 65536"
    return [(int(r[2]), int(r[3])) for r in rows if len(r) == 4 and r[2].isdigit() and r[3].isdigit()]


def _find(name: str, places: tuple[str, ...] = ("/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin")) -> str:
    for directory in (*os.environ.get("PATH", "").split(":"), *places):
        if directory and os.access(f"{directory}/{name}", os.X_OK):
            return f"{directory}/{name}"
    return ""
