"""What a driver does. It knows directories, not records: who is whose parent comes from the caller."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ..archive.options import ApplyOptions
    from ..config import Settings
    from ..tempdirs import Later, TempDir, Trees

    IDMap = tuple[tuple[int, int, int], ...]
    Trash = TempDir | Trees | Later


class MountOptions:
    """How a layer is to be mounted.

    options: words of mount(8) that replace the configured ``mountopt`` when not empty. label: an SELinux context.
    """

    __slots__ = ("gidmap", "label", "options", "read_only", "uidmap", "volatile")

    def __init__(
        self,
        options: tuple[str, ...] = (),
        label: str = "",
        volatile: bool = False,
        read_only: bool = False,
        uidmap: IDMap = (),
        gidmap: IDMap = (),
    ) -> None:
        self.options = options
        self.label = label
        self.volatile = volatile
        self.read_only = read_only
        self.uidmap = uidmap
        self.gidmap = gidmap


def host_id(inside: int, idmap: IDMap, default: int = 0) -> int:
    """The host's id for a container's: itself without a map, ``default`` when no range holds it."""
    if not idmap:
        return inside
    for container, host, size in idmap:
        if container <= inside < container + size:
            return host + inside - container
    return default


class Driver:
    """One driver of one store. Methods that change the tree are called under layers.lock held for writing."""

    name = ""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.home = f"{settings.graphroot}/{self.name}"
        self.run_home = f"{settings.runroot}/{self.name}"

    # --- directories

    def prepare(self) -> None:
        """Make the driver's home. Called before the first write, under storage.lock."""
        raise NotImplementedError

    def bind_home(self) -> None:
        """Make the home ready for mounts. Called under storage.lock held for writing."""

    def unbind_home(self) -> None:
        """Undo ``bind_home``; nothing is mounted any more."""

    @property
    def own_homes(self) -> list[str]:
        """The directories in which our layers' directories are."""
        raise NotImplementedError

    def exists(self, layer: str) -> bool:
        """Is there a directory for the layer here, or in a store that we read?"""
        raise NotImplementedError

    def create(
        self,
        layer: str,
        parent: str,
        uidmap: IDMap = (),
        gidmap: IDMap = (),
        image: bool = False,
        shifted: bool = False,
    ) -> None:
        """An empty layer on top of ``parent`` ("" for none), its directories owned as the maps say.

        image: in the image store where that is a separate one. shifted: the parent is shifted by these very maps.
        """
        raise NotImplementedError

    def adopt(self, layer: str, parent: str, staged: str, image: bool = True) -> None:
        """The staged tree becomes the layer's content by rename."""
        raise NotImplementedError

    def remove(self, layer: str, temp: Trash) -> None:
        """Take the layer's directory away into ``temp``. Nothing there is no error."""
        raise NotImplementedError

    def check_quota(self, wanted: dict[str, str]) -> None:
        """Refuse limits (``size``, ``inodes``) that cannot be kept here."""
        from ..errors import DriverUnsupported

        raise DriverUnsupported(f"--storage-opt is not supported by the {self.name} driver")

    def set_quota(self, layer: str, wanted: dict[str, str]) -> None:
        """Limit what the layer may grow to."""

    # --- content

    def staging_root(self, image: bool = True) -> str:
        """Where staged trees are made, on the file system of the layers."""
        raise NotImplementedError

    def trash(self) -> Trees:
        """Where trees go that are to be removed when the locks are free."""
        from ..tempdirs import Trees

        return Trees(list(dict.fromkeys((self.staging_root(False), self.staging_root(True)))))

    def apply_options(self, uidmap: IDMap = (), gidmap: IDMap = ()) -> ApplyOptions:
        """How a layer's tar is laid down for this driver."""
        raise NotImplementedError

    def shifts(self, uidmap: IDMap, gidmap: IDMap) -> bool:
        """Can a mount show the files with the owners of these maps, so that nothing has to be copied?"""
        return False

    stages_on_parent = False  # True: a layer's tree starts as a copy of its parent's

    def read_dirs(self, layer: str) -> list[str]:
        """Directories in which the layer's members are found, nearest first."""
        raise NotImplementedError

    def diff_dir(self, layer: str) -> str:
        """The directory that holds what the layer adds."""
        raise NotImplementedError

    @property
    def native_diff(self) -> bool:
        """Can changes be read from the layer's own directory, without comparing trees?"""
        return False

    # --- mounting

    def mount(self, layer: str, options: MountOptions) -> str:
        """Mount and return the path of the root file system."""
        raise NotImplementedError

    def unmount(self, layer: str, path: str) -> None:
        """Undo ``mount``. A mount that is gone already is no error."""
        raise NotImplementedError

    def uncover(self, path: str) -> bool:
        """If something was bound over the driver's home since the mount was made, take that away: is it visible now?"""
        return False

    def is_mounted(self, layer: str, path: str) -> bool:
        """Is the path really a mount point now?"""
        raise NotImplementedError
