"""Seccomp profiles: the data file of containers/common, filtered for one set of capabilities (libpod.md section 4.8)."""

from __future__ import annotations

import os

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

GO_ARCH = {
    "x86_64": "amd64",
    "aarch64": "arm64",
    "armv7l": "arm",
    "i686": "386",
    "ppc64le": "ppc64le",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "mips64": "mips64",
    "loongarch64": "loong64",
}
NATIVE = {
    "amd64": "SCMP_ARCH_X86_64",
    "arm64": "SCMP_ARCH_AARCH64",
    "arm": "SCMP_ARCH_ARM",
    "386": "SCMP_ARCH_X86",
    "ppc64le": "SCMP_ARCH_PPC64LE",
    "s390x": "SCMP_ARCH_S390X",
    "riscv64": "SCMP_ARCH_RISCV64",
    "mips64": "SCMP_ARCH_MIPS64",
    "loong64": "SCMP_ARCH_LOONGARCH64",
}
SYSTEM_PROFILES = ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json")


def load(path: str = "") -> dict[str, Any]:
    """The profile in ``path``; without one the first system profile, else the built-in data file.

    Raises OcikitError naming the file if it cannot be read or parsed.
    """
    if not path:
        for candidate in SYSTEM_PROFILES:
            if os.path.exists(candidate):
                path = candidate
                break
        else:
            path = os.path.join(os.path.dirname(__file__), "seccomp.json")
    try:
        with open(path, "rb") as file:
            return parse(file.read(), path)
    except OSError as error:
        raise OcikitError(f"opening seccomp profile failed: open {path}: {(error.strerror or '').lower()}") from None


def parse(data: bytes | str, origin: str) -> dict[str, Any]:
    """A profile from its JSON text; ``origin`` is named in the error."""
    try:
        profile = jsonfast.loads(data)
    except ValueError as error:
        raise OcikitError(f"loading seccomp profile ({origin}) failed: {error}") from None
    if not isinstance(profile, dict):
        raise OcikitError(f"loading seccomp profile ({origin}) failed: it is not a JSON object")
    return profile


def to_oci(profile: dict[str, Any], caps: Sequence[str], machine: str) -> dict[str, Any]:
    """The ``linux.seccomp`` object for a container with the bounding set ``caps`` on ``machine`` (uname -m)."""
    arch = GO_ARCH.get(machine, machine)
    held = set(caps)
    result: dict[str, Any] = {"defaultAction": profile.get("defaultAction", "SCMP_ACT_ERRNO")}
    if profile.get("defaultErrnoRet") is not None:
        result["defaultErrnoRet"] = profile["defaultErrnoRet"]
    architectures = list(profile.get("architectures") or ())
    native = NATIVE.get(arch)
    for entry in profile.get("archMap") or ():
        if entry.get("architecture") == native:
            architectures += [native, *(entry.get("subArchitectures") or ())]
    if architectures:
        result["architectures"] = architectures
    for key in ("flags", "listenerPath", "listenerMetadata"):
        if profile.get(key):
            result[key] = profile[key]
    result["syscalls"] = [_entry(call) for call in profile.get("syscalls") or () if _applies(call, arch, held)]
    return result


def _applies(call: dict[str, Any], arch: str, held: set[str]) -> bool:
    excludes, includes = call.get("excludes"), call.get("includes")
    if excludes and (arch in (excludes.get("arches") or ()) or not held.isdisjoint(excludes.get("caps") or ())):
        return False
    if not includes:
        return True
    arches, caps = includes.get("arches"), includes.get("caps")
    return (not arches or arch in arches) and (not caps or not held.isdisjoint(caps))


def _entry(call: dict[str, Any]) -> dict[str, Any]:
    names = call.get("names") or ([call["name"]] if call.get("name") else [])
    entry: dict[str, Any] = {"names": names, "action": call.get("action", "SCMP_ACT_ERRNO")}
    if call.get("errnoRet") is not None:
        entry["errnoRet"] = call["errnoRet"]
    if call.get("args"):
        entry["args"] = [
            {k: arg[k] for k in ("index", "value", "valueTwo", "op") if k in arg and (k != "valueTwo" or arg[k])}
            for arg in call["args"]
        ]
    return entry
