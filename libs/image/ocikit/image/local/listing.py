"""``podman images``: what is in the store, filtered and sorted. A hot command: imports nothing heavy."""

from __future__ import annotations

from ocikit.common.errors import OcikitError, UsageError
from ocikit.common.units import parse_rfc3339

from .image import LocalImage, layers_by_id
from .tree import ImageTree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    from ocikit.storage import LayerRecord, Store

    Test = Callable[["Listing", LocalImage], bool]

SORT_KEYS = ("created", "id", "repository", "size", "tag")


class Listing:
    """All images of one moment and what filters and columns want to know of them; computed when asked for."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.images = [LocalImage(store, record) for record in store.images()]
        self._layers: dict[str, LayerRecord] | None = None
        self._tree: ImageTree | None = None
        self._used: dict[str, int] | None = None

    @property
    def layers(self) -> dict[str, LayerRecord]:
        if self._layers is None:
            self._layers = layers_by_id(self.store)
        return self._layers

    @property
    def tree(self) -> ImageTree:
        if self._tree is None:
            self._tree = ImageTree(self.images, self.layers)
        return self._tree

    def containers(self, image: LocalImage) -> int:
        """How many containers of the store are based on the image."""
        if self._used is None:
            self._used = {}
            for container in self.store.containers():
                self._used[container.image] = self._used.get(container.image, 0) + 1
        return self._used.get(image.id, 0)

    def size(self, image: LocalImage) -> int:
        return image.size(self.layers)

    def is_intermediate(self, image: LocalImage) -> bool:
        """A step of a build. Named images never are, and only for nameless ones the layers have to be read."""
        return not image.record.names and self.tree.is_intermediate(image)


class ImageSummary:
    """One image as lists show it. ``created`` in nanoseconds since 1970."""

    __slots__ = ("_listing", "created", "image")

    def __init__(self, listing: Listing, image: LocalImage) -> None:
        self._listing = listing
        self.image = image
        self.created = created_ns(image)

    @property
    def id(self) -> str:
        return self.image.id

    @property
    def names(self) -> list[str]:
        return self.image.record.names

    @property
    def digest(self) -> str:
        return self.image.record.digest

    @property
    def size(self) -> int:
        return self._listing.size(self.image)

    @property
    def containers(self) -> int:
        return self._listing.containers(self.image)

    @property
    def parent_id(self) -> str:
        parent = self._listing.tree.parent(self.image)
        return parent.id if parent else ""

    @property
    def dangling(self) -> bool:
        return not self.names and self._listing.tree.is_dangling(self.image)

    @property
    def labels(self) -> dict[str, str]:
        return {} if self.image.is_list else self.image.labels

    @property
    def read_only(self) -> bool:
        return bool(self.image.record.read_only)

    @property
    def history(self) -> list[str]:
        return self.image.record.names_history

    def repo_digests(self) -> list[str]:
        return self.image.repo_digests()


def created_ns(image: LocalImage) -> int:
    """When the image was made; 0001-01-01 (a large negative number) if nobody said."""
    text = image.record.created
    try:
        return parse_rfc3339(text) if text else 0
    except (ValueError, OcikitError):
        return 0


def list_images(store: Store, filters: Sequence[str] = (), *, all_images: bool = False) -> list[ImageSummary]:
    """The images that pass every filter ("label=x"), in the store's order. Build steps only with ``all_images``.

    Raises UsageError for a filter that doesn't exist.
    """
    listing = Listing(store)
    tests = compile_filters(listing, filters)
    given = {text.partition("=")[0] for text in filters}
    found = []
    seen: set[str] = set()
    for image in listing.images:
        if image.id in seen:
            continue
        seen.add(image.id)
        if not all_images and "intermediate" not in given and listing.is_intermediate(image):
            continue
        if all(test(listing, image) for test in tests):
            found.append(ImageSummary(listing, image))
    return found


def split_repository_tag(name: str) -> tuple[str, str]:
    """("host/path", tag) as the table shows them; a digest name has the tag ``<none>``."""
    bare, at, _ = name.partition("@")
    slash = bare.rfind("/")
    colon = bare.find(":", slash + 1)
    if colon >= 0:
        return bare[:colon], bare[colon + 1 :]
    return bare, "<none>" if at else "latest"


# -- filters ------------------------------------------------------------------------------------------------------


def compile_filters(listing: Listing, filters: Sequence[str]) -> list[Test]:
    """Tests that must all pass; ``reference`` filters are alternatives to each other."""
    tests: list[Test] = []
    patterns: list[str] = []
    refused: list[str] = []
    for text in filters:
        key, equals, value = text.partition("=")
        if key.endswith("!") and equals:
            name = key[:-1]
            if name == "label":
                tests.append(_not(_label(value)))
                continue
            if name == "reference":
                refused.append(value)
                continue
            raise UsageError(f'unsupported image filter "{key}"')
        if not equals:
            raise UsageError(f'invalid image filter "{text}": must be in the format "filter=value or filter!=value"')
        if key == "reference":
            patterns.append(value)
            continue
        tests.append(_one(listing, key, value))
    if patterns:
        tests.append(lambda _, image: any(_matches_reference(image, p) for p in patterns))
    if refused:
        tests.append(lambda _, image: not any(_matches_reference(image, p) for p in refused))
    return tests


def _not(test: Test) -> Test:
    return lambda listing, image: not test(listing, image)


def _one(listing: Listing, key: str, value: str) -> Test:
    if key in ("before", "since", "after"):
        from .lookup import resolve

        try:
            other = created_ns(LocalImage(listing.store, resolve(listing.store, value)))
        except OcikitError as exc:
            raise UsageError(f'unable to find local image for filter "{key}={value}": {exc}', exit_code=125) from exc
        if key == "before":
            return lambda _, image: created_ns(image) < other
        return lambda _, image: created_ns(image) > other
    if key == "until":
        from ocikit.common.units import parse_moment

        until = parse_moment(value)
        return lambda _, image: created_ns(image) < until
    if key == "label":
        return _label(value)
    if key == "id":
        return lambda _, image: image.id.startswith(value)
    if key == "digest":
        if not value.startswith("sha256:"):
            raise UsageError(f'invalid value "{value}" for digest filter: it must begin with sha256:')
        return lambda _, image: any(d.startswith(value) for d in image.record.digests)
    if key == "containers":
        if value == "external":
            return lambda listing, image: listing.containers(image) > 0
        wanted = _truth(key, value)
        return lambda listing, image: (listing.containers(image) > 0) == wanted
    if key in _TRUTHS:
        wanted = _truth(key, value)
        answer = _TRUTHS[key]
        return lambda listing, image: answer(listing, image) == wanted
    raise UsageError(f'unsupported image filter "{key}"')


_TRUTHS: dict[str, Test] = {
    "dangling": lambda listing, image: not image.record.names and listing.tree.is_dangling(image),
    "intermediate": lambda listing, image: not image.record.names and listing.tree.is_intermediate(image),
    "manifest": lambda _, image: image.is_list,
    "readonly": lambda _, image: bool(image.record.read_only),
}


def _truth(key: str, value: str) -> bool:
    if value.lower() in ("true", "t", "1"):
        return True
    if value.lower() in ("false", "f", "0"):
        return False
    raise UsageError(
        f'non-boolean value "{value}" for {key} filter: strconv.ParseBool: parsing "{value}": invalid syntax'
    )


def _label(value: str) -> Test:
    """``key`` (with glob characters) or ``key=value``."""
    key, equals, wanted = value.partition("=")

    def test(_: Listing, image: LocalImage) -> bool:
        if image.is_list:
            return False
        labels: dict[str, Any] = image.labels
        if equals:
            return glob_match(wanted, str(labels[key])) if key in labels else False
        return any(glob_match(key, name) for name in labels)

    return test


def _matches_reference(image: LocalImage, pattern: str) -> bool:
    """Whether a name, its repository or a tail of it fits the pattern (shell globs; ``*`` stops at ``/``)."""
    if image.id.startswith(pattern) and len(pattern) >= 12:
        return True
    tagged = ":" in pattern.rpartition("/")[2] or "@" in pattern
    for name in image.record.names:
        repository, _ = split_repository_tag(name)
        text = name if tagged else repository
        parts = text.split("/")
        if any(glob_match(pattern, "/".join(parts[start:])) for start in range(len(parts))):
            return True
        if glob_match(pattern, name):
            return True
    if "@" in pattern:
        return any(pattern == digest for digest in image.repo_digests())
    return False


def glob_match(pattern: str, text: str) -> bool:
    """Go's path.Match: ``*`` and ``?`` don't cross ``/``, ``[a-z]`` classes, backslash quotes. No ``re``: hot path."""
    if not any(c in pattern for c in "*?[\\"):
        return pattern == text
    return _glob(pattern, 0, text, 0)


def _glob(pattern: str, p: int, text: str, t: int) -> bool:
    while p < len(pattern):
        char = pattern[p]
        if char == "*":
            while p < len(pattern) and pattern[p] == "*":
                p += 1
            while True:
                if _glob(pattern, p, text, t):
                    return True
                if t >= len(text) or text[t] == "/":
                    return False
                t += 1
        if t >= len(text):
            return False
        if char == "?":
            if text[t] == "/":
                return False
        elif char == "[":
            end = pattern.find("]", p + 2)
            if end < 0 or not _class(pattern[p + 1 : end], text[t]):
                return False
            p = end
        else:
            if char == "\\" and p + 1 < len(pattern):
                p += 1
            if pattern[p] != text[t]:
                return False
        p += 1
        t += 1
    return t == len(text)


def _class(members: str, char: str) -> bool:
    negated = members[:1] == "^"
    members = members[1:] if negated else members
    found = False
    at = 0
    while at < len(members):
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            found = found or members[at] <= char <= members[at + 2]
            at += 3
        else:
            found = found or members[at] == char
            at += 1
    return found != negated
