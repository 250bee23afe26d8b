"""Transports by name. A module is loaded when its name is asked for; none imports another."""

from __future__ import annotations

from ocikit.common.errors import InvalidReference, Unsupported

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.image.transports.base import Transport

MODULES = {
    "containers-storage": "containers_storage",
    "dir": "directory",
    "docker": "docker",
    "docker-archive": "docker_archive",
    "docker-daemon": "docker_daemon",
    "oci": "oci",
    "oci-archive": "oci_archive",
    "tarball": "tarball",
}
UNSUPPORTED = {
    "sif": "Singularity images need the programs fakeroot and unsquashfs and are not read by ocikit; "
    "convert it with `singularity build --sandbox` and copy the tar of the result with tarball:",
    "atomic": "OpenShift 3 image streams are gone from current clusters; use docker:// with the cluster's registry",
    "ostree": "OSTree repositories are not read by ocikit; use oci: or containers-storage:",
}
LISTED = tuple(sorted([*MODULES, "sif"]))


def transport(name: str) -> Transport:
    """The transport of that name. Raises :class:`InvalidReference` if unknown, :class:`Unsupported` if known and not
    there.
    """
    module = MODULES.get(name)
    if module is None:
        if name in UNSUPPORTED:
            raise Unsupported(f'The transport "{name}:" is not supported in this build: {UNSUPPORTED[name]}')
        raise InvalidReference(f'unknown transport "{name}"', hint="transports: " + ", ".join(LISTED))
    # Not importlib.import_module: the package importlib also loads warnings.
    found: Transport = __import__("ocikit.image.transports." + module, fromlist=("TRANSPORT",)).TRANSPORT
    return found
