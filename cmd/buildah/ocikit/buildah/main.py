"""The buildah command: its global flags and where each command lives. Commands are loaded when they are called."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Flag, Program
from ocikit.common.version import BUILDAH, VERSION

# One flag a line reads better than five.
GLOBAL_FLAGS = (
    Flag("cgroup-manager", help="Who makes control groups", choices=("cgroupfs", "systemd"), shown="cgroupfs"),
    Flag("imagestore", help="Keep images in this directory, apart from containers", complete="dirs"),
    Flag("log-level", default="warn", help="Show messages from this level up (trace, debug, info, warn, error, fatal, panic)", complete="loglevels"),
    Flag("registries-conf", help="registries.conf to use instead of the usual one", complete="files"),
    Flag("registries-conf-dir", help="registries.conf.d directory to use instead of the usual one", complete="dirs"),
    Flag("root", help="Directory of images, layers and containers", complete="dirs"),
    Flag("runroot", help="Directory of what is gone after a reboot", complete="dirs"),
    Flag("short-name-alias-conf", help="File of remembered short names", complete="files"),
    Flag("storage-driver", help="Storage driver for layers", choices=("", "overlay", "vfs", "btrfs", "zfs")),
    Flag("storage-opt", "strings", help="Option for the storage driver (repeatable)"),
    Flag("transient-store", "bool", help="Keep container records only until the next reboot"),
    Flag("userns-gid-map", "strings", help="Default mapping of group ids", metavar="ctrID:hostID:length"),
    Flag("userns-uid-map", "strings", help="Default mapping of user ids", metavar="ctrID:hostID:length"),
    Flag("version", "bool", "v", help="Print the version"),
)  # fmt: skip

# Path -> (module, one-line help). More than one path may lead to the same module.
INDEX = {
    "build": ("ocikit.buildah.commands.build", "Build an image using instructions in a Containerfile"),
    "commit": ("ocikit.buildah.commands.commit", "Create an image from a working container"),
    "containers": ("ocikit.buildah.commands.containers", "List working containers and their base images"),
    "from": ("ocikit.buildah.commands.from_", "Create a working container based on an image"),
    "rm": ("ocikit.buildah.commands.rm", "Remove one or more working containers"),
    "run": ("ocikit.buildah.commands.run", "Run a command inside of the container"),
    "version": ("ocikit.buildah.commands.version", "Display the Buildah version information"),
}

GROUPS = {
    "manifest": "Manipulate manifest lists and image indexes",
    "source": "Manage source containers",
}

ALIASES = {
    "build-using-dockerfile": "build",
    "bud": "build",
    "delete": "rm",
    "list": "containers",
    "ls": "containers",
    "ps": "containers",
    "unmount": "umount",
}

# Other spellings that Buildah accepts and does not show.
FLAG_ALIASES = {"net": "network", "override-arch": "arch", "override-os": "os", "purge": "rm", "tty": "terminal"}

# The revisions of the OCI specifications that images and runtime configurations are written by.
IMAGE_SPEC = "1.1.1"
RUNTIME_SPEC = "1.2.1"

PROGRAM = Program(
    name="buildah",
    version=f"{BUILDAH}+ocikit.{VERSION}",
    version_note=f"(image-spec {IMAGE_SPEC}, runtime-spec {RUNTIME_SPEC})",
    short="A tool that facilitates building OCI images",
    flags=GLOBAL_FLAGS,
    index=INDEX,
    groups=GROUPS,
    aliases=ALIASES,
    flag_aliases=FLAG_ALIASES,
    error_style="buildah",
    completers="ocikit.buildah.completers",
)


def main() -> int:
    """Runs the command line of this process."""
    return PROGRAM.main(sys.argv[1:])
