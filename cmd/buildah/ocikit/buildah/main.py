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
    "add": ("ocikit.buildah.commands.add", "Add content to the container"),
    "build": ("ocikit.buildah.commands.build", "Build an image using instructions in a Containerfile"),
    "commit": ("ocikit.buildah.commands.commit", "Create an image from a working container"),
    "config": ("ocikit.buildah.commands.config", "Update image configuration settings"),
    "containers": ("ocikit.buildah.commands.containers", "List working containers and their base images"),
    "copy": ("ocikit.buildah.commands.copy", "Copy content into the container"),
    "from": ("ocikit.buildah.commands.from_", "Create a working container based on an image"),
    "images": ("ocikit.buildah.commands.images", "List images in local storage"),
    "info": ("ocikit.buildah.commands.info", "Display Buildah system information"),
    "inspect": ("ocikit.buildah.commands.inspect", "Inspect the configuration of a container or image"),
    "login": ("ocikit.buildah.commands.login", "Login to a container registry"),
    "logout": ("ocikit.buildah.commands.logout", "Logout of a container registry"),
    "manifest add": (
        "ocikit.buildah.commands.manifest_add",
        "Add images or artifacts to a manifest list or image index",
    ),
    "manifest annotate": (
        "ocikit.buildah.commands.manifest_annotate",
        "Change an entry of a manifest list or image index",
    ),
    "manifest create": ("ocikit.buildah.commands.manifest_create", "Create manifest list or image index"),
    "manifest exists": ("ocikit.buildah.commands.manifest_exists", "Check if a manifest list exists in local storage"),
    "manifest inspect": (
        "ocikit.buildah.commands.manifest_inspect",
        "Display the contents of a manifest list or image index",
    ),
    "manifest push": ("ocikit.buildah.commands.manifest_push", "Push a manifest list or image index to a registry"),
    "manifest remove": (
        "ocikit.buildah.commands.manifest_remove",
        "Remove an entry from a manifest list or image index",
    ),
    "manifest rm": ("ocikit.buildah.commands.manifest_rm", "Remove manifest list or image index from local storage"),
    "mount": ("ocikit.buildah.commands.mount", "Mount a working container's root filesystem"),
    "prune": ("ocikit.buildah.commands.prune", "Remove unused images and build caches"),
    "pull": ("ocikit.buildah.commands.pull", "Pull an image from the specified location"),
    "push": ("ocikit.buildah.commands.push", "Push an image to a specified destination"),
    "rename": ("ocikit.buildah.commands.rename", "Rename a container"),
    "rm": ("ocikit.buildah.commands.rm", "Remove one or more working containers"),
    "rmi": ("ocikit.buildah.commands.rmi", "Remove one or more images from local storage"),
    "run": ("ocikit.buildah.commands.run", "Run a command inside of the container"),
    "tag": ("ocikit.buildah.commands.tag", "Add an additional name to a local image"),
    "umount": ("ocikit.buildah.commands.umount", "Unmount the root file system of the specified working containers"),
    "unshare": ("ocikit.buildah.commands.unshare", "Run a command in a modified user namespace"),
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
    services="ocikit.buildah.engine",
)


def main() -> int:
    """Runs the command line of this process."""
    return PROGRAM.main(sys.argv[1:])
