"""Pulling from places that are no registries: archives, layouts, directories, daemons. Under which name an image ends
up in the store differs from transport to transport.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocikit.common.errors import OcikitError
from ocikit.image.names import parse_image_name
from ocikit.image.transports.base import ImageReference

from .naming import normalize_name

if TYPE_CHECKING:
    from ocikit.storage import Store

    from .pulling import PullOptions

_NAME_ANNOTATIONS = ("io.containerd.image.name", "org.opencontainers.image.ref.name")


def pull_from_transport(store: Store, name: str, options: PullOptions) -> list[str]:
    """The ids of all images that ``transport:rest`` holds."""
    return [image_id for image_id, _ in copy_all(store, parse_image_name(name), options)]


def copy_all(store: Store, source: ImageReference, options: PullOptions) -> list[tuple[str, str]]:
    """Copy everything that ``source`` names: (id, the name it got, or "sha256:ID") of each."""
    kind = source.transport.name
    if kind == "docker-archive":
        return _from_docker_archive(store, source, options)
    if kind == "containers-storage":
        raise OcikitError(f"{source} is in a store already", hint="use `podman image scp` to copy between stores")
    names = _names_for(source)
    return [_copy_one(store, source, names, options)]


def _copy_one(store: Store, source: ImageReference, names: list[str], options: PullOptions) -> tuple[str, str]:
    """Copy under the first name and give the image the others; (id, first name)."""
    from .pulling import copy_into_store

    target = names[0] if names else "@" + image_id_of(source, options)
    image_id = copy_into_store(store, source, target, options)
    if len(names) > 1:
        store.add_image_names(image_id, names[1:])
    return image_id, names[0] if names else f"sha256:{image_id}"


def _names_for(source: ImageReference) -> list[str]:
    """The full name under which the image is kept; none: by its id."""
    kind = source.transport.name
    if kind in ("oci", "oci-archive"):
        image = str(getattr(source, "image", "") or "")
        if not image:
            image = _annotated_name(source)
        if image:
            try:
                return [normalize_name(image)]
            except OcikitError:
                return []
        return []
    named = source.docker_reference()
    if named is not None:
        return [str(named.tagged())]
    return []


def _annotated_name(source: ImageReference) -> str:
    """The name that the only entry of an OCI layout bears."""
    import tarfile

    from ocikit.common import jsonfast

    if source.transport.name != "oci-archive":
        return ""

    path = str(getattr(source, "path", ""))
    try:
        with tarfile.open(path) as tar:
            member = tar.extractfile("index.json")
            index = jsonfast.loads(member.read(4 << 20)) if member is not None else {}
    except (OSError, tarfile.TarError, KeyError, ValueError):
        return ""
    entries = index.get("manifests") or []
    annotations = entries[0].get("annotations") or {} if len(entries) == 1 else {}
    return next((str(annotations[key]) for key in _NAME_ANNOTATIONS if annotations.get(key)), "")


def image_id_of(source: ImageReference, options: PullOptions) -> str:
    """The id that the image will have: the hex of its config's digest."""
    from ocikit.image.manifest import mediatypes as mt
    from ocikit.image.manifest.guess import parse_list, parse_manifest

    with source.open_source(options.ctx) as opened:
        raw, media_type = opened.get_manifest()
        media_type = mt.normalise(media_type)
        if mt.is_list(media_type):
            raw, media_type = opened.get_manifest(parse_list(raw, media_type).choose(options.ctx).digest)
        manifest = parse_manifest(raw, mt.normalise(media_type))
        config = manifest.config
    if config is None or not config.digest:
        raise OcikitError(f"{source}: the image has no config, so it needs a name: give one after the path")
    return config.digest.partition(":")[2]


def _from_docker_archive(store: Store, source: ImageReference, options: PullOptions) -> list[tuple[str, str]]:
    """Every item of the archive (or the one that the reference names) under all of its names."""
    from ocikit.image.transports.docker_archive import DockerArchive, DockerArchiveReference

    assert isinstance(source, DockerArchiveReference)
    if source.name is not None or source.index >= 0:
        return [_copy_one(store, source, [str(source.name)] if source.name is not None else [], options)]
    archive = DockerArchive(source.path, options.ctx.big_tmpdir())
    try:
        items = [archive.tags(item) for item in archive.items]
    finally:
        archive.tar.close()
    copied = []
    for number, tags in enumerate(items):
        names = [normalize_name(tag) for tag in tags]
        one = DockerArchiveReference(source.path, index=number)
        image_id, first = _copy_one(store, one, names, options)
        copied += [(image_id, name) for name in names] or [(image_id, first)]
    return copied
