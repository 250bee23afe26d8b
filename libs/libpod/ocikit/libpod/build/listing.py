"""``--manifest``: the images of a build in a list of the store."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.storage import Store


def add_to_list(store: Store, name: str, images: Sequence[str]) -> str:
    """Makes the list, or extends the one that is there; its id. Raises OcikitError when the name is an image's."""
    from ocikit.image.context import SystemContext
    from ocikit.image.local import listedit, manifestlist
    from ocikit.image.local.naming import normalize_name

    target = manifestlist.create_list(store, name, amend=True)
    for image_id in images:
        listedit.add_image(target, image_id, SystemContext())
    return target.save([normalize_name(name)])
