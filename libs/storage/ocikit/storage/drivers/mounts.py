"""Mounting overlays: the words of the mount data, the three ways to hand many lowers to the kernel, mount programs."""

from __future__ import annotations

import errno
import os

from ocikit.common import linux
from ocikit.common.files import remove_tree

from ..errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .base import MountOptions
    from .overlay import Overlay

_PAGE = 4096

# generic options (mount(8)): name -> (flag, clears it)
FLAGS = {
    "ro": (linux.MS_RDONLY, False),
    "rw": (linux.MS_RDONLY, True),
    "nosuid": (linux.MS_NOSUID, False),
    "suid": (linux.MS_NOSUID, True),
    "nodev": (linux.MS_NODEV, False),
    "dev": (linux.MS_NODEV, True),
    "noexec": (linux.MS_NOEXEC, False),
    "exec": (linux.MS_NOEXEC, True),
    "sync": (linux.MS_SYNCHRONOUS, False),
    "async": (linux.MS_SYNCHRONOUS, True),
    "dirsync": (linux.MS_DIRSYNC, False),
    "mand": (linux.MS_MANDLOCK, False),
    "nomand": (linux.MS_MANDLOCK, True),
    "noatime": (linux.MS_NOATIME, False),
    "atime": (linux.MS_NOATIME, True),
    "nodiratime": (linux.MS_NODIRATIME, False),
    "diratime": (linux.MS_NODIRATIME, True),
    "relatime": (linux.MS_RELATIME, False),
    "norelatime": (linux.MS_RELATIME, True),
    "strictatime": (linux.MS_STRICTATIME, False),
    "nostrictatime": (linux.MS_STRICTATIME, True),
    "bind": (linux.MS_BIND, False),
    "rbind": (linux.MS_BIND | linux.MS_REC, False),
    "defaults": (0, False),
}
PROPAGATION = {
    "private": linux.MS_PRIVATE,
    "rprivate": linux.MS_PRIVATE | linux.MS_REC,
    "slave": linux.MS_SLAVE,
    "rslave": linux.MS_SLAVE | linux.MS_REC,
    "shared": linux.MS_SHARED,
    "rshared": linux.MS_SHARED | linux.MS_REC,
    "unbindable": linux.MS_UNBINDABLE,
    "runbindable": linux.MS_UNBINDABLE | linux.MS_REC,
}


def split_options(words: tuple[str, ...] | list[str]) -> tuple[int, int, list[str]]:
    """(mount flags, propagation flags, what is left for the file system) of mount options."""
    flags = propagation = 0
    data: list[str] = []
    for word in words:
        if word in FLAGS:
            bit, clear = FLAGS[word]
            flags = flags & ~bit if clear else flags | bit
        elif word in PROPAGATION:
            propagation = PROPAGATION[word]
        elif word:
            data.append(word)
    return flags, propagation, data


def _mount_table() -> bytes:
    with open("/proc/self/mountinfo", "rb", buffering=0) as file:
        table = b""
        while piece := file.read(1 << 16):
            table += piece
    return table


def _escaped(path: str) -> bytes:
    raw = os.fsencode(path)
    for byte, text in ((b"\\", b"\\134"), (b" ", b"\\040"), (b"\t", b"\\011"), (b"\n", b"\\012")):
        raw = raw.replace(byte, text)
    return raw


def is_mount_point(path: str) -> bool:
    """Does /proc/self/mountinfo list it? (A bind mount has the device of its parent, so stat would not tell.)"""
    table = _mount_table()
    wanted = _escaped(path)
    needle = b" " + wanted + b" "
    if needle not in table:
        return False
    return any(line.split(b" ", 5)[4] == wanted for line in table.split(b"\n") if needle in line)


def detach_below(path: str) -> None:
    """Unmount whatever is mounted at the path or below it."""
    prefix = _escaped(path.rstrip("/"))
    for line in reversed(_mount_table().splitlines()):
        target = line.split(b" ", 5)[4]
        if target == prefix or target.startswith(prefix + b"/"):
            for raw, escaped in ((b" ", b"\\040"), (b"\t", b"\\011"), (b"\n", b"\\012"), (b"\\", b"\\134")):
                target = target.replace(escaped, raw)
            try:
                linux.umount2(target, linux.MNT_DETACH | linux.UMOUNT_NOFOLLOW)
            except OSError:
                pass


def uncover(home: str, merged: str) -> bool:
    """Take away binds of the home that hide a mount beneath; False if that mount is not there at all, or cannot be freed."""
    while True:
        rows = [line.split(b" ", 5)[:5] for line in _mount_table().splitlines()]
        homes = [row[0] for row in rows if row[4] == _escaped(home)]
        hidden = [row[1] for row in rows if row[4] == _escaped(merged)]
        if not hidden:
            return False
        if not homes or hidden[-1] == homes[-1]:
            return True
        if len(homes) < 2 or any(row[1] == homes[-1] for row in rows):
            return False  # others have mounted something on the one in the way
        try:
            linux.umount2(home, linux.UMOUNT_NOFOLLOW)
        except OSError:
            return False


def mount_overlay(driver: Overlay, home: str, layer: str, options: MountOptions) -> str:
    own = f"{home}/{layer}"
    lowers = driver.lowers(home, layer) or [f"{own}/empty"]
    settings = driver.settings
    words = list(options.options) or [w for w in settings.mountopt.split(",") if w]
    read_only = options.read_only or "ro" in words or home not in (driver.home, driver.image_home)
    if home in (driver.home, driver.image_home):
        merged = f"{own}/merged"
        if not os.path.isdir(merged):
            os.mkdir(merged, 0o700)
    else:
        merged = f"{driver.run_home}/{layer}/merged"
        os.makedirs(merged, 0o700, exist_ok=True)
    if options.options and "metacopy=on" in settings.mountopt.split(",") and "metacopy=on" not in words:
        words.append("metacopy=on")
    flags, propagation, data = split_options(words)
    if read_only:
        flags |= linux.MS_RDONLY
    if driver.user_xattr and "userxattr" not in data:
        data.append("userxattr")
    if options.volatile and not settings.disable_volatile and not read_only and not driver.mount_program:
        data.append("volatile")
    if options.label:
        data.append(f'context="{options.label}"')

    if read_only:
        lowers = [f"{own}/diff", *lowers] if lowers != [f"{own}/empty"] else [f"{own}/diff", f"{own}/empty"]
        upper = work = ""
    else:
        upper, work = f"{own}/diff", f"{own}/work"
        if not os.path.isdir(work):
            os.mkdir(work, 0o700)
        if os.path.exists(f"{work}/work/incompat/volatile"):
            # The kernel refuses an upper that a volatile mount left dirty.
            remove_tree(f"{work}/work/incompat/volatile")

    if driver.mount_program:
        _by_program(driver, lowers, upper, work, merged, flags, data, options)
        return merged
    idmapped = None
    if options.uidmap or options.gidmap:
        from ..idmap import map_lowers

        idmapped = map_lowers(own, lowers, options.uidmap, options.gidmap)
        lowers = idmapped.lowers
    try:
        _mount(home, lowers, upper, work, merged, flags, data)
    finally:
        if idmapped is not None:
            idmapped.close()
    if propagation:
        linux.mount(None, merged, None, propagation)
    return merged


def _mount(home: str, lowers: list[str], upper: str, work: str, merged: str, flags: int, data: list[str]) -> None:
    try:
        _mount_any(lowers, upper, work, merged, flags, data)
    except OSError as exc:
        # What the kernel does not know is dropped, as the Go tools do after probing.
        fewer = [w for w in data if w not in ("volatile", "metacopy=on")]
        if exc.errno != errno.EINVAL or fewer == data:
            raise _explain(exc, merged) from None
        try:
            _mount_any(lowers, upper, work, merged, flags, fewer)
        except OSError as again:
            raise _explain(again, merged) from None


def mount_plain(driver: Overlay, lowers: list[str], base: str) -> None:
    """An overlay of ``base``'s ``diff``, ``work`` and ``merged`` over the lowers, with no options but the needed."""
    try:
        data = ["userxattr"] if driver.user_xattr else []
        _mount_any(lowers, f"{base}/diff", f"{base}/work", f"{base}/merged", 0, data)
    except OSError as exc:
        raise _explain(exc, f"{base}/merged") from None


def _explain(exc: OSError, merged: str) -> StorageError:
    hint = ""
    if exc.errno in (errno.EPERM, errno.ENODEV, errno.EINVAL):
        hint = (
            "install fuse-overlayfs and set mount_program, or use --storage-driver vfs, if this kernel has no overlay"
        )
    return StorageError(f"cannot mount the overlay {merged}: {exc.strerror}", hint=hint)


def _mount_any(lowers: list[str], upper: str, work: str, merged: str, flags: int, data: list[str]) -> None:
    words = [f"lowerdir={':'.join(lowers)}"]
    if upper:
        words += [f"upperdir={upper}", f"workdir={work}"]
    text = ",".join(words + data)
    if len(os.fsencode(text)) < _PAGE:
        linux.mount("overlay", merged, "overlay", flags, text)
        return
    try:
        _mount_many(lowers, upper, work, merged, flags, data)
    except OSError as exc:
        if exc.errno not in (errno.ENOSYS, errno.EINVAL, errno.EPERM):
            raise
        _mount_by_descriptors(lowers, upper, work, merged, flags, data)


_ATTRIBUTES = (
    (linux.MS_RDONLY, linux.MOUNT_ATTR_RDONLY),
    (linux.MS_NOSUID, linux.MOUNT_ATTR_NOSUID),
    (linux.MS_NODEV, linux.MOUNT_ATTR_NODEV),
    (linux.MS_NOEXEC, linux.MOUNT_ATTR_NOEXEC),
    (linux.MS_NOATIME, linux.MOUNT_ATTR_NOATIME),
    (linux.MS_STRICTATIME, linux.MOUNT_ATTR_STRICTATIME),
    (linux.MS_NODIRATIME, linux.MOUNT_ATTR_NODIRATIME),
)


def _mount_many(lowers: list[str], upper: str, work: str, merged: str, flags: int, data: list[str]) -> None:
    """The new mount interface takes the lowers one by one (``lowerdir+``, kernel 6.5): no page to fit them in."""
    fs = linux.fsopen("overlay")
    try:
        linux.fsconfig(fs, linux.FSCONFIG_SET_STRING, "source", "overlay")
        for lower in lowers:
            linux.fsconfig(fs, linux.FSCONFIG_SET_STRING, "lowerdir+", lower)
        if upper:
            linux.fsconfig(fs, linux.FSCONFIG_SET_STRING, "upperdir", upper)
            linux.fsconfig(fs, linux.FSCONFIG_SET_STRING, "workdir", work)
        for word in data:
            key, equals, value = word.partition("=")
            if equals:
                linux.fsconfig(fs, linux.FSCONFIG_SET_STRING, key, value.strip('"'))
            else:
                linux.fsconfig(fs, linux.FSCONFIG_SET_FLAG, key)
        linux.fsconfig(fs, linux.FSCONFIG_CMD_CREATE)
        attributes = 0
        for flag, attribute in _ATTRIBUTES:
            if flags & flag:
                attributes |= attribute
        mounted = linux.fsmount(fs, linux.FSMOUNT_CLOEXEC, attributes)
    finally:
        os.close(fs)
    try:
        linux.move_mount(mounted, "", linux.AT_FDCWD, merged)
    finally:
        os.close(mounted)


def _mount_by_descriptors(lowers: list[str], upper: str, work: str, merged: str, flags: int, data: list[str]) -> None:
    """For older kernels: open every lower and mount from /proc/self/fd, where their names are numbers. In a child, because
    the working directory belongs to the whole process."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = 0
        try:
            numbers = [str(os.open(lower, os.O_PATH | os.O_DIRECTORY)) for lower in lowers]
            os.chdir("/proc/self/fd")
            words = [f"lowerdir={':'.join(numbers)}"]
            if upper:
                words += [f"upperdir={upper}", f"workdir={work}"]
            text = ",".join(words + data)
            if len(os.fsencode(text)) >= _PAGE:
                code = errno.E2BIG
            else:
                linux.mount("overlay", merged, "overlay", flags, text)
        except OSError as exc:
            code = exc.errno or errno.EIO
        finally:
            os.write(write, bytes([code]))
            os._exit(0)
    os.close(write)
    answer = os.read(read, 1)
    os.close(read)
    os.waitpid(pid, 0)
    code = answer[0] if answer else errno.EIO
    if code == errno.E2BIG:
        raise StorageError(f"cannot mount {merged}: mount data for {len(lowers)} layers is too large")
    if code:
        raise OSError(code, os.strerror(code), merged)


# --- mount programs


def _by_program(
    driver: Overlay,
    lowers: list[str],
    upper: str,
    work: str,
    merged: str,
    flags: int,
    data: list[str],
    options: MountOptions,
) -> None:
    words = [f"lowerdir={':'.join(lowers)}"]
    if upper:
        words += [f"upperdir={upper}", f"workdir={work}"]
    for name, (bit, clear) in FLAGS.items():
        if flags & bit and not clear and name not in ("rbind", "bind"):
            words.append(name)
    words += data
    for key, idmap in (("uidmapping", options.uidmap), ("gidmapping", options.gidmap)):
        if idmap:
            words.append(f"{key}={':'.join(f'{c}:{h}:{n}' for c, h, n in idmap)}")
    if driver.settings.force_mask is not None:
        words.append("xattr_permissions=2")
    program = driver.mount_program
    read, write = os.pipe()
    pid = os.posix_spawn(
        program,
        [program, "-o", ",".join(words), merged],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 2)],
    )
    os.close(write)
    said = b""
    while piece := os.read(read, 4096):
        said += piece
        if len(said) > 65536:
            break
    os.close(read)
    _, status = os.waitpid(pid, 0)
    if status:
        text = said.decode("utf-8", "replace").strip() or f"exit code {os.waitstatus_to_exitcode(status)}"
        raise StorageError(f"cannot mount {merged} with {program}: {text}")


def unmount_overlay(driver: Overlay, layer: str, merged: str) -> None:
    own = os.path.dirname(merged)
    try:
        for name in os.listdir(f"{own}/mapped"):
            try:
                linux.umount2(f"{own}/mapped/{name}", linux.MNT_DETACH)
            except OSError:
                pass
    except FileNotFoundError:
        pass
    if not (driver.mount_program and _fusermount(merged)):
        try:
            for _ in range(8):  # one that was hidden and mounted again is there twice
                linux.umount2(merged, linux.MNT_DETACH | linux.UMOUNT_NOFOLLOW)
        except OSError as exc:
            if exc.errno not in (errno.EINVAL, errno.ENOENT):
                raise StorageError(f"cannot unmount {merged}: {exc.strerror}") from None
    # A process that looked into the old mount point could keep it busy: put a new directory in its place.
    try:
        st = os.stat(merged)
        os.mkdir(f"{merged}.1", 0o700)
        if (st.st_uid, st.st_gid) != (os.geteuid(), os.getegid()):
            os.chown(f"{merged}.1", st.st_uid, st.st_gid)
        os.rename(f"{merged}.1", merged)
    except OSError:
        pass


def _fusermount(merged: str) -> bool:
    from .probe import find_program

    for name in ("fusermount3", "fusermount"):
        program = find_program(name)
        if program:
            null = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
            try:
                pid = os.posix_spawn(
                    program,
                    [program, "-u", merged],
                    os.environ,
                    file_actions=[(os.POSIX_SPAWN_DUP2, null, 2)],
                )
            finally:
                os.close(null)
            if os.waitpid(pid, 0)[1] == 0:
                return True
    try:
        fd = os.open(merged, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            linux.syncfs(fd)
        finally:
            os.close(fd)
    except OSError:
        pass
    return False
