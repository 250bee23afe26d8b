"""``--device``, ``--device-cgroup-rule`` and the devices of a privileged container (libpod.md section 4.3)."""

from __future__ import annotations

import os
import stat

from ocikit.common.errors import OcikitError
from ocikit.libpod.spec.defaults import SKIPPED_DEVICES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def parse_device(text: str) -> tuple[str, str, str]:
    """``HOST[:CONTAINER][:rwm]`` -> (host path, container path, permissions)."""
    parts = text.split(":")
    host = parts[0]
    inside, access = host, "rwm"
    if len(parts) > 3 or not host:
        raise OcikitError(f"invalid device specification: {text}")
    if len(parts) == 3:
        inside, access = parts[1] or host, parts[2]
    elif len(parts) == 2:
        if parts[1].startswith("/"):
            inside = parts[1]
        else:
            access = parts[1]
    if not access or any(char not in "rwm" for char in access) or len(set(access)) != len(access):
        raise OcikitError(f"invalid device mode: {access}")
    return host, inside, access


def device_entries(host: str, inside: str, access: str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The ``linux.devices`` and ``resources.devices`` entries of a node, or of all nodes in a directory."""
    try:
        info = os.stat(host)
    except OSError as error:
        raise OcikitError(f"stat {host}: {(error.strerror or '').lower()}") from None
    if stat.S_ISDIR(info.st_mode):
        devices: list[dict[str, Any]] = []
        rules: list[dict[str, Any]] = []
        for node in _walk(host):
            more, allowed = device_entries(node, inside + node[len(host) :], access)
            devices += more
            rules += allowed
        if not devices:
            raise OcikitError(f"no devices found in {host}")
        return devices, rules
    entry = node_entry(inside, info)
    if entry is None:
        raise OcikitError(f"{host}: not a device node")
    rule = {"allow": True, "type": entry["type"], "major": entry["major"], "minor": entry["minor"], "access": access}
    return [entry], [rule]


def node_entry(path: str, info: os.stat_result) -> dict[str, Any] | None:
    """The ``linux.devices`` entry of a node; None if it is not a device. ``fileMode`` keeps the type bits, as Podman's does."""
    if stat.S_ISCHR(info.st_mode):
        kind = "c"
    elif stat.S_ISBLK(info.st_mode):
        kind = "b"
    else:
        return None
    return {
        "path": path,
        "type": kind,
        "major": os.major(info.st_rdev),
        "minor": os.minor(info.st_rdev),
        "fileMode": info.st_mode,
        "uid": info.st_uid,
        "gid": info.st_gid,
    }


def _walk(top: str) -> list[str]:
    nodes = []
    for folder, dirs, files in os.walk(top):
        dirs[:] = sorted(name for name in dirs if f"{folder}/{name}" not in SKIPPED_DEVICES)
        for name in sorted(files):
            path = f"{folder}/{name}"
            try:
                mode = os.lstat(path).st_mode
            except OSError:
                continue
            if path not in SKIPPED_DEVICES and (stat.S_ISCHR(mode) or stat.S_ISBLK(mode)):
                nodes.append(path)
    return nodes


def host_devices(*, systemd: bool) -> list[dict[str, Any]]:
    """Every device of the host that a privileged container gets; a systemd container keeps its own ttys."""
    result = []
    for path in _walk("/dev"):
        if systemd and path.startswith("/dev/tty") and path[8:].isdigit():
            continue
        try:
            entry = node_entry(path, os.stat(path))
        except OSError:
            continue
        if entry is not None:
            result.append(entry)
    return result


def parse_rule(text: str) -> dict[str, Any]:
    """``c 10:* rmw`` -> a ``resources.devices`` entry; a ``*`` leaves the number out."""
    fields = text.split()
    numbers = fields[1].split(":") if len(fields) == 3 else []
    if len(numbers) != 2 or fields[0] not in ("a", "b", "c"):
        raise OcikitError(f'invalid device cgroup rule format: "{text}"')
    rule: dict[str, Any] = {"allow": True, "type": fields[0]}
    for key, number in zip(("major", "minor"), numbers, strict=True):
        if number != "*":
            if not number.isdigit():
                raise OcikitError(f'invalid device cgroup rule format: "{text}"')
            rule[key] = int(number)
    if any(char not in "rwm" for char in fields[2]):
        raise OcikitError(f'invalid device access in device-access-add: "{fields[2]}"')
    rule["access"] = fields[2]
    return rule
