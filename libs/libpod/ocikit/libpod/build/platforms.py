"""Platforms in the words of Go's GOOS and GOARCH: this machine's, and those that are asked for."""

from __future__ import annotations

import os

from ocikit.libpod.build.errors import BuildError

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "arm", "i686": "386", "riscv64": "riscv64"}


class Platform:
    """What the image is for, in the words of Go's GOOS and GOARCH."""

    __slots__ = ("architecture", "os", "os_features", "os_version", "variant")

    def __init__(
        self, os: str, architecture: str, variant: str = "", os_version: str = "", os_features: tuple[str, ...] = ()
    ) -> None:
        self.os, self.architecture, self.variant = os, architecture, variant
        self.os_version, self.os_features = os_version, os_features

    def described(self, os_version: str, os_features: tuple[str, ...]) -> Platform:
        """The same platform that asks for a version or features of its system."""
        return Platform(self.os, self.architecture, self.variant, os_version, os_features)

    def __str__(self) -> str:
        return "/".join(part for part in (self.os, self.architecture, self.variant) if part)


def host_platform() -> Platform:
    machine = os.uname().machine
    return Platform("linux", ARCHITECTURES.get(machine, machine), "v8" if machine == "aarch64" else "")


def parse_platform(text: str) -> Platform:
    """``os[/arch[/variant]]`` in any of the usual spellings. Raises BuildError."""
    parts = text.split("/")
    if len(parts) > 3 or not all(parts):
        raise BuildError(
            f'building system context: invalid platform syntax for --platform="{text}": "{text}": '
            "cannot parse platform specifier: invalid argument"
        )
    if len(parts) == 1:
        host = host_platform()
        return (
            Platform(parts[0], host.architecture) if parts[0] in ("linux", "windows") else Platform("linux", parts[0])
        )
    architecture = ARCHITECTURES.get(parts[1], parts[1])
    variant = parts[2] if len(parts) == 3 else ("v8" if architecture == "arm64" else "")
    return Platform(parts[0], architecture, variant)


def platform_args(host: Platform, target: Platform) -> dict[str, str]:
    found: dict[str, str] = {}
    for side, platform in (("BUILD", host), ("TARGET", target)):
        found |= {f"{side}PLATFORM": str(platform), f"{side}OS": platform.os, f"{side}ARCH": platform.architecture}
        found[f"{side}VARIANT"] = platform.variant
    return found
