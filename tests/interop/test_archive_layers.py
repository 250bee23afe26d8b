"""The same layer unpacked by ours and by the distribution's podman: same tree, same tar-split, same verdict; and diffs."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import shutil
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ocikit.storage.archive import (
    ArchiveError,
    TarReader,
    UnpackResult,
    assemble,
    changes_naive,
    changes_overlay,
    diff_overlay,
    open_in,
    unpack_layer,
)
from tests.support import images, machine
from tests.support.sandbox import Sandbox, real
from tests.unit.storage.archive.support import directory, member, tar

pytestmark = pytest.mark.root

IMPLICIT = 1 << 33  # stands for the time of what no header describes
CAPABILITY = bytes.fromhex("0100000200040000000000000000000000000000")


@pytest.fixture(scope="module")
def box() -> Iterator[Sandbox]:
    machine.skip(machine.why_not_containers())
    real("podman")
    sandbox = Sandbox()
    yield sandbox
    assert not sandbox.close()


def snapshot(root: Path, began: int) -> dict[bytes, tuple[object, ...]]:
    out: dict[bytes, tuple[object, ...]] = {}
    for where, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            path = os.path.join(where, name)
            status = os.lstat(path)
            xattrs = {k: os.getxattr(path, k, follow_symlinks=False) for k in os.listxattr(path, follow_symlinks=False)}
            content: object = None
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                with open(path, "rb") as file:
                    content = hashlib.sha256(file.read()).hexdigest()
            mtime = status.st_mtime_ns if status.st_mtime_ns // 10**9 < began else IMPLICIT
            links = 0 if stat.S_ISDIR(status.st_mode) else status.st_nlink
            ids = status.st_uid, status.st_gid, status.st_rdev
            out[os.path.relpath(path, os.fsencode(root))] = (oct(status.st_mode), *ids, mtime, links, content, xattrs)
    return out


def both(box: Sandbox, tmp_path: Path, data: bytes) -> tuple[UnpackResult, bytes, bytes]:
    """Unpacks with both; compares trees and records; returns our result and the lines of both tar-splits."""
    began = int(os.stat(tmp_path).st_ctime) - 5
    layout, ours = box.folder / "layout", tmp_path / "ours"  # podman takes no capitals or "__" in a layout's path
    shutil.rmtree(layout, ignore_errors=True)
    images.oci_layout(layout, [data])
    image = box.real_podman("pull", "-q", f"oci:{layout}:latest").stdout.strip()
    try:
        ours.mkdir()
        split = io.BytesIO()
        result = unpack_layer(io.BytesIO(gzip.compress(data, 1)), ours, None, split)
        (layer,) = json.loads((box.root / "overlay-layers/layers.json").read_text())
        assert snapshot(ours, began) == snapshot(box.root / "overlay" / layer["id"] / "diff", began)
        assert layer["diff-digest"] == result.diff_id and layer.get("diff-size", 0) == result.size
        assert (layer.get("uidset") or [], layer.get("gidset") or []) == (result.uidset, result.gidset)
        fd = os.open(ours, os.O_RDONLY)
        try:
            assert assemble(io.BytesIO(split.getvalue()), open_in(fd)).read() == data
        finally:
            os.close(fd)
        theirs = (box.root / f"overlay-layers/{layer['id']}.tar-split.gz").read_bytes()
        return result, gzip.decompress(split.getvalue()), gzip.decompress(theirs)
    finally:
        box.real_podman("rmi", "-f", image)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    (root / "d/e").mkdir(parents=True)
    (root / "d/file").write_bytes(os.urandom(700_000))
    os.link(root / "d/file", root / "d/hard")
    (root / "link").symlink_to("/abs/x")
    (root / "longlink").symlink_to("t" * 150)
    (root / ("n" * 120)).write_text("long")
    deep = root / "d" / ("p" * 90) / ("q" * 90)
    deep.mkdir(parents=True)
    (deep / "leaf").write_text("x")
    (root / "é").write_text("u")
    Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe")).write_text("raw")
    os.mkfifo(root / "fifo")
    os.mknod(root / "null", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    (root / "suid").write_text("s")
    os.setxattr(root / "suid", "user.foo", b"bar\0baz")
    os.chown(root / "suid", 1000, 2000)
    (root / "suid").chmod(0o6755)
    os.setxattr(root / "suid", "security.capability", CAPABILITY)
    (root / "d/e").chmod(0o1777)
    os.utime(root / "d/e", (5, 6))
    with (root / "sparse").open("wb") as file:
        file.truncate(3_000_000)
        file.seek(1 << 20)
        file.write(b"hello")
    return root


GNU_TAR = [
    ["--format=v7"],
    ["--format=oldgnu"],
    ["--format=gnu"],
    ["--format=ustar"],
    ["--format=posix", "--xattrs", "--xattrs-include=*"],
]


@pytest.mark.parametrize("options", GNU_TAR, ids=lambda options: options[0])
def test_gnu_tar(box: Sandbox, tmp_path: Path, tree: Path, options: list[str]) -> None:
    made = subprocess.run(["tar", "-C", tree, *options, "-cf", "-", "."], capture_output=True, check=False)
    _, ours, theirs = both(box, tmp_path, made.stdout)
    assert ours == theirs


@pytest.mark.parametrize("version", ["0.0", "0.1", "1.0"])
def test_gnu_tar_sparse(box: Sandbox, tmp_path: Path, tree: Path, version: str) -> None:
    """Trees agree; our tar-split differs on purpose, since theirs cannot re-create a sparse entry."""
    options = ["--format=posix", "--sparse", f"--sparse-version={version}"]
    made = subprocess.run(["tar", "-C", tree, *options, "-cf", "-", "."], capture_output=True, check=True)
    assert both(box, tmp_path, made.stdout)[0].size == len(made.stdout)


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
def test_python_tarfile(box: Sandbox, tmp_path: Path, tree: Path, format: int) -> None:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, errors="surrogateescape") as archive:
        for name in sorted(os.listdir(tree)):
            try:
                archive.add(tree / name, name)
            except ValueError:
                continue  # what ustar cannot hold
    _, ours, theirs = both(box, tmp_path, out.getvalue())
    assert ours == theirs


def link(name: str, target: str, **fields: object) -> tuple[tarfile.TarInfo, bytes | None]:
    return member(name, type=tarfile.SYMTYPE, linkname=target, mode=0o777, **fields)


def hard(name: str, target: str, **fields: object) -> tuple[tarfile.TarInfo, bytes | None]:
    return member(name, type=tarfile.LNKTYPE, linkname=target, **fields)


def xattr(**names: str) -> dict[str, object]:
    return {"pax_headers": {f"SCHILY.xattr.{name.replace('__', '.')}": value for name, value in names.items()}}


ONE = tar(member("a", b"1"))
ACCEPTED = {
    "one zero block": ONE[:1536],
    "no terminator": ONE[:1024],
    "no padding": ONE[:513],
    "bytes behind": ONE[:2048] + b"abc",
    "global header": tar(member("a", b"1"), pax_headers={"comment": "hello"}),
    "whiteouts": tar(
        directory("d", mode=0o750),
        member("d/.wh.gone", b"", uid=5, gid=6),
        member("d/.wh..wh..opq", b""),
        member(".wh..wh.aufs", b""),
        member(".wh..wh.plnk/x", b""),
        member(".wh..wh..opq", b""),
    ),
    "root entry": tar(directory("./", mode=0o700, uid=9), member("./x", b"")),
    "file after its whiteout": tar(member(".wh.x", b""), member("x", b"1")),
    "whiteout below a whiteout": tar(member(".wh.d", b""), member("d/.wh.x", b"")),
    "absolute twin": tar(member("/x", b""), member("x", b"")),
    "file replaces its directory": tar(member("d/x", b""), member("d", b"")),
    "through links": tar(
        directory("usr/lib"), link("lib", "usr/lib"), member("lib/x", b"1"), member("usr/lib/y", b"2")
    ),
    "through an absolute link": tar(directory("usr/lib"), link("lib", "/usr/lib"), member("lib/x", b"1")),
    "hard link to a link": tar(link("l", "/etc/passwd"), hard("h", "l")),
    "hard link with another header": tar(member("f", b"1"), hard("h", "f", mode=0o755, mtime=5, uid=7)),
    "devices": tar(
        member("tty", type=tarfile.CHRTYPE, devmajor=5, devminor=1, mode=0o620),
        member("wo", type=tarfile.CHRTYPE),
        member("blk", type=tarfile.BLKTYPE, devmajor=300, devminor=70000),
    ),
    "times": tar(
        member("x", b"", mtime=-5),
        member("y", b"", pax_headers={"mtime": "12345.678901234567", "atime": "99999.5"}),
        member("z", b"", pax_headers={"atime": "5"}),
    ),
    "attributes": tar(
        directory("d", **xattr(user__d="é", trusted__overlay__opaque="y")),
        member("x", b"1", **xattr(user__a="1", security__selinux="no")),
        link("l", "x", **xattr(trusted__t="1")),
    ),
    "big ids": tar(member("x", b"", uid=3_000_000_000, gid=4_000_000_000)),
    "modes": tar(
        directory("d", mode=0o2755, gid=50),
        member("d/x", b"", mode=0o664),
        directory("d/e", mode=0o777),
        member("d/e/f", b"1", mode=0o7777),
        directory("closed", mode=0),
        member("closed/x", b""),
    ),
    "name for quoting": tar(member('a<b>&"\\\n\t\x01\x7f\u2028é', b"x")),
    "old directory": tar(member("d/", b"", type=tarfile.AREGTYPE)),
}


@pytest.mark.parametrize("name", ACCEPTED)
def test_unusual_layers(box: Sandbox, tmp_path: Path, name: str) -> None:
    _, ours, theirs = both(box, tmp_path, ACCEPTED[name])
    assert ours == theirs


@pytest.mark.parametrize(
    "data",
    [
        tar(member("d/.wh.gone", b"data"), member("z", b"1")),
        tar(member("../evil", b"x"), member("a/../b", b"y"), member("/abs", b"z"), member("./rel", b"")),
    ],
    ids=["data on a whiteout", "climbing names"],
)
def test_payloads_that_only_ours_recreates(box: Sandbox, tmp_path: Path, data: bytes) -> None:
    both(box, tmp_path, data)


REFUSED = {
    "duplicates": tar(member("x", b""), member("./x", b"")),
    "directories twice": tar(directory("d"), directory("d")),
    "whiteout after its file": tar(member("x", b"1"), member(".wh.x", b"")),
    "file below a file": tar(member("d", b"file"), member("d/x", b"")),
    "below a whiteout": tar(member(".wh.d", b""), member("d/x", b"")),
    "below a broken link": tar(link("lib", "usr/lib"), member("lib/x", b"1")),
    "link loop": tar(link("lib", "lib"), member("lib/x", b"1")),
    "hard link to nothing": tar(hard("h", "nope")),
    "hard link outside": tar(hard("h", "/../../etc/passwd")),
    "type 7": tar(member("x", b"", type=tarfile.CONTTYPE)),
    "long component": tar(member("x" * 256, b"")),
    "whiteout of nothing": tar(member(".wh.", b"")),
    "zero block in the middle": ONE[:1536] + b"x" * 512 + bytes(1024),
    "truncated": tar(member("a", b"x" * 5000))[:2000],
}


@pytest.mark.parametrize("name", REFUSED)
def test_refused_layers(box: Sandbox, tmp_path: Path, name: str) -> None:
    layout = box.folder / "layout"
    shutil.rmtree(layout, ignore_errors=True)
    images.oci_layout(layout, [REFUSED[name]])
    done = box.real_podman("pull", "-q", f"oci:{layout}:latest", check=False)
    assert done.returncode, "the distribution's podman takes it"
    (tmp_path / "ours").mkdir()
    with pytest.raises(ArchiveError):
        unpack_layer(io.BytesIO(REFUSED[name]), tmp_path / "ours", None, io.BytesIO())


def entries(data: bytes) -> list[tuple[bytes, bytes]]:
    """Names and raw headers; podman 4 kept the type's bits in the mode field, so those are taken out."""
    out = []
    reader = TarReader(io.BytesIO(data), record=True)
    while reader.next():
        raw = bytearray(reader.segment)
        start = len(raw) - 512
        raw[start + 100 : start + 107] = b"%07o" % (reader.mode & 0o7777)
        raw[start + 148 : start + 156] = b" " * 8
        out.append((reader.name, bytes(raw)))
    return out


def test_commit_of_changes(box: Sandbox, tmp_path: Path) -> None:
    """Our diff of a container's changes has the headers of the distribution's, byte for byte, and the same list of changes."""
    base = tar(
        directory("etc"), member("etc/old", b"1"), directory("etc/sub"), member("etc/sub/x", b"1"),
        directory("opq"), member("opq/a", b"1"), member("chg", b"1"),
    )  # fmt: skip
    images.oci_layout(tmp_path / "layout", [base])
    image = box.real_podman("pull", "-q", f"oci:{tmp_path}/layout:latest").stdout.strip()
    container = box.real_podman("create", "--network=none", image, "/bin/true").stdout.strip()
    top = Path(box.real_podman("mount", container).stdout.strip())
    try:
        change(top)
        box.real_podman("commit", "-q", container, "img:1")
        box.real_podman("save", "--format=oci-dir", "-o", str(tmp_path / "out"), "img:1")
        theirs = top_layer(tmp_path / "out")
        (record,) = json.loads((box.root / "overlay-containers/containers.json").read_text())
        layer = box.root / "overlay" / record["layer"]
        lowers = [box.root / "overlay" / name for name in (layer / "lower").read_text().split(":")]
        ours = diff_overlay(layer / "diff", lowers).read()
        assert entries(ours) == entries(theirs)
        listed = {tuple(line.split(" ", 1)) for line in box.real_podman("diff", container).stdout.splitlines()}
        assert set(changes_overlay(layer / "diff", lowers)) == listed
        naive = set(changes_naive(top, lowers[0]))
        assert naive ^ listed == {("D", "/opq"), ("C", "/opq"), ("D", "/opq/a")}
    finally:
        box.real_podman("umount", container)
        box.real_podman("rm", "-f", container)
        box.real_podman("rmi", "-af")


def top_layer(layout: Path) -> bytes:
    def blob(descriptor: dict[str, Any]) -> bytes:
        return (layout / "blobs" / descriptor["digest"].replace(":", "/")).read_bytes()

    index = json.loads((layout / "index.json").read_text())
    data = blob(json.loads(blob(index["manifests"][0]))["layers"][-1])
    return gzip.decompress(data) if data[:2] == b"\x1f\x8b" else data


def change(top: Path) -> None:
    (top / "etc/old").unlink()
    (top / "chg").write_text("22")
    shutil.rmtree(top / "opq")
    (top / "opq").mkdir()
    (top / "opq/b").write_text("b")
    shutil.rmtree(top / "etc/sub")
    (top / "etc/sub").symlink_to("/nowhere")
    new = top / "new"
    new.mkdir(mode=0o1777)
    (new / ("x" * 120)).write_text("long")
    (new / "é").write_text("u")
    Path(os.fsdecode(os.fsencode(new) + b"/\xff\xfe")).touch()
    (new / "caps").write_text("c")
    os.setxattr(new / "caps", "security.capability", CAPABILITY)
    os.setxattr(new / "caps", "user.z", b"1")
    os.link(new / "caps", new / "caps2")
    os.mkfifo(new / "fifo")
    os.mknod(new / "dev", stat.S_IFBLK | 0o600, os.makedev(8, 3))
    (new / "suid").write_text("s")
    os.chown(new / "suid", 3_000_000, 1000)
    (new / "suid").chmod(0o6755)
    os.utime(new / "suid", (2**34, 2**34))
    (new / "link").symlink_to("t" * 130)
    os.lchown(new / "link", 5, 6)
    deep = new / ("p" * 60) / ("q" * 60) / ("r" * 20)
    deep.mkdir(parents=True)
    (deep / "leaf").write_text("1")
    (deep / "ééé").mkdir()
    (top / ("d" * 101)).mkdir()
    (top / "before").touch()
    os.utime(top / "before", (-5, -5))
