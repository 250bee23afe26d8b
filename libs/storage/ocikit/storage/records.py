"""The records of layers.json, images.json and containers.json (spec, sections 5.1, 7.1, 8.1).

A record is a thin view of the JSON object, so that two thousand of them cost no more than parsing, and so that fields
written by others survive. Attributes are the JSON names in snake_case; an absent field reads as its empty value.
Records that a store hands out never change: a write makes new ones.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Self

    Raw = dict[str, Any]


class _Text:
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __get__(self, record: Record, owner: object = None) -> str:
        return record.raw.get(self.key) or ""


class _Number:
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __get__(self, record: Record, owner: object = None) -> int:
        return record.raw.get(self.key) or 0


class _Texts:
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __get__(self, record: Record, owner: object = None) -> list[str]:
        return record.raw.get(self.key) or []


class _Numbers:
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __get__(self, record: Record, owner: object = None) -> list[int]:
        return record.raw.get(self.key) or []


class _Map:
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __get__(self, record: Record, owner: object = None) -> dict[str, Any]:
        return record.raw.get(self.key) or {}


class _IDMap:
    __slots__ = ("key",)

    def __init__(self, key: str) -> None:
        self.key = key

    def __get__(self, record: Record, owner: object = None) -> tuple[tuple[int, int, int], ...]:
        """(container id, host id, size) per range."""
        rows = record.raw.get(self.key)
        return tuple((r["container_id"], r["host_id"], r["size"]) for r in rows) if rows else ()


class Record:
    """What layers, images and containers have in common."""

    __slots__ = ("location", "raw", "read_only")

    ORDER: tuple[str, ...] = ()
    KEEP: frozenset[str] = frozenset()  # written even when empty

    id = _Text("id")
    names = _Texts("names")
    metadata = _Text("metadata")
    created = _Text("created")  # RFC 3339, UTC
    big_data_names = _Texts("big-data-names")
    flags = _Map("flags")

    def __init__(self, raw: Raw, location: int = 0, read_only: bool = False) -> None:
        self.raw = raw
        self.location = location  # which of its store's files holds it
        self.read_only = read_only  # lives in an additional store

    def with_(self, **changes: object) -> Self:
        """A copy with fields changed (snake_case names); an empty value removes the field. In the contract's order."""
        raw = dict(self.raw)
        for name, value in changes.items():
            raw[name.replace("_", "-")] = value
        return type(self)(self.ordered(raw), self.location, self.read_only)

    @classmethod
    def ordered(cls, raw: Raw) -> Raw:
        """The object as the Go tools would write it: fields in order, empty ones left out, strangers at the end."""
        known = {k: raw[k] for k in cls.ORDER if k in raw and (raw[k] not in _EMPTY or k in cls.KEEP)}
        known.update((k, v) for k, v in raw.items() if k not in cls.ORDER)
        return known

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.id[:12]} {' '.join(self.names)}>"


_EMPTY: tuple[object, ...] = (None, "", [], {}, 0, False)


class LayerRecord(Record):
    """A layer of an image or of a container."""

    __slots__ = ()

    ORDER = (
        "id",
        "names",
        "parent",
        "metadata",
        "mountlabel",
        "created",
        "compressed-diff-digest",
        "compressed-size",
        "diff-digest",
        "toc-digest",
        "diff-size",
        "compression",
        "uidset",
        "gidset",
        "flags",
        "uidmap",
        "gidmap",
        "big-data-names",
    )
    KEEP = frozenset(("id", "created"))

    parent = _Text("parent")
    mountlabel = _Text("mountlabel")
    compressed_diff_digest = _Text("compressed-diff-digest")
    compressed_size = _Number("compressed-size")
    diff_digest = _Text("diff-digest")  # the DiffID
    toc_digest = _Text("toc-digest")
    diff_size = _Number("diff-size")  # bytes of the uncompressed tar; -1: unknown
    compression = _Number("compression")  # 0 none, 1 bzip2, 2 gzip, 3 xz, 4 zstd
    uidset = _Numbers("uidset")
    gidset = _Numbers("gidset")
    uidmap = _IDMap("uidmap")
    gidmap = _IDMap("gidmap")


class ImageRecord(Record):
    """An image: names, a top layer and the documents (manifest, config, signatures) kept as big data."""

    __slots__ = ()

    ORDER = (
        "id",
        "digest",
        "names",
        "names-history",
        "layer",
        "mapped-layers",
        "metadata",
        "big-data-names",
        "big-data-sizes",
        "big-data-digests",
        "created",
        "flags",
    )
    KEEP = frozenset(("id", "created"))

    digest = _Text("digest")
    names_history = _Texts("names-history")
    layer = _Text("layer")
    mapped_layers = _Texts("mapped-layers")
    big_data_sizes = _Map("big-data-sizes")
    big_data_digests = _Map("big-data-digests")

    @property
    def digests(self) -> list[str]:
        """Every digest by which the image can be found (spec, section 7.1)."""
        found = [self.digest] if self.digest else []
        for name, digest in self.big_data_digests.items():
            if name.startswith("manifest") and digest not in found:
                found.append(digest)
        return found


class ContainerRecord(Record):
    """A container: an image, a writable layer, and directories for whoever runs it."""

    __slots__ = ()

    ORDER = (
        "id",
        "names",
        "image",
        "layer",
        "metadata",
        "big-data-names",
        "big-data-sizes",
        "big-data-digests",
        "created",
        "uidmap",
        "gidmap",
        "flags",
    )
    KEEP = frozenset(("id", "image", "layer", "created"))

    image = _Text("image")
    layer = _Text("layer")
    big_data_sizes = _Map("big-data-sizes")
    big_data_digests = _Map("big-data-digests")
    uidmap = _IDMap("uidmap")
    gidmap = _IDMap("gidmap")

    @property
    def volatile(self) -> bool:
        """Forgotten at a power cut on purpose (``--rm``, working containers of builds)."""
        return bool(self.flags.get("Volatile"))


def idmap_rows(idmap: object) -> list[dict[str, int]]:
    """[{container_id, host_id, size}] from (container id, host id, size) triples."""
    return [{"container_id": c, "host_id": h, "size": n} for c, h, n in idmap]  # type: ignore[attr-defined]


def timestamp(nanoseconds: int | None = None) -> str:
    """RFC 3339 in UTC with the nanoseconds' trailing zeros cut, as Go writes time.Time; now by default."""
    from time import gmtime, time_ns

    if nanoseconds is None:
        nanoseconds = time_ns()
    seconds, rest = divmod(nanoseconds, 1_000_000_000)
    t = gmtime(seconds)
    fraction = f".{rest:09d}".rstrip("0") if rest else ""
    return f"{t.tm_year:04d}-{t.tm_mon:02d}-{t.tm_mday:02d}T{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d}{fraction}Z"


ZERO_TIME = "0001-01-01T00:00:00Z"
