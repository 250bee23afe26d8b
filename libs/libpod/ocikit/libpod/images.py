"""The image of a new container: found in the store, pulled if the policy says so."""

from __future__ import annotations

from ocikit.common import jsonfast
from ocikit.common.errors import OcikitError
from ocikit.libpod.spec.template import ImageInfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.libpod.container.options import CreateOptions
    from ocikit.libpod.runtime import Runtime
    from ocikit.storage import ImageRecord

POLICIES = ("missing", "always", "never", "newer", "ifnotpresent", "ifmissing")


def find(runtime: Runtime, options: CreateOptions) -> ImageInfo:
    """The image that the options name, by ``--pull``'s policy. Raises ImageUnknown or what pulling raises."""
    policy = options.pull.lower() or "missing"
    if policy in ("true", "false"):
        policy = "always" if policy == "true" else "missing"
    if policy not in POLICIES:
        raise OcikitError(f'unsupported pull policy "{options.pull}"')
    from ocikit.image.local.lookup import find as find_local

    name = options.image
    record = None if policy in ("always", "newer") or _other_platform(options) else find_local(runtime.store, name)
    if record is None:
        record = _pull(runtime, options, policy)
    runtime.events.write("image", "pull", None, ID=record.id, Name=name)
    return info(runtime, record, name)


def _other_platform(options: CreateOptions) -> bool:
    return bool(options.platform or options.arch or options.os or options.variant)


def _pull(runtime: Runtime, options: CreateOptions, policy: str) -> ImageRecord:
    from ocikit.image.local.lookup import find as find_local
    from ocikit.libpod.pulling import pull

    name = options.image
    if policy == "never":
        found = find_local(runtime.store, name)
        if found is None:
            from ocikit.storage.errors import ImageUnknown

            raise ImageUnknown(f"{name}: image not known")
        return found
    return pull(runtime, options)


def info(runtime: Runtime, record: ImageRecord, wanted: str) -> ImageInfo:
    """What a container takes from the image: its full name and the ``config`` of its configuration."""
    names = list(record.names)
    name = _matching(names, wanted) if names else record.id
    config = configuration(runtime, record).get("config") or {}
    return ImageInfo(record.id, name, config)


def _matching(names: list[str], wanted: str) -> str:
    """The name that the user meant among the image's."""
    for name in names:
        if name == wanted:
            return name
    bare = wanted.rpartition("@")[0] or wanted
    for candidate in (bare, f"{bare}:latest"):
        for name in names:
            if name == candidate or name.endswith(f"/{candidate}"):
                return name
    return names[0]


def configuration(runtime: Runtime, record: ImageRecord) -> dict[str, Any]:
    """The image's configuration document (OCI image configuration)."""
    try:
        data: dict[str, Any] = jsonfast.loads(runtime.store.image_data(record.id, f"sha256:{record.id}"))
    except (OcikitError, OSError):
        manifest = jsonfast.loads(runtime.store.image_data(record.id, "manifest"))
        digest = (manifest.get("config") or {}).get("digest", "")
        data = jsonfast.loads(runtime.store.image_data(record.id, digest))
    return data
