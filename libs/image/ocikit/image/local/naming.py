"""Names of local images: adding and taking them away."""

from __future__ import annotations

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import is_digest
from ocikit.image.reference import is_short_name, parse_normalized, parse_reference

from .lookup import find_named, unknown

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.storage import ImageRecord, Store


def normalize_name(text: str) -> str:
    """The full name under which a local image is kept: short names get ``localhost/``, no tag gets ``latest``.

    Raises InvalidReference.
    """
    if is_digest(text):
        raise InvalidReference(f"invalid reference format: {text} is a digest, not a name")
    parse_reference(text)
    if is_short_name(text):
        return str(parse_normalized(f"localhost/{text}").tagged())
    full = parse_normalized(text).tagged()
    return str(full)


def tag(store: Store, name: str, targets: Sequence[str]) -> ImageRecord:
    """Give the image that ``name`` means more names. All are checked before any is given."""
    found = find_named(store, name)
    if found is None:
        raise unknown(name)
    full = []
    for target in targets:
        normalized = normalize_name(target)
        if "@" in normalized:
            raise InvalidReference(f"{target}: tag by digest not supported: give a name with a tag")
        full.append(normalized)
    record = found[0]
    if record.read_only:
        return store.add_image_names(record.id, full)
    # Behind the names that it has, as the Go tools keep them.
    return store.set_image_names(record.id, [*(n for n in record.names if n not in full), *full])


def untag(store: Store, name: str, targets: Sequence[str] = ()) -> ImageRecord:
    """Take names from the image that ``name`` means; all of them if none are named."""
    found = find_named(store, name)
    if found is None:
        raise unknown(name)
    record = found[0]
    names = [normalize_name(target) for target in targets] or list(record.names)
    for full in names:
        if full not in record.names:
            raise InvalidReference(
                f"{full}: tag not known", hint=f"the image has: {' '.join(record.names) or 'no name'}"
            )
    return store.remove_image_names(record.id, names)
