"""The structures that quotactl(2) and the fsxattr ioctls take, and what is said where there are no quotas."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from ocikit.storage import Store, StoreOptions, quota
from ocikit.storage.errors import DriverUnsupported, StorageError


def test_structures() -> None:
    packed = quota.limits(7, 10_000, 500)
    version, flags, mask, ident, bhard, bsoft, ihard, isoft = struct.unpack_from("<bbHIQQQQ", packed)
    assert (version, flags, mask, ident) == (1, 2, 0b1111, 7)
    assert (bhard, bsoft, ihard, isoft) == (20, 20, 500, 500)
    assert len(packed) == 112
    assert struct.unpack_from("<bbHI", quota.limits(1, 0, 9))[2] == 0b0011
    before = struct.pack("<IIIII8s", 5, 1, 2, 3, 4, b"")
    after = quota.with_project(before, 99)
    assert quota.fields_of(after) == (5 | 0x200, 99)
    assert struct.unpack("<IIIII8s", after)[1:3] == (1, 2) and len(after) == 28


def test_wishes() -> None:
    assert quota.parse({"size": "10G"}) == (10 << 30, 0)
    assert quota.parse({"inodes": "5", "size": "1k"}) == (1024, 5)
    with pytest.raises(DriverUnsupported, match="unknown storage option speed"):
        quota.parse({"speed": "1"})
    with pytest.raises(StorageError, match="is not a number"):
        quota.parse({"inodes": "many"})


@pytest.mark.parametrize(
    ("driver", "message"),
    [("overlay", "only for overlay over xfs with 'pquota'"), ("vfs", "not supported by the vfs driver")],
)
def test_no_quota_here(tmp_path: Path, driver: str, message: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota, "supported", lambda driver: False)
    store = Store.open(StoreOptions(str(tmp_path / "g"), str(tmp_path / "r"), driver, options=[]))
    with pytest.raises(DriverUnsupported, match=message):
        store.create_container(storage_opts={"size": "1g"})
    assert store.containers() == [] and store.layers() == []


def test_configured_limit_needs_xfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ocikit.storage.drivers import probe

    monkeypatch.setattr(probe, "file_system", lambda path: "ext4")
    (tmp_path / "g/overlay").mkdir(parents=True)
    store = Store.open(StoreOptions(str(tmp_path / "g"), str(tmp_path / "r"), "overlay", options=["overlay.size=1g"]))
    with pytest.raises(StorageError, match=r"only supported for backingFS XFS\. Found extfs"):
        store.create_container()


def test_force_mask_needs_a_mount_program(tmp_path: Path) -> None:
    store = Store.open(
        StoreOptions(str(tmp_path / "g"), str(tmp_path / "r"), "overlay", options=["overlay.force_mask=700"])
    )
    with pytest.raises(StorageError, match="force_mask needs a mount_program"):
        store.create_container()
