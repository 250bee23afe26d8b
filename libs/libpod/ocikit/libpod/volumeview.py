"""The JSON document of a volume (libpod.md section 9)."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def volume_document(config: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """As ``podman volume inspect`` and ``volume ls --format json`` print it."""
    document: dict[str, Any] = {
        "Name": config["name"],
        "Driver": config.get("volumeDriver") or "local",
        "Mountpoint": config.get("mountPoint", ""),
        "CreatedAt": config.get("createdAt", ""),
        "Labels": config.get("labels") or {},
        "Scope": "local",
        "Options": config.get("volumeOptions") or {},
    }
    for key, name in (("uid", "UID"), ("gid", "GID"), ("isAnon", "Anonymous")):
        if config.get(key):
            document[name] = config[key]
    document["MountCount"] = int(state.get("mountCount") or 0)
    for key, name in (("needsCopyUp", "NeedsCopyUp"), ("needsChown", "NeedsChown")):
        if state.get(key):
            document[name] = True
    if config.get("timeout"):
        document["Timeout"] = config["timeout"]
    document["LockNumber"] = config["lockID"]
    return document
