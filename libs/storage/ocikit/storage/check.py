"""Is the store what its records say? And making it so (spec, section 16)."""

from __future__ import annotations

import os
import stat
import time
from dataclasses import dataclass, field

from .archive import TarReader
from .archive.errors import ArchiveError
from .archive.fields import BLOCKDEV, CHARDEV, DIRECTORY, FIFO, HARDLINK, PAX_GLOBAL, SYMLINK, clean_path
from .errors import ImageInUse, LayerInUse, StorageError
from .garbage import collect, find_orphans

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import LayerRecord
    from .store import Store

_KINDS = {
    DIRECTORY: stat.S_IFDIR,
    SYMLINK: stat.S_IFLNK,
    CHARDEV: stat.S_IFCHR,
    BLOCKDEV: stat.S_IFBLK,
    FIFO: stat.S_IFIFO,
}


@dataclass(slots=True)
class Report:
    """What was found, as sentences by id; empty everywhere when all is well. orphans: paths that belong to nothing."""

    layers: dict[str, list[str]] = field(default_factory=dict)
    images: dict[str, list[str]] = field(default_factory=dict)
    containers: dict[str, list[str]] = field(default_factory=dict)
    orphans: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        return not (self.layers or self.images or self.containers or self.orphans)

    def lines(self) -> list[str]:
        """One line for each finding, as ``podman system check`` words them."""
        out = [
            f"layer {os.path.basename(p)}: layer in lower level storage driver not accounted for" for p in self.orphans
        ]
        for kind, part in (("layer", self.layers), ("image", self.images), ("container", self.containers)):
            out += [f"{kind} {key}: {text}" for key, texts in part.items() for text in texts]
        return out


@dataclass(slots=True)
class Repaired:
    """Ids that were deleted, and the bytes freed from what belonged to nothing."""

    containers: list[str] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    layers: list[str] = field(default_factory=list)
    freed: int = 0


def check(store: Store, quick: bool = False, max_age_s: float = 86400.0) -> Report:
    """Compare records, files and contents. Reads every byte of every layer unless ``quick``.

    max_age_s: layers that nothing references are damage when they are older. No lock is held while contents are read; what
    another process deletes meanwhile is left out.
    """
    report = Report()
    layers = {layer.id: layer for layer in store.layers()}
    images = store.images()
    containers = store.containers()
    report.orphans = find_orphans(store).all
    for layer in layers.values():
        if layer.read_only:
            continue
        texts = _layer(store, layer, layers, quick)
        if texts and any(layer.id == now.id for now in store.layers()):
            report.layers[layer.id] = texts
    _unreferenced(store, report, max_age_s)
    # Damage spreads upwards: to the layers, images and containers that stand on it.
    bad = {key for key in report.layers if "layer not referenced by any images or containers" not in report.layers[key]}
    for layer in layers.values():
        above = layer.parent
        while above in layers and layer.id not in bad:
            if above in bad:
                report.layers.setdefault(layer.id, []).append(f"parent layer {above} is damaged")
                break
            above = layers[above].parent
    bad |= {key for key, texts in report.layers.items() if any("is damaged" in t for t in texts)}
    for image in images:
        if image.read_only:
            continue
        texts = []
        if image.layer and image.layer not in layers:
            texts.append("image layer is missing")
        elif image.layer in bad:
            texts.append(f"layer {image.layer} is damaged")
        for item in image.big_data_names:
            try:
                size = os.stat(store._images.data.path(image.id, item)).st_size
            except FileNotFoundError:
                texts.append(f'image data item "{item}" is missing')
                continue
            if size != image.big_data_sizes.get(item):
                texts.append(f'image data item "{item}" has incorrect size')
        if texts:
            report.images[image.id] = texts
    known = {image.id for image in images}
    for container in containers:
        texts = []
        if container.image and container.image not in known:
            texts.append("image missing")
        elif container.image in report.images:
            texts.append(f"image {container.image} is damaged")
        if container.layer not in layers:
            texts.append("layer is missing")
        elif container.layer in bad:
            texts.append(f"layer {container.layer} is damaged")
        for item in container.big_data_names:
            path = store._containers.data.path(container.id, item)
            if not os.path.exists(path):
                texts.append(f'container data item "{item}" is missing')
        if texts:
            report.containers[container.id] = texts
    return report


def _unreferenced(store: Store, report: Report, max_age_s: float) -> None:
    used: set[str] = set()
    layers = {layer.id: layer for layer in store.layers()}
    tops = [c.layer for c in store.containers()]
    for image in store.images():
        tops += [image.layer, *image.mapped_layers]
    for top in tops:
        while top in layers and top not in used:
            used.add(top)
            top = layers[top].parent
    now = time.time()
    for layer in layers.values():
        if layer.id not in used and not layer.read_only and now - _seconds(layer.created) > max_age_s:
            report.layers.setdefault(layer.id, []).append("layer not referenced by any images or containers")


def _seconds(created: str) -> float:
    from calendar import timegm

    try:
        return timegm(time.strptime(created[:19], "%Y-%m-%dT%H:%M:%S"))
    except ValueError:
        return 0.0


def _layer(store: Store, layer: LayerRecord, layers: dict[str, LayerRecord], quick: bool) -> list[str]:
    if layer.parent and layer.parent not in layers:
        return [f"parent layer {layer.parent} is missing"]
    if not store._driver.exists(layer.id):
        return ["layer is missing"]
    if not layer.diff_digest:
        return []
    if not os.path.exists(store._layers.split_path(layer.id)):
        return ["layer content incorrect digest: its tar-split file is missing"]
    if quick:
        return []
    try:
        return _content(store, layer)
    except ArchiveError as exc:
        return [f"layer content incorrect digest: {exc}"]
    except StorageError as exc:
        return [str(exc)]


def _content(store: Store, layer: LayerRecord) -> list[str]:
    from .archive import Hashing

    texts = []
    with store.diff(layer.id) as stream:
        hashing = Hashing(stream)
        differing = _Comparison(store, layer).run(TarReader(hashing))
        while hashing.read(1 << 18):
            pass
    if hashing.digest != layer.diff_digest:
        texts.append("layer content incorrect digest")
    if layer.diff_size >= 0 and hashing.size != layer.diff_size:
        texts.append("layer content incorrect size")
    if differing:
        shown = ", ".join(differing[:3]) + (", ..." if len(differing) > 3 else "")
        texts.append(f"layer content modified: {shown}")
    return texts


class _Comparison:
    """The files of one layer against the headers of its tar: type, owner, mode, size, whole seconds of mtime, nothing more
    and nothing less. Only for overlay, where a layer's own directory holds exactly what its tar has."""

    def __init__(self, store: Store, layer: LayerRecord) -> None:
        self.active = store._driver.name == "overlay" and not layer.uidmap
        settings = store.settings
        self.owners = not settings.ignore_chown_errors and settings.force_mask is None
        self.modes = settings.force_mask is None
        self.plain = store._driver.apply_options().whiteouts == "plain"
        self.root = os.open(store._driver.diff_dir(layer.id), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self.expected: set[bytes] = set()
        self.differing: list[str] = []

    def run(self, reader: TarReader) -> list[str]:
        try:
            while reader.next():
                if self.active and reader.type != PAX_GLOBAL:
                    self.entry(reader)
            while reader.rest():
                pass
            if self.active:
                self.surplus(b"")
        finally:
            os.close(self.root)
        return self.differing

    def entry(self, reader: TarReader) -> None:
        path = clean_path(reader.name)
        if not path:
            return
        directory, _, base = path.rpartition(b"/")
        if base.startswith(b".wh.") and not self.plain:
            if base == b".wh..wh..opq":
                return
            path = (directory + b"/" if directory else b"") + base[4:]
            if path in self.expected:
                return  # replaced later
        self.expected.add(path)
        try:
            st = os.stat(path, dir_fd=self.root, follow_symlinks=False)
        except OSError:
            self.differing.append(os.fsdecode(path))
            return
        if base.startswith(b".wh."):
            same = self.plain or (stat.S_ISCHR(st.st_mode) and st.st_rdev == 0)
        elif reader.type == HARDLINK:
            same = True
        else:
            kind = _KINDS.get(reader.type, stat.S_IFREG)
            same = stat.S_IFMT(st.st_mode) == kind or not self.modes
            if same and kind == stat.S_IFREG:
                same = st.st_size == reader.size
            if same and kind != stat.S_IFLNK:
                if self.modes:
                    same = stat.S_IMODE(st.st_mode) == reader.mode & 0o7777
                same = same and st.st_mtime_ns // 10**9 == max(reader.mtime_ns // 10**9, 0)
            if same and self.owners:
                same = (st.st_uid, st.st_gid) == (reader.uid, reader.gid)
        if not same:
            self.differing.append(os.fsdecode(path))

    def surplus(self, top: bytes) -> None:
        """Files that no entry made. Directories may be implied by what is in them."""
        pending = [top]
        while pending:
            path = pending.pop()
            fd = os.open(path or b".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.root)
            try:
                with os.scandir(fd) as entries:
                    for entry in entries:
                        inner = (path + b"/" if path else b"") + os.fsencode(entry.name)
                        if entry.is_dir(follow_symlinks=False):
                            pending.append(inner)
                        elif inner not in self.expected:
                            self.differing.append(os.fsdecode(inner))
            finally:
                os.close(fd)


def repair(store: Store, report: Report, force: bool = False) -> Repaired:
    """Delete what is damaged, bottom last: containers (only with ``force``), images, layers; then what belongs to nothing."""
    done = Repaired()
    for key in report.containers:
        if force:
            try:
                store.delete_container(key)
                done.containers.append(key)
            except StorageError:
                continue
    for key in report.images:
        try:
            done.layers += store.delete_image(key)
            done.images.append(key)
        except (ImageInUse, StorageError):
            continue
    left = [key for key in report.layers if key not in done.layers]
    progress = True
    while left and progress:  # children go before their parents
        progress = False
        for key in list(left):
            try:
                store.delete_layer(key)
            except LayerInUse:
                continue
            except StorageError:
                left.remove(key)
                continue
            left.remove(key)
            done.layers.append(key)
            progress = True
    done.freed = collect(store)
    return done
