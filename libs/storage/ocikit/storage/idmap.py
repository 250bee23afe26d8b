"""Id mappings: user namespaces made for their maps, and lowers of an overlay mounted through them (spec, section 14)."""

from __future__ import annotations

import os

from .errors import StorageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .drivers.base import IDMap


def namespace_with(uidmap: IDMap, gidmap: IDMap) -> int:
    """A descriptor of a new user namespace with these maps. Needs the right to write them (root)."""
    from ocikit.common import linux

    ready_read, ready_write = os.pipe()
    hold_read, hold_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        code = b"\0"
        try:
            os.close(hold_write)
            linux.unshare(linux.CLONE_NEWUSER)
        except OSError as exc:
            code = bytes([exc.errno or 1])
        finally:
            os.write(ready_write, code)
            os.read(hold_read, 1)  # until the parent has what it wants, or has died
            os._exit(0)
    os.close(ready_write)
    os.close(hold_read)
    try:
        answer = os.read(ready_read, 1)
        if answer != b"\0":
            number = answer[0] if answer else 5
            raise StorageError(f"cannot make a user namespace: {os.strerror(number)}")
        for name, ranges in (("uid_map", uidmap), ("gid_map", gidmap)):
            _write(f"/proc/{pid}/{name}", "".join(f"{c} {h} {n}\n" for c, h, n in ranges))
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready_read)
        os.close(hold_write)
        os.waitpid(pid, 0)


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    except OSError as exc:
        raise StorageError(f"cannot write the id map {text.strip()!r}: {exc.strerror}") from None
    finally:
        os.close(fd)


class MappedLowers:
    """Copies of the homes' mounts that show shifted ids, for as long as it takes to mount an overlay on them."""

    __slots__ = ("_mounted", "lowers")

    def __init__(self) -> None:
        self.lowers: list[str] = []
        self._mounted: list[str] = []

    def close(self) -> None:
        from ocikit.common import linux

        for path in self._mounted:
            try:
                linux.umount2(path, linux.MNT_DETACH)
            except OSError:
                pass
        self._mounted.clear()


def map_lowers(own: str, lowers: list[str], uidmap: IDMap, gidmap: IDMap) -> MappedLowers:
    """Mount each directory that holds lowers, shifted, at ``<own>/mapped/N``, and name the lowers there.

    A layer's ``l/LINK`` and ``ID/diffN`` are beneath the driver's home, so one shifted mount of the home serves all of them.
    """
    from ocikit.common import linux

    mapped = MappedLowers()
    userns = namespace_with(uidmap, gidmap)
    places: dict[str, str] = {}
    try:
        for lower in lowers:
            base, rest = _home_and_rest(lower, own)
            if base not in places:
                target = f"{own}/mapped/{len(places)}"
                os.makedirs(target, 0o700, exist_ok=True)
                tree = linux.open_tree(linux.AT_FDCWD, base, linux.OPEN_TREE_CLONE | linux.OPEN_TREE_CLOEXEC)
                try:
                    linux.mount_setattr(
                        tree,
                        "",
                        linux.AT_EMPTY_PATH,
                        attr_set=linux.MOUNT_ATTR_IDMAP,
                        propagation=linux.MS_PRIVATE,
                        userns_fd=userns,
                    )
                    linux.move_mount(tree, "", linux.AT_FDCWD, target)
                finally:
                    os.close(tree)
                places[base] = target
                mapped._mounted.append(target)
            mapped.lowers.append(f"{places[base]}/{rest}")
    except BaseException:
        mapped.close()
        raise
    finally:
        os.close(userns)
    return mapped


def _home_and_rest(lower: str, own: str) -> tuple[str, str]:
    home, _, rest = lower.rpartition("/l/")
    if home:
        return home, f"l/{rest}"
    home, _, name = lower.rpartition("/")
    return home, name
