"""From what a user typed to an image of the store (image.md 3.3 (0), 4.7). On the way of every ``run``: imports nothing
heavy, and registries.conf is read only when several images fit.
"""

from __future__ import annotations

from ocikit.common.errors import InvalidReference
from ocikit.image.digest import HEX, is_digest, is_hex64
from ocikit.image.reference import ImageName, is_short_name, parse_normalized, parse_reference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.storage import ImageRecord, Store

MIN_ID_PREFIX = 3


def find(store: Store, name: str) -> ImageRecord | None:
    """The image that ``name`` means: an id, a prefix of one, a name, a short name, a digest reference. None if none."""
    found = find_named(store, name)
    return _instance(store, found[0]) if found else None


def resolve(store: Store, name: str) -> ImageRecord:
    """As :func:`find`; raises ``ImageUnknown``."""
    found = find_named(store, name)
    if found is None:
        raise unknown(name)
    return _instance(store, found[0])


def _instance(store: Store, record: ImageRecord) -> ImageRecord:
    """Of a manifest list, the image for this machine; raises ImageUnknown when that isn't in the store."""
    if record.layer or "instances.json" not in record.big_data_names:
        return record
    from .manifestlist import local_instance

    return local_instance(store, record)


def unknown(name: str) -> Exception:
    from ocikit.storage.errors import ImageUnknown

    return ImageUnknown(f"{name}: image not known", hint=f"`podman images` lists what is here; `podman pull {name}`")


def find_named(store: Store, name: str) -> tuple[ImageRecord, str] | None:
    """(record, the full name by which it was found; "" when that was an id or a digest)."""
    if not name:
        return None
    images = store.images()
    wanted = name.removeprefix("containers-storage:")
    by_id = _by_id(images, wanted)
    if by_id is not None:
        return by_id, ""
    if wanted.startswith("sha256:"):
        # a manifest digest alone
        for image in images:
            if wanted in image.digests:
                return image, ""
        return None
    for image in images:
        if wanted in image.names:
            return image, wanted
    try:
        parsed = parse_reference(wanted)
    except InvalidReference:
        return None
    if parsed.digest:
        return _by_digest(images, wanted, parsed)
    if not is_short_name(wanted):
        full = str(parse_normalized(wanted).tagged())
        return _exact(images, full)
    return _short(images, parsed)


def _by_id(images: list[ImageRecord], text: str) -> ImageRecord | None:
    """By id or a unique prefix of at least three digits; raises InvalidReference when the prefix fits several."""
    if text.startswith("sha256:"):
        text = text[7:]
    if text.strip(HEX) or not MIN_ID_PREFIX <= len(text) <= 64:
        return None
    if is_hex64(text):
        return next((image for image in images if image.id == text), None)
    hits = [image for image in images if image.id.startswith(text)]
    if len(hits) > 1 and not any(_has_name(image, text) for image in images):
        raise InvalidReference(f"{text}: the id prefix fits {len(hits)} images", hint="give more digits of the id")
    return hits[0] if len(hits) == 1 else None


def _has_name(image: ImageRecord, short: str) -> bool:
    return any(f"/{short}:" in name for name in image.names)


def _exact(images: list[ImageRecord], full: str) -> tuple[ImageRecord, str] | None:
    for image in images:
        if full in image.names:
            return image, full
    return None


def _by_digest(images: list[ImageRecord], text: str, parsed: ImageName) -> tuple[ImageRecord, str] | None:
    """An image with that digest and a name in that repository (a short repository fits any that ends in it)."""
    if not is_digest(parsed.digest):
        return None
    short = is_short_name(text)
    repository = parsed.name if short else parse_normalized(text).name
    for image in images:
        if parsed.digest not in image.digests:
            continue
        for name in image.names:
            known = _repository(name)
            if known == repository or (short and known.endswith("/" + repository)):
                return image, f"{known}@{parsed.digest}"
    return None


def _repository(name: str) -> str:
    """``host/path`` of a full name: without tag and digest."""
    name = name.partition("@")[0]
    slash = name.rfind("/")
    colon = name.find(":", slash + 1)
    return name if colon < 0 else name[:colon]


def _short(images: list[ImageRecord], parsed: ImageName) -> tuple[ImageRecord, str] | None:
    """A short name: one image whose name ends in it, or the first by the order of registries.conf."""
    tail = f"/{parsed.name}:{parsed.tag or 'latest'}"
    hits = [(image, name) for image in images for name in image.names if name.endswith(tail)]
    if len({image.id for image, _ in hits}) <= 1:
        return _preferred(hits, tail)
    from ocikit.image.shortnames import local_candidates

    order = [str(candidate) for candidate in local_candidates(str(parsed))]
    for full in order:
        for image, name in hits:
            if name == full:
                return image, name
    return hits[0]


def _preferred(hits: list[tuple[ImageRecord, str]], tail: str) -> tuple[ImageRecord, str] | None:
    """All hits are one image: its name under localhost/ or docker.io/ rather than a longer one."""
    for prefix in ("localhost", "docker.io", "docker.io/library"):
        for hit in hits:
            if hit[1] == prefix + tail:
                return hit
    return hits[0] if hits else None
