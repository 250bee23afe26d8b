"""A container's own directory becomes a layer as it is: its files are read once for the digest and never written again."""

from __future__ import annotations

import errno
import os

from .stage import StagedLayer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .archive.reader import Readable
    from .archive.split import Writable
    from .store import Store


def stage_container(store: Store, key: str) -> StagedLayer | None:
    """What a container changed, ready for ``put_layer``; the container must be unmounted and has an empty layer afterwards.

    None where the driver's directory is not a layer's (another driver, shifted owners, redirected directories): ``diff`` and
    ``stage_layer`` do it then.
    """
    driver = store._driver
    container = store.container(key)
    record = store.layer(container.layer)
    if not driver.native_diff or record.uidmap or record.gidmap or container.uidmap or container.gidmap:
        return None
    staged = StagedLayer(driver, store._layers.temp_root)
    try:
        staged.split = staged.files.addition()
        staged.tree = staged.trees.addition()
        with store.diff(record.id) as stream, open(staged.split, "xb", opener=_private) as split:
            _measure(staged, stream, split)
        try:
            os.rename(driver.diff_dir(record.id), staged.tree)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            # Images are kept on another file system.
            staged.discard()
            return None
        # What is left of the container is complete again: mounting or deleting it must not fail.
        os.mkdir(driver.diff_dir(record.id), 0o755)
    except BaseException:
        staged.discard()
        raise
    return staged


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_CLOEXEC, 0o600)


def _measure(staged: StagedLayer, stream: Readable, split: Writable) -> None:
    """Digest, size, owners and tar-split in one pass over the generated tar (which holds no sparse files)."""
    from .archive import Hashing, SplitWriter, TarReader
    from .archive.split import checksum

    tar = Hashing(stream)
    reader, writer = TarReader(tar, record=True), SplitWriter(split)
    uids, gids = set(), set()
    while reader.next():
        uids.add(reader.uid)
        gids.add(reader.gid)
        size, segment, crc = reader.size, reader.segment, None
        while piece := reader.take():
            crc = checksum(piece) if crc is None else checksum(piece, crc)
        writer.entry(segment, reader.name, size, crc or 0)
    writer.tail(reader)
    writer.close()
    while tar.read(1 << 18):
        pass
    staged.diff_id = staged.compressed_digest = tar.digest
    staged.diff_size = staged.compressed_size = tar.size
    staged.uidset, staged.gidset = sorted(uids), sorted(gids)
