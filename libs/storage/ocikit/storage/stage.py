"""A layer on its way in: unpacked where nobody sees it, without any lock, until ``Store.put_layer`` makes it real."""

from __future__ import annotations

import os

from .errors import DigestMismatch
from .tempdirs import TempDir

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from .archive.options import UnpackResult
    from .archive.reader import Readable
    from .drivers.base import Driver, IDMap


class StagedLayer:
    """The unpacked layer and what its record will say. Use it as a context manager: what was not put is thrown away.

    diff_id, compressed_digest, toc_digest: ``sha256:<hex>``; diff_size, compressed_size: bytes; compression: 0 none, 1 bzip2,
    2 gzip, 3 xz, 4 zstd; uidset, gidset: sorted ids in the tar; warnings: sentences about attributes that could not be kept.
    """

    def __init__(self, driver: Driver, split_root: str) -> None:
        self.driver = driver
        self.trees = TempDir(driver.staging_root())
        self.files = TempDir(split_root)
        self.tree = ""
        self.split = ""
        self.tar = ""  # vfs: the inflated tar, to be laid over a copy of the parent
        self.diff_id = ""
        self.diff_size = 0
        self.compressed_digest = ""
        self.compressed_size = 0
        self.compression = 0
        self.toc_digest = ""
        self.uidset: list[int] = []
        self.gidset: list[int] = []
        self.warnings: list[str] = []
        self.uidmap: IDMap = ()
        self.gidmap: IDMap = ()

    def discard(self) -> None:
        """Remove what is staged; after ``put_layer`` only the empty directories remain to be removed."""
        try:
            self.trees.close()
        finally:
            self.files.close()

    def __enter__(self) -> StagedLayer:
        return self

    def __exit__(self, *exc: object) -> None:
        self.discard()


def stage(
    driver: Driver,
    split_root: str,
    stream: Readable,
    uidmap: IDMap = (),
    gidmap: IDMap = (),
    expected_diff_id: str = "",
    expected_digest: str = "",
) -> StagedLayer:
    """Unpack the blob. DigestMismatch (and nothing left behind) if it is not what was expected."""
    from .archive.compression import NUMBERS

    staged = StagedLayer(driver, split_root)
    staged.uidmap, staged.gidmap = uidmap, gidmap
    try:
        result = _unpack(staged, stream)
        staged.compression = NUMBERS[result.compression]
        staged.diff_id = result.diff_id
        staged.diff_size = result.size
        staged.compressed_digest = result.compressed_digest
        staged.compressed_size = result.compressed_size
        staged.uidset, staged.gidset = result.uidset, result.gidset
        staged.warnings = result.warnings
        for what, wanted, got in (
            ("blob", expected_digest, result.compressed_digest),
            ("layer", expected_diff_id, result.diff_id),
        ):
            if wanted and wanted != got:
                raise DigestMismatch(f"the {what} has digest {got}, expected {wanted}")
    except BaseException:
        staged.discard()
        raise
    return staged


def _unpack(staged: StagedLayer, stream: Readable) -> UnpackResult:
    from .archive import unpack_layer

    driver = staged.driver
    staged.split = staged.files.addition()
    with open(staged.split, "xb", opener=_private) as split:
        if driver.stages_on_parent:
            return _keep(staged, stream, split)
        staged.tree = staged.trees.addition()
        os.mkdir(staged.tree, 0o700)
        result = unpack_layer(stream, staged.tree, driver.apply_options(staged.uidmap, staged.gidmap), split)
        split.flush()
        os.fdatasync(split.fileno())
    return result


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _keep(staged: StagedLayer, stream: Readable, split: BinaryIO) -> UnpackResult:
    """vfs: the tree can only be made when the parent is known to be there; until then keep the inflated tar."""
    from .archive import Hashing, open_decompressed, split_only
    from .archive.options import UnpackResult

    staged.tar = staged.trees.addition()
    blob = Hashing(stream)
    source, compression = open_decompressed(blob)
    inflated = Hashing(source)
    with open(staged.tar, "xb", opener=_private) as file:
        while piece := inflated.read(1 << 18):
            file.write(piece)
    while blob.read(1 << 18):
        pass
    with open(staged.tar, "rb") as file:
        split_only(file, split)
    split.flush()
    os.fdatasync(split.fileno())
    return UnpackResult(
        entries=0,
        size=inflated.size,
        uidset=[],
        gidset=[],
        compression=compression,
        compressed_digest=blob.digest,
        compressed_size=blob.size,
        diff_id=inflated.digest,
    )


def lay_over_parent(staged: StagedLayer, parent: str) -> None:
    """vfs: a copy of the parent's tree with the kept tar unpacked into it. Takes long: no lock may be held."""
    from .archive import apply_layer
    from .drivers.vfs import VFS

    driver = staged.driver
    assert isinstance(driver, VFS)
    staged.tree = staged.trees.addition()
    driver.copy_parent(parent, staged.tree)
    with open(staged.tar, "rb") as tar:
        result = apply_layer(tar, staged.tree, driver.apply_options(staged.uidmap, staged.gidmap))
    os.unlink(staged.tar)
    staged.uidset, staged.gidset = result.uidset, result.gidset
    staged.warnings = result.warnings
