"""Container Device Interface: ``--device vendor.com/class=name`` from the JSON files of /etc/cdi and /var/run/cdi."""

from __future__ import annotations

import os

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.spec.template import Draft

DIRECTORIES = ("/etc/cdi", "/var/run/cdi")


def inject(name: str, draft: Draft, directories: Sequence[str] = DIRECTORIES) -> None:
    """Applies the edits of the device ``vendor/class=name`` and of its file to the template."""
    kind, _, device_name = name.partition("=")
    for directory in reversed(directories):
        try:
            files = sorted(os.listdir(directory))
        except OSError:
            continue
        for file_name in files:
            if not file_name.endswith(".json"):
                continue
            with open(os.path.join(directory, file_name), "rb") as file:
                try:
                    document = jsonfast.loads(file.read())
                except ValueError as error:
                    raise OcikitError(f"CDI file {directory}/{file_name}: {error}") from None
            if document.get("kind") != kind:
                continue
            for device in document.get("devices") or ():
                if device.get("name") == device_name:
                    _edit(document.get("containerEdits") or {}, draft)
                    _edit(device.get("containerEdits") or {}, draft)
                    return
    raise OcikitError(f"setting up CDI devices: unresolvable CDI devices {name}")


def _edit(edits: dict[str, Any], draft: Draft) -> None:
    draft.spec["process"]["env"] += edits.get("env") or ()
    linux = draft.spec.setdefault("linux", {})
    for node in edits.get("deviceNodes") or ():
        from ocikit.libpod.spec.devices import device_entries

        source = node.get("hostPath") or node["path"]
        entries, rules = device_entries(source, node["path"], node.get("permissions") or "rwm")
        linux.setdefault("devices", []).extend(entries)
        linux.setdefault("resources", {}).setdefault("devices", []).extend(rules)
    for mount in edits.get("mounts") or ():
        draft.mounts.binds[mount["containerPath"]] = {
            "destination": mount["containerPath"],
            "type": mount.get("type") or "bind",
            "source": mount["hostPath"],
            "options": mount.get("options") or ["ro", "rbind", "rprivate"],
        }
    for hook in edits.get("hooks") or ():
        entry = {key: hook[key] for key in ("path", "args", "env", "timeout") if hook.get(key)}
        draft.spec.setdefault("hooks", {}).setdefault(hook["hookName"], []).append(entry)
