"""Tars to unpack, made with the standard library's tarfile so that our reader never reads only what our writer wrote."""

from __future__ import annotations

import io
import os
import tarfile

from ocikit.storage.archive import ApplyOptions, SplitWriter, apply_layer, assemble, open_in

UID, GID = os.geteuid(), os.getegid()


def member(name: str, data: bytes | None = None, **fields: object) -> tuple[tarfile.TarInfo, bytes | None]:
    """One entry; fields are TarInfo's (type, mode, linkname, pax_headers ...)."""
    info = tarfile.TarInfo(name)
    info.uid, info.gid, info.mtime = UID, GID, 1_700_000_000
    info.mode = 0o644
    for key, value in fields.items():
        setattr(info, key, value)
    info.size = len(data) if data is not None else 0
    return info, data


def directory(name: str, **fields: object) -> tuple[tarfile.TarInfo, bytes | None]:
    return member(name, type=tarfile.DIRTYPE, **{"mode": 0o755, **fields})


def tar(*members: tuple[tarfile.TarInfo, bytes | None], format: int = tarfile.PAX_FORMAT, **options: object) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=format, **options) as archive:  # type: ignore[call-overload]
        for info, data in members:
            archive.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


def apply(data: bytes, dest: os.PathLike[str], **options: object) -> bytes:
    """Unpacks, checks that the tar is re-created bit for bit, and returns the gzipped tar-split."""
    split_file = io.BytesIO()
    split = SplitWriter(split_file)
    result = apply_layer(io.BytesIO(data), dest, ApplyOptions(**options), split)  # type: ignore[arg-type]
    split.close()
    assert result.size == len(data)
    fd = os.open(dest, os.O_RDONLY)
    try:
        assert assemble(io.BytesIO(split_file.getvalue()), open_in(fd)).read() == data
    finally:
        os.close(fd)
    return split_file.getvalue()
