"""``podman rmi`` and ``podman image prune``: the rules that users know from Podman and Docker.

- A name of an image with several names is only taken away; the last name takes the image with it.
- An id of an image with several names needs ``force``.
- An image that a container uses needs ``force``, and the containers go first.
- Nameless parents that nobody else needs go too, unless ``prune_parents`` is off.
"""

from __future__ import annotations

from ocikit.common.errors import InvalidReference, OcikitError
from ocikit.image.digest import HEX
from ocikit.image.reference import parse_reference
from ocikit.storage.errors import ImageInUse, ImageUnknown

from .image import LocalImage
from .listing import Listing, compile_filters
from .lookup import find_named, unknown
from .naming import normalize_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ocikit.storage import Store

    # container id -> removes it, whoever made it
    RemoveContainer = Callable[[str], None]


class RemoveOptions:
    """``remove_container`` is needed for ``force`` to do more than take names away."""

    __slots__ = ("force", "ignore", "prune_parents", "remove_container")

    def __init__(
        self,
        force: bool = False,
        ignore: bool = False,
        prune_parents: bool = True,
        remove_container: RemoveContainer | None = None,
    ) -> None:
        self.force = force
        self.ignore = ignore
        self.prune_parents = prune_parents
        self.remove_container = remove_container


class RemoveReport:
    """What happened: names taken away, images deleted (ids), and what could not be done."""

    __slots__ = ("deleted", "errors", "freed", "untagged")

    def __init__(self) -> None:
        self.untagged: list[str] = []
        self.deleted: list[str] = []
        self.errors: list[OcikitError] = []
        self.freed = 0

    def exit_code(self) -> int:
        """Podman's: 0, 1 when all that went wrong is an unknown image, 2 when an image is in use, else 125."""
        if not self.errors:
            return 0
        if any(isinstance(e, ImageInUse) for e in self.errors):
            return 2
        return 1 if all(isinstance(e, ImageUnknown) for e in self.errors) else 125


def remove_images(store: Store, names: Sequence[str], options: RemoveOptions | None = None) -> RemoveReport:
    """Remove or untag what ``names`` mean. What fails is in the report; the rest is done."""
    options = options or RemoveOptions()
    report = RemoveReport()
    wanted: list[tuple[str, str]] = []
    for name in names:
        try:
            found = _look_up(store, name)
        except OcikitError as exc:
            report.errors.append(exc)
            continue
        if found is None:
            if not (options.ignore or options.force):
                report.errors.append(_as_error(unknown(name)))
            continue
        wanted.append(found)
    for image_id, referenced_by in wanted:
        try:
            _remove(store, image_id, referenced_by, options, report)
        except ImageUnknown:
            if referenced_by and not options.ignore and image_id not in report.deleted:
                continue
        except OcikitError as exc:
            report.errors.append(exc)
    return report


def _as_error(exc: Exception) -> OcikitError:
    assert isinstance(exc, OcikitError)
    return exc


def _look_up(store: Store, name: str) -> tuple[str, str] | None:
    """(image id, the text it was meant by: a full name, an id prefix or "sha256:…")."""
    bare = name.removeprefix("sha256:")
    if bare != name and bare.strip(HEX) == "" and len(bare) != 64:
        raise InvalidReference(f"{name}: invalid format: no 64-byte hexadecimal value")
    found = find_named(store, name)
    if found is None:
        parse_reference(name)
        return None
    record, full = found
    if full and "@" not in full:
        return record.id, full
    if name.startswith("sha256:") and record.id != bare:
        return record.id, name
    return record.id, full or bare


def remove_all(store: Store, options: RemoveOptions) -> RemoveReport:
    """Every image of the store that may go."""
    report = RemoveReport()
    failed: dict[str, OcikitError] = {}
    while True:
        ids = [r.id for r in store.images() if r.id not in failed and not r.read_only]
        if not ids:
            break
        try:
            _remove(store, ids[0], "", options, report)
        except OcikitError as exc:
            failed[ids[0]] = exc
    report.errors += failed.values()
    return report


def _remove(store: Store, image_id: str, referenced_by: str, options: RemoveOptions, report: RemoveReport) -> None:
    record = store.image(image_id)
    names = record.names
    if referenced_by and len(names) > 1:
        by_id = record.id.startswith(referenced_by)
        by_digest = referenced_by.startswith("sha256:") or "@" in referenced_by
        if not options.force and (by_id or by_digest):
            how = "ID" if by_id else "digest"
            raise OcikitError(
                f'unable to delete image "{record.id}" by {how} with more than one tag '
                f"([{' '.join(names)}]): please force removal"
            )
        if not by_id and not by_digest:
            full = referenced_by if referenced_by in names else normalize_name(referenced_by)
            record = store.remove_image_names(record.id, [full])
            report.untagged.append(full)
            if record.names:
                return
    _check_containers(store, record.id, options)
    listing = Listing(store)
    image = next((i for i in listing.images if i.id == record.id), LocalImage(store, record))
    parent = listing.tree.parent(image) if options.prune_parents else None
    had_children = listing.tree.has_children(image)
    size = listing.size(image)
    store.delete_image(record.id)
    report.untagged += record.names
    if not had_children:
        # Podman says nothing of an image whose layers live on in its children.
        report.deleted.append(record.id)
        report.freed += size
    if parent is not None and not parent.record.names and not _has_other_children(store, parent.id):
        _remove(store, parent.id, "", options, report)


def _has_other_children(store: Store, image_id: str) -> bool:
    listing = Listing(store)
    image = next((i for i in listing.images if i.id == image_id), None)
    return image is None or listing.tree.has_children(image)


def _check_containers(store: Store, image_id: str, options: RemoveOptions) -> None:
    """No container may be left on the image: force removes them, else the first one is named."""
    users = [c.id for c in store.containers() if c.image == image_id]
    if not users:
        return
    if not options.force or options.remove_container is None:
        raise ImageInUse(
            f"image used by {users[0]}: image is in use by a container: consider listing external containers and "
            "force-removing image",
            exit_code=2,
        )
    for user in users:
        options.remove_container(user)


def prune(
    store: Store, filters: Sequence[str] = (), *, all_images: bool = False, options: RemoveOptions | None = None
) -> RemoveReport:
    """Remove dangling images (with ``all_images``: every image that no container uses) that pass the filters.

    Removing one may make another dangling: repeated until nothing is left to do.
    """
    options = options or RemoveOptions()
    report = RemoveReport()
    skipped: set[str] = set()
    while True:
        listing = Listing(store)
        tests = compile_filters(listing, filters)
        doomed = [
            image
            for image in listing.images
            if image.id not in skipped
            and not image.record.read_only
            and (all_images or (not image.record.names and listing.tree.is_dangling(image)))
            and not (listing.containers(image) and not options.force)
            and all(test(listing, image) for test in tests)
        ]
        progress = False
        for image in doomed:
            skipped.add(image.id)
            try:
                _remove(store, image.id, "", options, report)
                progress = True
            except ImageUnknown:
                continue
            except OcikitError as exc:
                report.errors.append(exc)
        if not progress:
            return report
