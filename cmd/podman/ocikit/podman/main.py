"""The podman command: its global flags and where each command lives. Commands are loaded when they are called."""

from __future__ import annotations

import sys
from os import environ

from ocikit.common.cli.declare import Flag, Program
from ocikit.common.version import PODMAN, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context

# One flag a line reads better than five.
NO_REMOTE = "this podman does all work on this machine and has no remote client"
GLOBAL_FLAGS = (
    Flag("cdi-spec-dir", "stringArray", default=("/etc/cdi", "/var/run/cdi"), help="Look for CDI device specs in this directory (repeatable)", complete="dirs"),
    Flag("cgroup-manager", help="Who makes control groups", choices=("cgroupfs", "systemd"), shown="cgroupfs"),
    Flag("config", help="Directory of the client's authentication files", complete="dirs"),
    Flag("conmon", help="Program that monitors containers", complete="files"),
    Flag("connection", short="c", help="Saved connection to a remote service", complete="none", unsupported=NO_REMOTE),
    Flag("events-backend", help="Where events are kept", choices=("file", "journald", "none"), shown="file"),
    Flag("hooks-dir", "stringArray", help="Read OCI hooks from this directory (repeatable)", complete="dirs"),
    Flag("identity", help="SSH key for a remote service", complete="files", unsupported=NO_REMOTE),
    Flag("imagestore", help="Keep images in this directory, apart from containers", complete="dirs"),
    Flag("log-level", default="warn", help="Show messages from this level up (trace, debug, info, warn, error, fatal, panic)", complete="loglevels"),
    Flag("module", "stringArray", help="Read this containers.conf module as well (repeatable)", complete="files"),
    Flag("network-cmd-path", help="Program that connects rootless networks", complete="files"),
    Flag("network-config-dir", help="Directory of the networks' definitions", complete="dirs"),
    Flag("out", help="Send standard output to this file", complete="files"),
    Flag("remote", "bool", "r", help="Talk to a Podman service instead of doing the work here", unsupported=NO_REMOTE),
    Flag("root", help="Directory of images, layers and containers", complete="dirs"),
    Flag("runroot", help="Directory of what is gone after a reboot", complete="dirs"),
    Flag("runtime", help="OCI runtime that starts containers", complete="files"),
    Flag("runtime-flag", "stringArray", help="Global flag for the OCI runtime, without the dashes (repeatable)"),
    Flag("ssh", default="golang", help="How SSH connections are made", choices=("golang", "native"), unsupported=NO_REMOTE),
    Flag("storage-driver", help="Storage driver for layers", choices=("", "overlay", "vfs", "btrfs", "zfs")),
    Flag("storage-opt", "stringArray", help="Option for the storage driver (repeatable)"),
    Flag("syslog", "bool", help="Send messages to syslog as well"),
    Flag("tls-ca", help="Certificate authorities of a remote service", complete="files", unsupported=NO_REMOTE),
    Flag("tls-cert", help="Client certificate for a remote service", complete="files", unsupported=NO_REMOTE),
    Flag("tls-key", help="Key of the client certificate", complete="files", unsupported=NO_REMOTE),
    Flag("tmpdir", help="Directory of libpod's run-time state", complete="dirs"),
    Flag("transient-store", "bool", help="Keep container records only until the next reboot"),
    Flag("url", help="Address of a remote service", shown="unix:///run/podman/podman.sock", complete="none", unsupported=NO_REMOTE),
    Flag("version", "bool", "v", help="Print the version"),
    Flag("volumepath", help="Directory of named volumes", complete="dirs"),
)  # fmt: skip

# Path -> (module, one-line help). More than one path may lead to the same module.
INDEX = {
    # Networks.
    "network connect": ("ocikit.podman.commands.network_connect", "Add container to a network"),
    "network create": ("ocikit.podman.commands.network_create", "Create networks for containers and pods"),
    "network disconnect": ("ocikit.podman.commands.network_disconnect", "Disconnect a container from a network"),
    "network exists": ("ocikit.podman.commands.network_exists", "Check if network exists"),
    "network inspect": ("ocikit.podman.commands.network_inspect", "Inspect network configuration"),
    "network ls": ("ocikit.podman.commands.network_ls", "List networks"),
    "network prune": ("ocikit.podman.commands.network_prune", "Prune unused networks"),
    "network reload": ("ocikit.podman.commands.network_reload", "Reload firewall rules for one or more containers"),
    "network rm": ("ocikit.podman.commands.network_rm", "Remove networks"),
    "network update": ("ocikit.podman.commands.network_update", "Update an existing podman network"),
    # Images.
    "history": ("ocikit.podman.commands.history", "Show history of a specified image"),
    "image exists": ("ocikit.podman.commands.image_exists", "Check if an image exists in local storage"),
    "image history": ("ocikit.podman.commands.history", "Show history of a specified image"),
    "image inspect": ("ocikit.podman.commands.image_inspect", "Display the configuration of an image"),
    "image list": ("ocikit.podman.commands.images", "List images in local storage"),
    "image pull": ("ocikit.podman.commands.pull", "Pull an image from a registry"),
    "image push": ("ocikit.podman.commands.push", "Push an image to a specified destination"),
    "image rm": ("ocikit.podman.commands.rmi", "Remove one or more images from local storage"),
    "image tag": ("ocikit.image.cli.tag", "Add an additional name to a local image"),
    "image untag": ("ocikit.podman.commands.untag", "Remove a name from a local image"),
    "image import": ("ocikit.podman.commands.import_", "Import a tarball to create a filesystem image"),
    "image load": ("ocikit.podman.commands.load", "Load image(s) from a tar archive"),
    "image mount": ("ocikit.podman.commands.image_mount", "Mount an image's root filesystem"),
    "image prune": ("ocikit.podman.commands.image_prune", "Remove unused images"),
    "image save": ("ocikit.podman.commands.save", "Save image(s) to an archive"),
    "image search": ("ocikit.podman.commands.search", "Search registry for image"),
    "image tree": ("ocikit.podman.commands.image_tree", "Print layer hierarchy of an image in a tree format"),
    "image unmount": ("ocikit.podman.commands.image_unmount", "Unmount an image's root filesystem"),
    "import": ("ocikit.podman.commands.import_", "Import a tarball to create a filesystem image"),
    "load": ("ocikit.podman.commands.load", "Load image(s) from a tar archive"),
    "login": ("ocikit.image.cli.login", "Log in to a container registry"),
    "logout": ("ocikit.image.cli.logout", "Log out of a container registry"),
    "save": ("ocikit.podman.commands.save", "Save image(s) to an archive"),
    "search": ("ocikit.podman.commands.search", "Search registry for image"),
    "manifest add": (
        "ocikit.image.cli.manifest_add",
        "Add images or artifacts to a manifest list or image index",
    ),
    "manifest annotate": (
        "ocikit.image.cli.manifest_annotate",
        "Add or update information about an entry in a manifest list or image index",
    ),
    "manifest create": ("ocikit.image.cli.manifest_create", "Create manifest list or image index"),
    "manifest exists": ("ocikit.image.cli.manifest_exists", "Check if a manifest list exists in local storage"),
    "manifest inspect": (
        "ocikit.image.cli.manifest_inspect",
        "Display the contents of a manifest list or image index",
    ),
    "manifest push": ("ocikit.image.cli.manifest_push", "Push a manifest list or image index to a registry"),
    "manifest remove": ("ocikit.image.cli.manifest_remove", "Remove an item from a manifest list or image index"),
    "manifest rm": ("ocikit.image.cli.manifest_rm", "Remove manifest list or image index from local storage"),
    "artifact add": ("ocikit.podman.commands.artifact_add", "Add an OCI artifact to the local store"),
    "artifact extract": ("ocikit.podman.commands.artifact_extract", "Extract an OCI artifact to a local path"),
    "artifact inspect": ("ocikit.podman.commands.artifact_inspect", "Inspect an OCI artifact"),
    "artifact ls": ("ocikit.podman.commands.artifact_ls", "List OCI artifacts"),
    "artifact pull": ("ocikit.podman.commands.artifact_pull", "Pull an OCI artifact"),
    "artifact push": ("ocikit.podman.commands.artifact_push", "Push an OCI artifact"),
    "artifact rm": ("ocikit.podman.commands.artifact_rm", "Remove one or more OCI artifacts"),
    "image diff": ("ocikit.podman.commands.image_diff", "Inspect changes to the image's file systems"),
    "image scp": ("ocikit.podman.commands.image_scp", "Securely copy images"),
    "image sign": ("ocikit.podman.commands.image_sign", "Sign an image"),
    "image trust set": (
        "ocikit.podman.commands.image_trust_set",
        "Set default trust policy or a new trust policy for a registry",
    ),
    "image trust show": ("ocikit.podman.commands.image_trust_show", "Display trust policy for the system"),
    "images": ("ocikit.podman.commands.images", "List images in local storage"),
    "pull": ("ocikit.podman.commands.pull", "Pull an image from a registry"),
    "push": ("ocikit.podman.commands.push", "Push an image to a specified destination"),
    "rmi": ("ocikit.podman.commands.rmi", "Remove one or more images from local storage"),
    "tag": ("ocikit.image.cli.tag", "Add an additional name to a local image"),
    "untag": ("ocikit.podman.commands.untag", "Remove a name from a local image"),
    "attach": ("ocikit.podman.commands.attach", "Attach to a running container"),
    "create": ("ocikit.podman.commands.create", "Create but do not start a container"),
    "exec": ("ocikit.podman.commands.exec", "Run a process in a running container"),
    "init": ("ocikit.podman.commands.init", "Initialize one or more containers"),
    "inspect": ("ocikit.podman.commands.inspect", "Display the configuration of an object denoted by ID"),
    "ps": ("ocikit.podman.commands.ps", "List containers"),
    "container inspect": ("ocikit.podman.commands.container_inspect", "Display the configuration of a container"),
    "container list": ("ocikit.podman.commands.ps", "List containers"),
    "container ps": ("ocikit.podman.commands.ps", "List containers"),
    "kill": ("ocikit.podman.commands.kill", "Kill one or more running containers with a specific signal"),
    "logs": ("ocikit.podman.commands.logs", "Fetch the logs of one or more containers"),
    "pause": ("ocikit.podman.commands.pause", "Pause all the processes in one or more containers"),
    "port": ("ocikit.podman.commands.port", "List port mappings or a specific mapping for the container"),
    "rename": ("ocikit.podman.commands.rename", "Rename an existing container"),
    "restart": ("ocikit.podman.commands.restart", "Restart one or more containers"),
    "rm": ("ocikit.podman.commands.rm", "Remove one or more containers"),
    "run": ("ocikit.podman.commands.run", "Run a command in a new container"),
    "start": ("ocikit.podman.commands.start", "Start one or more containers"),
    "stop": ("ocikit.podman.commands.stop", "Stop one or more containers"),
    "unpause": ("ocikit.podman.commands.unpause", "Unpause the processes in one or more containers"),
    "wait": ("ocikit.podman.commands.wait", "Block on one or more containers"),
    "container diff": ("ocikit.podman.commands.diff", "Inspect changes to the container's file systems"),
    "container exists": ("ocikit.podman.commands.container_exists", "Check if a container exists in local storage"),
    "container export": ("ocikit.podman.commands.export", "Export container's filesystem contents as a tar archive"),
    "container mount": ("ocikit.podman.commands.mount", "Mount a working container's root filesystem"),
    "container prune": ("ocikit.podman.commands.container_prune", "Remove all non running containers"),
    "container stats": ("ocikit.podman.commands.stats", "Display a live stream of container resource usage statistics"),
    "container top": ("ocikit.podman.commands.top", "Display the running processes of a container"),
    "container unmount": ("ocikit.podman.commands.unmount", "Unmount working container's root filesystem"),
    "diff": ("ocikit.podman.commands.diff", "Display the changes to the object's file system"),
    "events": ("ocikit.podman.commands.events", "Show podman system events"),
    "export": ("ocikit.podman.commands.export", "Export container's filesystem contents as a tar archive"),
    "healthcheck run": ("ocikit.podman.commands.healthcheck_run", "Run the health check of a container"),
    "mount": ("ocikit.podman.commands.mount", "Mount a working container's root filesystem"),
    "stats": ("ocikit.podman.commands.stats", "Display a live stream of container resource usage statistics"),
    "top": ("ocikit.podman.commands.top", "Display the running processes of a container"),
    "unmount": ("ocikit.podman.commands.unmount", "Unmount working container's root filesystem"),
    "container cp": ("ocikit.podman.commands.cp", "Copy files/folders between a container and the local filesystem"),
    "container update": ("ocikit.podman.commands.update", "Update an existing container"),
    "cp": ("ocikit.podman.commands.cp", "Copy files/folders between a container and the local filesystem"),
    "update": ("ocikit.podman.commands.update", "Update an existing container"),
    "commit": ("ocikit.podman.commands.commit", "Create new image based on the changed container"),
    "container commit": ("ocikit.podman.commands.commit", "Create new image based on the changed container"),
    "volume create": ("ocikit.podman.commands.volume_create", "Create a new volume"),
    "volume exists": ("ocikit.podman.commands.volume_exists", "Check if volume exists"),
    "volume inspect": ("ocikit.podman.commands.volume_inspect", "Display detailed information on one or more volumes"),
    "volume ls": ("ocikit.podman.commands.volume_ls", "List volumes"),
    "volume prune": ("ocikit.podman.commands.volume_prune", "Remove all unused volumes"),
    "volume rm": ("ocikit.podman.commands.volume_rm", "Remove one or more volumes"),
    "container attach": ("ocikit.podman.commands.attach", "Attach to a running container"),
    "container create": ("ocikit.podman.commands.create", "Create but do not start a container"),
    "container exec": ("ocikit.podman.commands.exec", "Run a process in a running container"),
    "container init": ("ocikit.podman.commands.init", "Initialize one or more containers"),
    "container kill": ("ocikit.podman.commands.kill", "Kill one or more running containers with a specific signal"),
    "container logs": ("ocikit.podman.commands.logs", "Fetch the logs of one or more containers"),
    "container pause": ("ocikit.podman.commands.pause", "Pause all the processes in one or more containers"),
    "container port": ("ocikit.podman.commands.port", "List port mappings or a specific mapping for the container"),
    "container rename": ("ocikit.podman.commands.rename", "Rename an existing container"),
    "container restart": ("ocikit.podman.commands.restart", "Restart one or more containers"),
    "container rm": ("ocikit.podman.commands.rm", "Remove one or more containers"),
    "container run": ("ocikit.podman.commands.run", "Run a command in a new container"),
    "container start": ("ocikit.podman.commands.start", "Start one or more containers"),
    "container stop": ("ocikit.podman.commands.stop", "Stop one or more containers"),
    "container unpause": ("ocikit.podman.commands.unpause", "Unpause the processes in one or more containers"),
    "container wait": ("ocikit.podman.commands.wait", "Block on one or more containers"),
    "container cleanup": (
        "ocikit.podman.commands.cleanup",
        "Clean up network and mountpoints of one or more containers",
    ),
    "build": ("ocikit.podman.commands.build", "Build an image using instructions from Containerfiles"),
    "image build": ("ocikit.podman.commands.build", "Build an image using instructions from Containerfiles"),
    "version": ("ocikit.podman.commands.version", "Display the Podman version information"),
}

GROUPS = {
    "artifact": "Manage OCI artifacts",
    "container": "Manage containers",
    "farm": "Farm out builds to remote machines",
    "generate": "Generate structured data based on containers, pods or volumes",
    "healthcheck": "Manage health checks on containers",
    "image": "Manage images",
    "image trust": "Manage container image trust policy",
    "kube": "Play containers, pods or volumes from a structured file",
    "machine": "Manage a virtual machine",
    "machine os": "Manage a Podman virtual machine's OS",
    "manifest": "Manipulate manifest lists and image indexes",
    "network": "Manage networks",
    "play": "Play containers, pods or volumes from a structured file",
    "pod": "Manage pods",
    "quadlet": "Allows users to manage Quadlets",
    "secret": "Manage secrets",
    "system": "Manage podman",
    "system connection": "Manage remote API service destinations",
    "volume": "Manage volumes",
}

ALIASES = {
    "umount": "unmount",
    "container ls": "container list",
    "container umount": "container unmount",
    "artifact list": "artifact ls",
    "artifact remove": "artifact rm",
    "farm ls": "farm list",
    "farm rm": "farm remove",
    "image ls": "image list",
    "image remove": "image rm",
    "image umount": "image unmount",
    "machine ls": "machine list",
    "network list": "network ls",
    "network remove": "network rm",
    "pod ls": "pod ps",
    "pod list": "pod ps",
    "quadlet cat": "quadlet print",
    "secret list": "secret ls",
    "system connection ls": "system connection list",
    "system connection rm": "system connection remove",
    "system connection mv": "system connection rename",
    "volume list": "volume ls",
    "volume remove": "volume rm",
    "play kube": "kube play",
}

# Other spellings that Podman accepts and does not show; a flag declared under such a name comes first.
FLAG_ALIASES = {
    "dns-opt": "dns-option",
    "healthcheck-command": "health-cmd",
    "healthcheck-interval": "health-interval",
    "healthcheck-retries": "health-retries",
    "healthcheck-start-period": "health-start-period",
    "healthcheck-timeout": "health-timeout",
    "net": "network",
    "namespace": "ns",
    "storage": "external",
    "notruncate": "no-trunc",
    "override-arch": "arch",
    "override-os": "os",
    "override-variant": "variant",
    "timeout": "time",
}

# Global flags and variables that are rare enough to be dealt with in a module of their own.
RARE = frozenset(("config", "module", "out", "syslog"))


def prepare(ctx: Context) -> None:
    """Before each command: what global flags ask for that is no business of the libraries."""
    if not RARE.isdisjoint(ctx.globals.given()) or "CONTAINER_HOST" in environ or "CONTAINER_CONNECTION" in environ:
        from ocikit.podman.startup import apply

        apply(ctx)


PROGRAM = Program(
    name="podman",
    version=f"{PODMAN}+ocikit.{VERSION}",
    short="Manage pods, containers and images",
    flags=GLOBAL_FLAGS,
    index=INDEX,
    groups=GROUPS,
    aliases=ALIASES,
    flag_aliases=FLAG_ALIASES,
    error_style="podman",
    hidden=("play",),
    completers="ocikit.podman.completers",
    services="ocikit.podman.imaging",
    prepare=prepare,
)


def main() -> int:
    """Runs the command line of this process."""
    return PROGRAM.main(sys.argv[1:])
