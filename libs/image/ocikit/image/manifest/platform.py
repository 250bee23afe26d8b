"""Which platform this machine is, and which instance of a list fits it best (image spec, section 2.6)."""

from __future__ import annotations

import os

from ocikit.image.transports.base import Platform

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.context import SystemContext

_ARCHES = {
    "x86_64": "amd64",
    "amd64": "amd64",
    "i386": "386",
    "i486": "386",
    "i586": "386",
    "i686": "386",
    "aarch64": "arm64",
    "aarch64_be": "arm64be",
    "armv5tel": "arm",
    "armv6l": "arm",
    "armv7l": "arm",
    "armv8l": "arm",
    "ppc64le": "ppc64le",
    "ppc64": "ppc64",
    "s390x": "s390x",
    "riscv64": "riscv64",
    "loongarch64": "loong64",
    "mips": "mips",
    "mips64": "mips64",
}
_VARIANTS = {"arm": ("v8", "v7", "v6", "v5"), "arm64": ("v8",)}


def running_os() -> str:
    return os.uname().sysname.lower()


def running_arch() -> str:
    """The architecture of this machine in Go's spelling (amd64, arm64, ...)."""
    machine = os.uname().machine
    return _ARCHES.get(machine, machine)


def running_variant(arch: str) -> str:
    """v5 to v8 on ARM from /proc/cpuinfo, else ""."""
    if arch not in _VARIANTS:
        return ""
    fields: dict[str, str] = {}
    try:
        with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
            for line in lines:
                key, _, value = line.partition(":")
                fields.setdefault(key.strip().lower(), value.strip())
    except OSError:
        return ""
    number = fields.get("cpu architecture", "").lower()
    if number in ("8", "aarch64"):
        return "v8"
    if number.startswith("7"):
        return "v6" if fields.get("model name", "").startswith("ARMv6-compatible") else "v7"
    if number.startswith("6"):
        return "v6"
    return "v5" if number.startswith("5") else ""


def wanted_platforms(ctx: SystemContext) -> list[Platform]:
    """Platforms that would do, the best first; exact (os, architecture, variant) matches are looked for in turn."""
    wanted_os = ctx.os or running_os()
    arch = ctx.arch or running_arch()
    variant = ctx.variant or ("" if ctx.arch else running_variant(arch))
    table = _VARIANTS.get(arch, ())
    if variant in table:
        variants = [*table[table.index(variant) :], ""]
    elif variant:
        variants = [variant, ""]
    else:
        variants = ["", *table]
    return [Platform(wanted_os, arch, one) for one in variants]


def platform_rank(platform: Platform | None, wanted: list[Platform]) -> int | None:
    """The place of ``platform`` among the wanted ones, None if it isn't wanted. Versions and features don't count."""
    if platform is None:
        return None
    for rank, want in enumerate(wanted):
        if (platform.os, platform.architecture, platform.variant) == (want.os, want.architecture, want.variant):
            return rank
    return None
