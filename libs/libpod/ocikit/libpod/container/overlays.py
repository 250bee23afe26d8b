"""Overlay mounts that podman makes itself: ``-v DIR:/x:O``, ``--mount type=image``, ``--rootfs DIR:O``."""

from __future__ import annotations

import os

from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.container.record import Container


def overlay_volume(container: Container, record: dict[str, Any], number: int) -> dict[str, Any]:
    """The mount for one ``:O`` volume; its upper directory lives as long as the container."""
    top = f"{container.bundle}/overlay/{number}"
    options = list(record.get("options") or ())
    upper = next((option[9:] for option in options if option.startswith("upperdir=")), f"{top}/upper")
    work = next((option[8:] for option in options if option.startswith("workdir=")), f"{top}/work")
    for path in (upper, work, f"{top}/merge"):
        os.makedirs(path, mode=0o700, exist_ok=True)
    info = os.stat(record["source"])
    os.chmod(upper, info.st_mode & 0o7777)
    os.chown(upper, info.st_uid, info.st_gid)
    data = f"lowerdir={_escape(record['source'])},upperdir={_escape(upper)},workdir={_escape(work)}"
    return {
        "destination": record["dest"],
        "type": "overlay",
        "source": f"{top}/merge",
        "options": [*data.split(","), "private"],
    }


def image_volume(container: Container, record: dict[str, Any]) -> dict[str, Any]:
    """The mount of an image's tree: read-only over two lower directories, or with a throw-away upper one."""
    from ocikit.image.local.lookup import find

    store = container.runtime.store
    found = find(store, record["source"])
    if found is None:
        raise OcikitError(f"{record['source']}: image not known")
    record["imageID"] = found.id
    source = store.mount_image(found.id)
    if record.get("subPath"):
        from ocikit.libpod.container.rootfs import Root

        with Root(source) as root:
            source = root.real(record["subPath"])
        if not source:
            raise OcikitError(f"the subpath {record['subPath']} does not exist in the image {record['source']}")
    top = f"{container.bundle}/overlay/image-{record['dest'].strip('/').replace('/', '_')}"
    if record.get("rw"):
        for path in ("upper", "work", "merge"):
            os.makedirs(f"{top}/{path}", mode=0o700, exist_ok=True)
        os.chmod(f"{top}/upper", os.stat(source).st_mode & 0o7777)
        options = [f"lowerdir={_escape(source)}", f"upperdir={top}/upper", f"workdir={top}/work", "private"]
        return {"destination": record["dest"], "type": "overlay", "source": f"{top}/merge", "options": options}
    os.makedirs(f"{top}/empty", mode=0o755, exist_ok=True)
    options = [f"lowerdir={_escape(source)}:{_escape(top)}/empty", "ro", "private"]
    return {"destination": record["dest"], "type": "overlay", "source": "overlay", "options": options}


def mount_overlay(lower: str, top: str, options: Sequence[str]) -> str:
    """Mounts an overlay over ``lower`` with its own upper directory below ``top``; the merged path."""
    from ocikit.common import linux

    for name in ("upper", "work", "merge"):
        os.makedirs(f"{top}/{name}", mode=0o700, exist_ok=True)
    info = os.stat(lower)
    os.chmod(f"{top}/upper", info.st_mode & 0o7777)
    data = ",".join([f"lowerdir={_escape(lower)}", f"upperdir={top}/upper", f"workdir={top}/work", *options])
    if os.stat(f"{top}/merge").st_dev == os.stat(top).st_dev:
        linux.mount("overlay", f"{top}/merge", "overlay", 0, data)
    return f"{top}/merge"


def unmount_all(bundle: str) -> None:
    """Unmounts whatever is mounted in the bundle's overlay directories."""
    from ocikit.common import linux

    tops = [f"{bundle}/rootfs"]
    try:
        tops += [f"{bundle}/overlay/{name}" for name in os.listdir(f"{bundle}/overlay")]
    except FileNotFoundError:
        pass
    for top in tops:
        try:
            linux.umount2(f"{top}/merge", linux.MNT_DETACH)
        except OSError:
            continue


def _escape(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")
