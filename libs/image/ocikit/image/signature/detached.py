"""``podman image sign``: signatures written into a lookaside without copying the image."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ocikit.common.errors import OcikitError
from ocikit.image.manifest import mediatypes as mt
from ocikit.image.manifest.guess import manifest_digest, parse_list
from ocikit.image.names import parse_image_name, transport_of
from ocikit.image.registry import lookaside

from . import simple

if TYPE_CHECKING:
    from ocikit.image.context import SystemContext
    from ocikit.storage import Store


def sign_image(
    store: Store, text: str, key: str, ctx: SystemContext, *, directory: str = "", every: bool = False
) -> list[str]:
    """Sign the image that ``text`` means (at its registry, or by the names of a local image); the signed digests.

    ``directory`` takes the place of the lookaside that registries.d names. ``every``: also each image of a list.
    """
    if not transport_of(text):
        from ocikit.image.local.lookup import find_named

        found = find_named(store, text)
        if found is not None:
            text = found[1] or next(iter(found[0].names), text)
        text = f"docker://{text}"
    reference = parse_image_name(text)
    name = reference.docker_reference()
    if name is None:
        raise OcikitError(f"cannot determine canonical Docker reference for destination {text}")
    with reference.open_source(ctx) as source:
        raw, media_type = source.get_manifest()
        manifests = [raw]
        if every and mt.is_list(mt.normalise(media_type)):
            members = parse_list(raw, mt.normalise(media_type)).instances
            manifests += [source.get_manifest(member.digest)[0] for member in members]
    base = f"file://{os.path.abspath(directory)}" if directory else ""
    base = base or lookaside.load(ctx.registries_d, ctx.root_for_implicit_paths).write_base(name)
    signed = []
    for manifest in manifests:
        digest = manifest_digest(manifest)
        existing = lookaside.read_signatures(base, name, digest)
        lookaside.write_signatures(base, name, digest, [*existing, simple.sign(digest, str(name), key)])
        signed.append(digest)
    return signed
