"""The overlay driver: a layer is a directory ``diff`` over the ``diff`` directories of its ancestors (spec, section 9)."""

from __future__ import annotations

import os

from ocikit.common.files import atomic_write, makedirs_mode, read_small

from ..errors import LayerUnknown, StorageError
from .base import Driver, MountOptions, host_id

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..archive.options import ApplyOptions
    from ..config import Settings
    from .base import IDMap, Trash

MAX_DEPTH = 500
OVERRIDE_STAT = "user.containers.override_stat"
_BASE32 = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def link_name() -> str:
    """26 characters of base32: the short name of a layer under ``l/``."""
    number = int.from_bytes(os.urandom(17), "big")
    return bytes(_BASE32[(number >> (5 * i)) & 31] for i in range(26)).decode()


class Overlay(Driver):
    """overlayfs of the kernel, or a mount program such as fuse-overlayfs."""

    name = "overlay"

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self.image_home = f"{settings.imagestore}/overlay" if settings.imagestore else self.home
        # where layers may be: ours first, then stores that we only read
        self.homes = list(dict.fromkeys([self.home, self.image_home, *(f"{s}/overlay" for s in settings.stores)]))
        self._program: str | None = None

    # --- directories

    def prepare(self) -> None:
        settings = self.settings
        if settings.force_mask is not None and not settings.mount_program and not self.mount_program:
            raise StorageError(
                "overlay: force_mask needs a mount_program", hint="set mount_program to the path of fuse-overlayfs"
            )
        if (settings.size or settings.inodes) and os.path.isdir(self.home):
            self._check_backing()
        for home in {self.home, self.image_home}:
            if not os.path.isdir(f"{home}/l"):
                makedirs_mode(home, 0o700 if self.settings.driver_named else 0o755)
                makedirs_mode(f"{home}/l", 0o755)

    def _check_backing(self) -> None:
        from .probe import file_system

        found = file_system(self.home)
        if found != "xfs":
            raise StorageError(
                "storage option overlay.size and overlay.inodes only supported for backingFS XFS. "
                f"Found {'extfs' if found.startswith('ext') else found}"
            )

    def check_quota(self, wanted: dict[str, str]) -> None:
        from .. import quota

        quota.check(self, wanted)

    def set_quota(self, layer: str, wanted: dict[str, str]) -> None:
        from .. import quota

        size, inodes = quota.parse(wanted)
        quota.apply(self, layer, size or self.settings.size, inodes or self.settings.inodes)

    @property
    def mount_program(self) -> str:
        """The mount program to use, or "" for the kernel's own overlay (spec, section 9.2)."""
        if self._program is None:
            from .probe import mount_program

            self._program = mount_program(self)
        return self._program

    @property
    def user_xattr(self) -> bool:
        """Mounts inside a user namespace keep their marks in ``user.overlay.*``."""
        from ..userns import in_user_namespace

        return not self.mount_program and in_user_namespace()

    def bind_home(self) -> None:
        """A private bind of the home onto itself keeps our mounts out of other namespaces, and is what the Go tools do:
        were it missing, the next of them would bind it over the mounts made here and hide them."""
        if self.settings.skip_mount_home:
            return
        from ocikit.common import linux

        from .mounts import is_mount_point

        if not is_mount_point(self.home):
            linux.mount(self.home, self.home, None, linux.MS_BIND)
            linux.mount(None, self.home, None, linux.MS_PRIVATE)

    def unbind_home(self) -> None:
        from ocikit.common import linux

        from .mounts import is_mount_point

        if not self.settings.skip_mount_home and is_mount_point(self.home):
            linux.umount2(self.home, linux.MNT_DETACH)

    @property
    def own_homes(self) -> list[str]:
        return list(dict.fromkeys((self.home, self.image_home)))

    def _home_of(self, layer: str) -> str:
        for home in self.homes:
            if os.path.isdir(f"{home}/{layer}"):
                return home
        raise LayerUnknown(f"layer {layer} has no directory in {' or '.join(self.homes)}")

    def exists(self, layer: str) -> bool:
        return any(os.path.isdir(f"{home}/{layer}/diff") for home in self.homes)

    def create(
        self,
        layer: str,
        parent: str,
        uidmap: IDMap = (),
        gidmap: IDMap = (),
        image: bool = False,
        shifted: bool = False,
    ) -> None:
        self._make(layer, parent, uidmap, gidmap, image, "", shifted)

    def adopt(self, layer: str, parent: str, staged: str, image: bool = True) -> None:
        self._make(layer, parent, (), (), image, staged)

    def _make(
        self, layer: str, parent: str, uidmap: IDMap, gidmap: IDMap, image: bool, staged: str, shifted: bool = False
    ) -> None:
        home = self.image_home if image else self.home
        path = f"{home}/{layer}"
        owner = host_id(0, uidmap), host_id(0, gidmap)
        truth = b""
        if parent:
            above = self._home_of(parent)
            st = os.stat(f"{above}/{parent}/diff")
            mode = st.st_mode & 0o7777
            if self.settings.force_mask is not None:
                try:
                    truth = os.getxattr(f"{above}/{parent}/diff", OVERRIDE_STAT)
                except OSError:
                    pass
            uid, gid = st.st_uid, st.st_gid
            if not shifted:
                uid, gid = host_id(uid, uidmap), host_id(gid, gidmap)
            lower = self._lower_of(above, parent)
            if lower.count(":") >= MAX_DEPTH:
                raise StorageError(
                    f"layer {layer}: max depth exceeded, {MAX_DEPTH} layers are the most overlay can stack"
                )
        else:
            mode, lower = 0o555, ""
            uid, gid = owner
        try:
            os.mkdir(path, 0o700)
        except FileExistsError:  # the waste of a process that was killed before it made the record
            self._sweep(path)
            os.mkdir(path, 0o700)
        if staged:
            os.rename(staged, f"{path}/diff")
        else:
            os.mkdir(f"{path}/diff", 0o700)
        me = os.geteuid(), os.getegid()
        if not uidmap and not gidmap and me[0]:
            owner = me  # no root: nothing can be given away
            uid, gid = me
        if owner != me:
            os.chown(path, *owner)
        if (uid, gid) != me:
            os.chown(f"{path}/diff", uid, gid)
        if self.settings.force_mask is None:
            os.chmod(f"{path}/diff", mode)
        else:
            # The mount program only believes the files' attributes when the layer's root has one too.
            os.chmod(f"{path}/diff", self.settings.force_mask)
            os.setxattr(f"{path}/diff", OVERRIDE_STAT, truth or f"{uid}:{gid}:{mode:04o}:dir".encode())
        self._link(home, layer)
        for name in ("work", "merged") if parent else ("work", "merged", "empty"):
            os.mkdir(f"{path}/{name}", 0o700)
            if owner != me:
                os.chown(f"{path}/{name}", *owner)
        if lower:
            _write(f"{path}/lower", lower)

    def _link(self, home: str, layer: str) -> str:
        name = link_name()
        os.symlink(f"../{layer}/diff", f"{home}/l/{name}")
        _write(f"{home}/{layer}/link", name)
        return name

    def _sweep(self, path: str) -> None:
        from ocikit.common.files import remove_tree

        try:
            os.unlink(f"{os.path.dirname(path)}/l/{read_small(path + '/link').decode()}")
        except OSError:
            pass
        remove_tree(path)

    def _lower_of(self, home: str, parent: str) -> str:
        """The ``lower`` text of a child of ``parent``."""
        try:
            link = read_small(f"{home}/{parent}/link").decode()
        except FileNotFoundError:
            link = self._link(home, parent)  # lost: made again
        if not os.path.lexists(f"{home}/l/{link}"):
            makedirs_mode(f"{home}/l", 0o755)
            os.symlink(f"../{parent}/diff", f"{home}/l/{link}")
        try:
            return f"l/{link}:{read_small(f'{home}/{parent}/lower').decode()}"
        except FileNotFoundError:
            return f"l/{link}"

    def remove(self, layer: str, temp: Trash) -> None:
        from ocikit.common import linux

        for home in self.own_homes:
            try:
                temp.take(f"{home}/l/{read_small(f'{home}/{layer}/link').decode()}")
            except OSError:
                pass
            try:  # somebody was killed between the mount and its record
                linux.umount2(f"{home}/{layer}/merged", linux.MNT_DETACH)
            except OSError:
                pass
            temp.take(f"{home}/{layer}")

    # --- content

    def staging_root(self, image: bool = True) -> str:
        return f"{self.image_home if image else self.home}/tempdirs"

    def apply_options(self, uidmap: IDMap = (), gidmap: IDMap = ()) -> ApplyOptions:
        from ..archive.options import ApplyOptions

        return ApplyOptions(
            whiteouts="plain" if self.mount_program else "overlay",
            opaque_xattr="user.overlay.opaque" if self.user_xattr else "trusted.overlay.opaque",
            uidmap=uidmap,
            gidmap=gidmap,
            ignore_chown_errors=self.settings.ignore_chown_errors,
            force_mask=self.settings.force_mask,
        )

    @property
    def native_diff(self) -> bool:
        # Marks of metacopy and redirect would have to be resolved through the layers below.
        return not self.mount_program and "metacopy=on" not in self.settings.mountopt

    def diff_dir(self, layer: str) -> str:
        return f"{self._home_of(layer)}/{layer}/diff"

    def read_dirs(self, layer: str) -> list[str]:
        home = self._home_of(layer)
        return [f"{home}/{layer}/diff", *self.lowers(home, layer)]

    def lowers(self, home: str, layer: str) -> list[str]:
        """Absolute paths of the directories below the layer's own, nearest first (spec, section 9.5)."""
        own = f"{home}/{layer}"
        found: list[str] = []
        _older(own, found)
        try:
            items = read_small(f"{own}/lower").decode().split(":")
        except FileNotFoundError:
            return found
        for item in items:
            for place in self.homes:
                path = f"{place}/{item}"
                if os.path.exists(path):
                    break
            else:
                path = self._relink(item)
            found.append(path)
            # a layer whose files were chowned for an id map keeps the older content beside
            if os.path.exists(f"{path}/../diff1"):
                _older(f"{path}/..", found)
        if len(found) > MAX_DEPTH:
            raise StorageError(f"layer {layer}: max depth exceeded, {MAX_DEPTH} layers are the most overlay can stack")
        return found

    def _relink(self, item: str) -> str:
        """A short link was lost: the layer that bears its name still says so in its ``link`` file."""
        wanted = item.removeprefix("l/").encode()
        for home in (self.home, self.image_home):
            for layer in os.listdir(home):
                try:
                    if len(layer) == 64 and read_small(f"{home}/{layer}/link") == wanted:
                        makedirs_mode(f"{home}/l", 0o755)
                        os.symlink(f"../{layer}/diff", f"{home}/{item}")
                        return f"{home}/{item}"
                except OSError:
                    continue
        raise StorageError(f"{self.home}/{item} is missing: a layer below has been removed by hand")

    def shifts(self, uidmap: IDMap, gidmap: IDMap) -> bool:
        if self.mount_program:
            return len(uidmap) <= 1 and len(gidmap) <= 1  # it takes one contiguous map of each kind
        from .probe import lowers_can_be_idmapped

        return lowers_can_be_idmapped(self)

    # --- mounting

    def mount(self, layer: str, options: MountOptions) -> str:
        from .mounts import mount_overlay

        return mount_overlay(self, self._home_of(layer), layer, options)

    def unmount(self, layer: str, path: str) -> None:
        from .mounts import unmount_overlay

        unmount_overlay(self, layer, path)

    def uncover(self, path: str) -> bool:
        from .mounts import uncover

        return uncover(self.home, path) and self.is_mounted("", path)

    def is_mounted(self, layer: str, path: str) -> bool:
        try:
            return os.stat(path).st_dev != os.stat(os.path.dirname(path)).st_dev
        except FileNotFoundError:
            return False
        except OSError:
            return True  # a mount program that died leaves ENOTCONN: still a mount point


def _older(path: str, found: list[str]) -> None:
    number = 1
    while os.path.exists(f"{path}/diff{number}"):
        found.append(f"{path}/diff{number}")
        number += 1


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def save_answer(path: str, text: bytes) -> None:
    """A feature cache or flag file."""
    atomic_write(path, text, 0o644, sync=False)
