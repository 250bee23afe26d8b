"""Unpacking as root, and as root of a user namespace: owners, devices, whiteouts that a mounted overlay understands."""

from __future__ import annotations

import io
import os
import shutil
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from ocikit.storage.archive import (
    ApplyOptions,
    ArchiveError,
    apply_layer,
    copy_tree,
    create_tar,
    diff_naive,
    diff_overlay,
    shift_tree,
)
from tests.support import machine
from tests.unit.storage.archive.support import apply, directory, member, tar

pytestmark = pytest.mark.root

CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


@pytest.fixture(autouse=True)
def root() -> None:
    machine.skip(machine.why_not_root())


def capability(name: str, **fields: object) -> tuple[tarfile.TarInfo, bytes | None]:
    # A PAX value is text for tarfile; these bytes happen to be ASCII.
    return member(name, b"x", pax_headers={"SCHILY.xattr.security.capability": CAPABILITY.decode()}, **fields)


def test_owners_are_shifted(tmp_path: Path) -> None:
    data = tar(
        directory("d", uid=0, gid=5),
        capability("d/tool", uid=1000, gid=1000, mode=0o4755),
        member("link", type=tarfile.SYMTYPE, linkname="d", uid=7, gid=7),
        member("new/parent/x", b"", uid=1),
        member(".wh.gone", b"", uid=3, gid=4),
    )
    ranges = ((0, 100000, 65536),)
    result = apply_layer(io.BytesIO(data), tmp_path, ApplyOptions(uidmap=ranges, gidmap=ranges))
    assert (result.uidset, result.gidset) == ([0, 1, 7, 1000], [0, 5, 7, 1000])

    def ids(name: str) -> tuple[int, int, int]:
        status = os.lstat(tmp_path / name)
        return status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)

    assert ids("d") == (100000, 100005, 0o755)
    assert ids("d/tool") == (101000, 101000, 0o4755)
    assert os.getxattr(tmp_path / "d/tool", "security.capability")
    assert ids("link")[:2] == (100007, 100007)
    assert ids("new") == ids("new/parent") == (100000, 100000, 0o755)
    assert ids("new/parent/x")[:2] == (100001, 100000)
    assert ids("gone") == (100003, 100004, 0)


def test_shift_tree(tmp_path: Path) -> None:
    apply(tar(directory("d"), capability("d/tool", mode=0o6755, uid=5, gid=6), member("x", b"", uid=9)), tmp_path)
    os.link(tmp_path / "x", tmp_path / "y")
    before = create_tar(tmp_path).read()
    ranges = ((0, 200000, 1000),)
    assert shift_tree(tmp_path, uid_to=ranges, gid_to=ranges) == 4
    status = os.stat(tmp_path / "d/tool")
    assert (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode)) == (200005, 200006, 0o6755)
    assert os.getxattr(tmp_path / "d/tool", "security.capability")
    assert os.stat(tmp_path / "y").st_uid == 200009 and os.stat(tmp_path).st_uid == 200000
    other = ((0, 300000, 1000),)
    shift_tree(tmp_path, uid_from=ranges, gid_from=ranges, uid_to=other, gid_to=other)
    shift_tree(tmp_path, uid_from=other, gid_from=other)
    assert create_tar(tmp_path).read() == before
    with pytest.raises(ArchiveError, match="container ID 9 cannot be mapped"):
        shift_tree(tmp_path, uid_to=((0, 1000, 6),))


def mounted(tmp_path: Path, lower: Path, upper: Path) -> Path:
    merged, work = tmp_path / "merged", tmp_path / "work"
    merged.mkdir()
    work.mkdir()
    options = f"lowerdir={lower},upperdir={upper},workdir={work}"
    subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, merged], check=True)
    return merged


@pytest.fixture
def overlay(tmp_path: Path) -> tuple[Path, Path]:
    machine.skip(machine.why_not_overlay())
    lower, upper = tmp_path / "lower", tmp_path / "upper"
    lower.mkdir()
    upper.mkdir()
    apply(
        tar(directory("d"), member("d/old", b"1"), directory("o"), member("o/old", b"2"), member("gone", b"3")), lower
    )
    return lower, upper


def test_whiteouts_in_a_mount(tmp_path: Path, overlay: tuple[Path, Path]) -> None:
    lower, upper = overlay
    data = tar(
        member(".wh.gone", b""), directory("d"), member("d/.wh.old", b""), member("d/new", b""),
        member("o/.wh..wh..opq", b""), directory("o", mode=0o700), member("o/new", b""),
    )  # fmt: skip
    apply(data, upper)
    merged = mounted(tmp_path, lower, upper)
    try:
        assert sorted(str(path.relative_to(merged)) for path in merged.rglob("*")) == ["d", "d/new", "o", "o/new"]
        changed = diff_naive(merged, lower).read()
    finally:
        subprocess.run(["umount", merged], check=True)
    # Both kinds of diff, applied to a copy of the lower tree with real deletions, give the same.
    for number, diff in enumerate((changed, diff_overlay(upper, [lower]).read())):
        target = tmp_path / f"copy{number}"
        target.mkdir()
        copy_tree(lower, target)
        apply_layer(io.BytesIO(diff), target, ApplyOptions(whiteouts="remove"))
        assert sorted(str(path.relative_to(target)) for path in target.rglob("*")) == ["d", "d/new", "o", "o/new"]


def test_opaque_root(tmp_path: Path) -> None:
    """Set as the Go tools do, though the kernel looks at the attribute of directories below the root only."""
    apply(tar(member(".wh..wh..opq", b""), member("only", b"")), tmp_path)
    assert os.getxattr(tmp_path, "trusted.overlay.opaque") == b"y"


def test_force_mask(tmp_path: Path) -> None:
    """Storage format, 11.4: the mode is the mask, root owns all, the truth is in an attribute; and back into a tar."""
    data = tar(
        directory("./"), member("tool", b"1", uid=1000, gid=1000, mode=0o4755), directory("d", mode=0o700),
        member("dev", type=tarfile.CHRTYPE, devmajor=1, devminor=3, mode=0o666), member("pipe", type=tarfile.FIFOTYPE),
        member("hard", type=tarfile.LNKTYPE, linkname="tool", uid=1000, gid=1000, mode=0o4755),
        member("soft", type=tarfile.SYMTYPE, linkname="tool"),
    )  # fmt: skip
    apply(data, tmp_path, force_mask=0o755, whiteouts="plain")
    key = "user.containers.override_stat"
    got = {name: os.getxattr(tmp_path / name, key).decode() for name in (".", "tool", "d", "dev", "pipe", "hard")}
    assert got == {
        ".": "0:0:0755:dir", "tool": "1000:1000:4755:file", "d": "0:0:0700:dir", "dev": "0:0:0666:char-1-3",
        "pipe": "0:0:0644:pipe", "hard": "1000:1000:4755:file",
    }  # fmt: skip
    for name in ("tool", "d", "dev", "pipe"):
        status = os.stat(tmp_path / name)
        assert (stat.S_IMODE(status.st_mode), status.st_uid) == (0o755, 0)
    assert key not in os.listxattr(tmp_path / "soft", follow_symlinks=False)
    from ocikit.storage.archive import TarOptions

    with tarfile.open(fileobj=io.BytesIO(create_tar(tmp_path, TarOptions(override_stat=True)).read())) as archive:
        infos = {info.name: info for info in archive}
    assert (infos["hard"].mode, infos["hard"].uid) == (0o4755, 1000)
    assert infos["dev"].ischr() and (infos["dev"].devmajor, infos["dev"].devminor) == (1, 3)
    assert infos["pipe"].isfifo()


INSIDE = """
import io, sys
from ocikit.storage.archive import ApplyOptions, apply_layer
options = ApplyOptions(opaque_xattr="user.overlay.opaque", ignore_chown_errors="ignore" in sys.argv)
result = apply_layer(open(sys.argv[1], "rb"), sys.argv[2], options)
print(len(result.warnings))
"""


@pytest.mark.parametrize("ignore", [False, True])
def test_root_of_a_user_namespace(tmp_path: Path, ignore: bool) -> None:
    machine.skip(machine.why_not_tool("unshare"))
    data = tar(
        member("tool", b"1", mode=0o755, pax_headers={"SCHILY.xattr.user.note": "n", "SCHILY.xattr.trusted.x": "t"}),
        member("sda", type=tarfile.BLKTYPE, devmajor=8), member(".wh.gone", b""), directory("d"),
        member("d/.wh..wh..opq", b""), *([member("other", b"", uid=1000, gid=1000)] if ignore else []),
    )  # fmt: skip
    (tmp_path / "layer").write_bytes(data)
    target = tmp_path / "target"
    target.mkdir()
    command = ["unshare", "-U", "-r", sys.executable, "-c", INSIDE, str(tmp_path / "layer"), str(target)]
    done = subprocess.run([*command, *(["ignore"] if ignore else [])], capture_output=True, text=True, check=False)
    if "unshare" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) == (2 if ignore else 1)  # trusted.x, and the owner
    assert sorted(os.listdir(target)) == ["d", "gone", *(["other"] if ignore else []), "tool"]
    assert os.getxattr(target / "d", "user.overlay.opaque") == b"y"
    assert os.getxattr(target / "tool", "user.note") == b"n"
    status = os.stat(target / "gone")
    assert stat.S_ISCHR(status.st_mode) and status.st_rdev == 0
    shutil.rmtree(target)


def test_owner_outside_the_namespace_is_a_clear_error(tmp_path: Path) -> None:
    machine.skip(machine.why_not_tool("unshare"))
    (tmp_path / "layer").write_bytes(tar(member("other", b"", uid=1000, gid=1000)))
    command = ["unshare", "-U", "-r", sys.executable, "-c", INSIDE, str(tmp_path / "layer"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "unshare:" in done.stderr:
        pytest.skip(done.stderr.strip())
    assert "cannot give other to 1000:1000" in done.stderr
    assert "potentially insufficient UIDs or GIDs available in user namespace" in done.stderr
