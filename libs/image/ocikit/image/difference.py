"""Comparing two images, wherever they are: configs, layers, and (if asked) the files that the layers make together."""

from __future__ import annotations

import hashlib
import os
import tarfile

from ocikit.image.compression import open_decompressed
from ocikit.image.errors import ImageError
from ocikit.image.manifest.config import diff_ids, parse_config

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.image.inspection import InspectedImage

_TOP = ("created", "author", "architecture", "os", "variant", "os.version")
_RUN = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal")


def compare(one: InspectedImage, two: InspectedImage, *, files: bool = False) -> dict[str, Any]:
    """``{"Same": bool, "Digests": [a, b], "Config": {field: [a, b]}, "Layers": {"Common": n, "Removed": [...],
    "Added": [...]}, "Files": {"Added": [...], "Removed": [...], "Changed": [...]}}``; "Files" only with ``files``.

    Layers are compared by their uncompressed digests: another compression is no difference.
    """
    configs = parse_config(one.config), parse_config(two.config)
    layers = _layers(diff_ids(configs[0]), diff_ids(configs[1]))
    config = _config(*configs)
    out: dict[str, Any] = {
        "Same": not config and not layers["Removed"] and not layers["Added"],
        "Digests": [one.digest, two.digest],
        "Config": config,
        "Layers": layers,
    }
    if files:
        out["Files"] = _files(contents(one), contents(two))
    return out


def _config(one: dict[str, Any], two: dict[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key in _TOP:
        if one.get(key) != two.get(key):
            found[key] = [one.get(key), two.get(key)]
    run_one, run_two = one.get("config") or {}, two.get("config") or {}
    for key in dict.fromkeys([*_RUN, *sorted(run_one), *sorted(run_two)]):
        if (run_one.get(key) or None) != (run_two.get(key) or None):
            found[f"config.{key}"] = [run_one.get(key), run_two.get(key)]
    return found


def _layers(one: list[str], two: list[str]) -> dict[str, Any]:
    common = 0
    while common < min(len(one), len(two)) and one[common] == two[common]:
        common += 1
    return {"Common": common, "Removed": one[common:], "Added": two[common:]}


Entry = tuple[object, ...]


def contents(image: InspectedImage) -> dict[str, Entry]:
    """Path -> (type, mode, uid, gid, size, link target or digest) of everything that the layers make together."""
    found: dict[str, Entry] = {}
    source = image.source
    for layer in source.layer_infos_for_copy(image.instance_digest) or image.manifest.layers:
        stream, _ = source.open_blob(layer)
        try:
            reader, _ = open_decompressed(stream)
            _apply(found, reader)
        except tarfile.TarError as error:
            raise ImageError(f"layer {layer.digest} is no tar archive: {error}") from None
        finally:
            stream.close()
    return found


def _apply(found: dict[str, Entry], reader: Any) -> None:
    """One layer on top of what is there; whiteouts take away what lower layers brought."""
    fresh: dict[str, Entry] = {}
    with tarfile.open(fileobj=reader, mode="r|") as tar:
        for member in tar:
            path = os.path.normpath(member.name).lstrip("/")
            folder, name = os.path.split(path)
            if name == ".wh..wh..opq":
                _remove_below(found, folder)
            elif name.startswith(".wh."):
                target = os.path.join(folder, name[4:])
                found.pop(target, None)
                _remove_below(found, target)
            else:
                if not member.isdir():
                    _remove_below(found, path)
                fresh[path] = _entry(tar, member)
    for path, entry in fresh.items():
        if entry[0] == "hardlink":
            target = str(entry[5])
            entry = fresh.get(target) or found.get(target) or entry
        found[path] = entry


def _remove_below(found: dict[str, Entry], folder: str) -> None:
    prefix = folder + "/" if folder else ""
    for path in [path for path in found if path.startswith(prefix)]:
        del found[path]


def _entry(tar: tarfile.TarFile, member: tarfile.TarInfo) -> Entry:
    about = (member.mode, member.uid, member.gid)
    if member.isreg():
        digest = hashlib.sha256()
        file = tar.extractfile(member)
        while file is not None and (data := file.read(1 << 18)):
            digest.update(data)
        return ("file", *about, member.size, "sha256:" + digest.hexdigest())
    if member.issym():
        return ("symlink", *about, 0, member.linkname)
    if member.islnk():
        return ("hardlink", *about, 0, os.path.normpath(member.linkname).lstrip("/"))
    if member.isdir():
        return ("directory", *about, 0, "")
    return ("device", *about, member.devmajor, member.devminor)


def _files(one: dict[str, Entry], two: dict[str, Entry]) -> dict[str, list[str]]:
    return {
        "Added": sorted(two.keys() - one.keys()),
        "Removed": sorted(one.keys() - two.keys()),
        "Changed": sorted(path for path in one.keys() & two.keys() if one[path] != two[path]),
    }
