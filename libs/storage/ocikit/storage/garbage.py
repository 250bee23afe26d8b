"""What lies in a store without belonging to anything, and where every byte of it is."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from .base import StoreBase
from .tempdirs import TempDir, recover

_ID = 64


@dataclass(slots=True)
class Usage:
    """Bytes on disk (blocks, as du(1) counts), each inode once. The parts add up to ``total``.

    layers: id -> tree, tar-split and data of the layer; images, containers: id -> documents and directories;
    orphans: path -> what belongs to nothing; records: record, lock and link files of the store; other: name -> files of other
    libraries in the graph root (volumes, databases ...).
    """

    layers: dict[str, int] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)
    containers: dict[str, int] = field(default_factory=dict)
    orphans: dict[str, int] = field(default_factory=dict)
    other: dict[str, int] = field(default_factory=dict)
    records: int = 0

    @property
    def total(self) -> int:
        """Everything."""
        parts = (self.layers, self.images, self.containers, self.orphans, self.other)
        return self.records + sum(sum(part.values()) for part in parts)


@dataclass(slots=True)
class ImageUsage:
    """Bytes of an image: in layers that only it has, in layers that it shares, in its documents."""

    unique: int = 0
    shared: int = 0
    documents: int = 0


class Blocks:
    """Counts blocks of trees; an inode with several names counts where it is met first."""

    def __init__(self) -> None:
        self._seen: set[tuple[int, int]] = set()

    def of(self, path: str) -> int:
        """Bytes of a file or of a whole tree on one file system; 0 when it is not there."""
        try:
            st = os.lstat(path)
        except FileNotFoundError:
            return 0
        total = self._one(st)
        pending = [path] if (st.st_mode & 0o170000) == 0o040000 else []
        while pending:
            try:
                entries = os.scandir(pending.pop())
            except OSError:
                continue
            with entries:
                for entry in entries:
                    try:
                        inner = entry.stat(follow_symlinks=False)
                    except FileNotFoundError:
                        continue
                    if inner.st_dev != st.st_dev:
                        continue  # a mount: its bytes are elsewhere
                    total += self._one(inner)
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(entry.path)
        return total

    def _one(self, st: os.stat_result) -> int:
        if st.st_nlink > 1 and (st.st_mode & 0o170000) != 0o040000:
            key = st.st_dev, st.st_ino
            if key in self._seen:
                return 0
            self._seen.add(key)
        return st.st_blocks * 512


@dataclass(slots=True)
class Orphans:
    """Paths without a record, by what they are."""

    trees: list[str] = field(default_factory=list)  # of the driver
    links: list[str] = field(default_factory=list)  # short links to nothing
    files: list[str] = field(default_factory=list)  # tar-splits, data directories, unfinished writes

    @property
    def all(self) -> list[str]:
        return [*self.trees, *self.links, *self.files]


def find_orphans(store: StoreBase) -> Orphans:
    """Call it with all three locks held for writing to be sure; without, it may show what is just being made."""
    layers, images, containers = store._layers, store._images, store._containers
    for records in (layers, images, containers):
        records.refresh()
    found = Orphans()
    driver = store._driver
    for home in driver.own_homes:
        found.trees += [f"{home}/{n}" for n in _names(home) if len(n) == _ID and n not in layers.by_id]
        links = f"{home}/l"
        found.links += [f"{links}/{n}" for n in _names(links) if _dangles(f"{links}/{n}", layers.by_id)]
        top = os.path.dirname(home) if driver.name == "vfs" else home
        probes = ("compat", "metacopy-check", "opaque-bug-check", "volatile-check")
        found.trees += [f"{top}/{n}" for n in _names(top) if n.startswith(probes)]
    for name in _names(layers.directory):
        owner = name.removesuffix(".tar-split.gz")
        if (len(owner) == _ID and owner not in layers.by_id) or name.startswith(".tmp-"):
            found.files.append(f"{layers.directory}/{name}")
    for records in (images, containers):
        directory = records.directory
        for name in _names(directory):
            if (len(name) == _ID and name not in records.by_id) or name.startswith(".tmp-"):
                found.files.append(f"{directory}/{name}")
            elif len(name) == _ID:
                found.files += [
                    f"{directory}/{name}/{n}" for n in _names(f"{directory}/{name}") if n.startswith(".tmp-")
                ]
    return found


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _dangles(link: str, known: object) -> bool:
    try:
        owner = os.readlink(link).split("/")[1]
    except (OSError, IndexError):
        return True
    return owner not in known  # type: ignore[operator]


def collect(store: StoreBase) -> int:
    """Remove everything that belongs to nothing; the bytes that it had. Locks are held for the renames only."""
    freed = 0
    blocks = Blocks()
    driver, layers = store._driver, store._layers
    for root in {driver.staging_root(), driver.staging_root(image=False), layers.temp_root}:
        before = blocks.of(root)
        if recover(root):
            freed += max(before - Blocks().of(root), 0)
    trees, files = driver.trash(), TempDir(layers.temp_root)
    try:
        with layers.writing(), store._images.writing(), store._containers.writing():
            found = find_orphans(store)
            for path in found.trees:
                freed += blocks.of(path)
                trees.take(path)
            for path in (*found.links, *found.files):
                freed += blocks.of(path)
                files.take(path)
    finally:
        trees.close()
        files.close()
    return freed


def usage(store: StoreBase) -> Usage:
    """Where every byte of the graph root (and of a separate image store) is."""
    result = Usage()
    blocks = Blocks()
    orphans = set(find_orphans(store).all)
    layers, images, containers = store._layers, store._images, store._containers
    driver, settings = store._driver, store.settings
    own = {
        f"{root}/{driver.name}{suffix}"
        for root in filter(None, (settings.graphroot, settings.imagestore))
        for suffix in ("", "-layers", "-images", "-containers")
    }
    for root in filter(None, (settings.graphroot, settings.imagestore)):
        result.records += _self(root)
        for name in _names(root):
            path = f"{root}/{name}"
            if path in own:
                result.records += _self(path)
            elif name.endswith(".lock"):
                result.records += blocks.of(path)
            else:
                result.other[name] = result.other.get(name, 0) + blocks.of(path)
    for path in orphans:
        result.orphans[path] = blocks.of(path)
    for home in driver.own_homes:
        if home not in own:
            result.records += _self(home)  # vfs/dir
        for name in _names(home):
            path = f"{home}/{name}"
            if path in orphans:
                continue
            if name in layers.by_id:
                _add(result.layers, name, blocks.of(path))
            elif name == "tempdirs":
                result.orphans[path] = blocks.of(path)
            elif name == "l":
                result.records += blocks.of(path) - sum(result.orphans.get(o, 0) for o in orphans if o.startswith(path))
            else:
                result.records += blocks.of(path)
        if driver.name == "vfs":
            tempdirs = f"{os.path.dirname(home)}/tempdirs"
            if os.path.isdir(tempdirs):
                result.orphans[tempdirs] = blocks.of(tempdirs)
    for directory, part, known in (
        (layers.directory, result.layers, layers.by_id),
        (images.directory, result.images, images.by_id),
        (containers.directory, result.containers, containers.by_id),
    ):
        for name in _names(directory):
            path = f"{directory}/{name}"
            owner = name.removesuffix(".tar-split.gz")
            if path in orphans:
                continue
            if owner in known:
                inner = sum(size for o, size in result.orphans.items() if o.startswith(path + "/"))
                _add(part, owner, blocks.of(path) - inner)
            elif name == "tmp":
                result.orphans[path] = blocks.of(path)
            else:
                result.records += blocks.of(path)
    if settings.imagestore:
        directory = f"{settings.imagestore}/{driver.name}-layers"
        result.records += sum(blocks.of(f"{directory}/{n}") for n in _names(directory))
    return result


def _self(path: str) -> int:
    try:
        return os.lstat(path).st_blocks * 512
    except FileNotFoundError:
        return 0


def _add(part: dict[str, int], key: str, size: int) -> None:
    part[key] = part.get(key, 0) + size


def image_usage(store: StoreBase, measured: Usage) -> dict[str, ImageUsage]:
    """Each image's bytes in layers of its own and in shared ones, from a ``usage()``."""
    layers = store._layers.by_id
    chains: dict[str, set[str]] = {}
    for image in store._images.records:
        chain: set[str] = set()
        for top in (image.layer, *image.mapped_layers):
            while top in layers and top not in chain:
                chain.add(top)
                top = layers[top].parent
        chains[image.id] = chain
    users: dict[str, int] = {}
    for chain in chains.values():
        for layer in chain:
            users[layer] = users.get(layer, 0) + 1
    result = {}
    for image_id, chain in chains.items():
        one = result[image_id] = ImageUsage(documents=measured.images.get(image_id, 0))
        for layer in chain:
            size = measured.layers.get(layer, 0)
            if users[layer] == 1:
                one.unique += size
            else:
                one.shared += size
    return result
