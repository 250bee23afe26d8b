"""``buildah inspect``: a working container, or an image as a working container of it would begin."""

from __future__ import annotations

import base64

from ocikit.common.errors import OcikitError
from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.options import BuildOptions
from ocikit.libpod.build.working import WorkingContainer, new_state

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.storage import Store

_ISOLATION = {0: "default", 1: "oci", 2: "chroot", 3: "rootless"}
_NETWORK = {0: "NetworkDefault", 1: "NetworkDisabled", 2: "NetworkEnabled"}


def inspect(store: Store, name: str, *, image_only: bool = False) -> dict[str, Any]:
    """The document that buildah prints (specification of builds, 13). Raises BuildError for an unknown name."""
    state, mounted = None, ""
    if not image_only:
        try:
            container = WorkingContainer.load(store, name)
        except BuildError:
            pass
        else:
            state = container.state
            if store.mounted(container.record.id):
                mounted = store.mount_point(container.record.id)
    if state is None:
        from ocikit.image.local.lookup import resolve
        from ocikit.libpod.build.platforms import host_platform

        try:
            image = resolve(store, name)
        except OcikitError:
            raise BuildError(f"importing settings: {name}: image not known") from None
        shown = image.names[0] if image.names else image.id
        state = new_state(store, None, image, shown, "", BuildOptions(), host_platform())
    return _shown(state, mounted)


def _shown(state: dict[str, Any], mounted: str) -> dict[str, Any]:
    oci = state.get("ociv1") or {}
    return {
        "Type": state.get("type", ""),
        "FromImage": state.get("image", ""),
        "FromImageID": state.get("image-id", ""),
        "FromImageDigest": state.get("image-digest", ""),
        "GroupAdd": state.get("GroupAdd"),
        "Config": base64.b64decode(state.get("config") or "").decode(errors="replace"),
        "Manifest": base64.b64decode(state.get("manifest") or "").decode(errors="replace"),
        "Container": state.get("container-name", ""),
        "ContainerID": state.get("container-id", ""),
        "MountPoint": mounted,
        "ProcessLabel": state.get("process-label", ""),
        "MountLabel": state.get("mount-label", ""),
        "ImageAnnotations": state.get("annotations"),
        "ImageCreatedBy": state.get("created-by", ""),
        "OCIv1": oci,
        "Docker": state.get("docker") or {},
        "DefaultMountsFilePath": "",
        "Isolation": _ISOLATION.get(state.get("Isolation") or 0, "default"),
        "NamespaceOptions": state.get("NamespaceOptions"),
        "Capabilities": state.get("Capabilities"),
        "ConfigureNetwork": _NETWORK.get(state.get("ConfigureNetwork") or 0, "NetworkDefault"),
        "CNIPluginPath": state.get("CNIPluginPath", ""),
        "CNIConfigDir": state.get("CNIConfigDir", ""),
        "IDMappingOptions": state.get("IDMappingOptions"),
        "History": oci.get("history"),
        "Devices": state.get("Devices"),
        "DeviceSpecs": state.get("DeviceSpecs"),
        "CDIConfigDir": state.get("CDIConfigDir", ""),
    }
