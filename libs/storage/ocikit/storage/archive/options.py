"""What callers of the archive engine choose, and what they get back.

Plain classes: every pull loads them, and ``dataclasses`` would cost it 20 ms.
"""

from __future__ import annotations

IdRange = tuple[int, int, int]
"""container id, host id, number of ids"""


class ApplyOptions:
    """How a layer is laid down.

    whiteouts: ``overlay`` (character device 0/0 and the opaque attribute), ``plain`` (``.wh.`` files stay as they are: mount
    programs), ``remove`` (really delete: vfs).
    opaque_xattr: ``trusted.overlay.opaque``, or ``user.overlay.opaque`` for mounts with userxattr (rootless).
    uidmap, gidmap: ranges by which header ids become ids on disk; empty means as they are.
    force_mask: this mode for every file and directory, the truth in ``user.containers.override_stat``.
    in_userns: devices are skipped and attributes that only real root may set are dropped; None looks at /proc.
    apply_root: the archive's own root entry changes the directory (vfs); elsewhere it is ignored.
    parent_mode: of directories that no entry describes, before the umask.
    """

    __slots__ = (
        "apply_root",
        "force_mask",
        "gidmap",
        "ignore_chown_errors",
        "in_userns",
        "opaque_xattr",
        "parent_mode",
        "uidmap",
        "whiteouts",
    )

    def __init__(
        self,
        *,
        whiteouts: str = "overlay",
        opaque_xattr: str = "trusted.overlay.opaque",
        uidmap: tuple[IdRange, ...] = (),
        gidmap: tuple[IdRange, ...] = (),
        ignore_chown_errors: bool = False,
        force_mask: int | None = None,
        in_userns: bool | None = None,
        apply_root: bool = False,
        parent_mode: int = 0o777,
    ) -> None:
        if whiteouts not in ("overlay", "plain", "remove"):
            raise ValueError(f'whiteouts="{whiteouts}" is none of overlay, plain, remove')
        self.whiteouts = whiteouts
        self.opaque_xattr = opaque_xattr
        self.uidmap = uidmap
        self.gidmap = gidmap
        self.ignore_chown_errors = ignore_chown_errors
        self.force_mask = force_mask
        self.in_userns = in_userns
        self.apply_root = apply_root
        self.parent_mode = parent_mode


class ApplyResult:
    """size: bytes of the tar stream; uidset, gidset: sorted ids in its headers, whiteouts apart (storage format, 5.1)."""

    __slots__ = ("entries", "gidset", "size", "uidset", "warnings")

    def __init__(
        self, entries: int, size: int, uidset: list[int], gidset: list[int], warnings: list[str] | None = None
    ) -> None:
        self.entries = entries
        self.size = size
        self.uidset = uidset
        self.gidset = gidset
        self.warnings = warnings or []


class UnpackResult(ApplyResult):
    """compression: as open_decompressed() names it; digests: ``sha256:<hex>`` of the blob and of the inflated tar."""

    __slots__ = ("compressed_digest", "compressed_size", "compression", "diff_id")

    def __init__(
        self,
        entries: int,
        size: int,
        uidset: list[int],
        gidset: list[int],
        warnings: list[str] | None = None,
        *,
        compression: str = "",
        compressed_digest: str = "",
        compressed_size: int = 0,
        diff_id: str = "",
    ) -> None:
        super().__init__(entries, size, uidset, gidset, warnings)
        self.compression = compression
        self.compressed_digest = compressed_digest
        self.compressed_size = compressed_size
        self.diff_id = diff_id


def map_id(number: int, ranges: tuple[IdRange, ...]) -> int:
    """A container's id as the host has it; LookupError when no range holds it."""
    for inside, outside, count in ranges:
        if inside <= number < inside + count:
            return outside + number - inside
    raise LookupError(f"container ID {number} cannot be mapped to a host ID")


def unmap_id(number: int, ranges: tuple[IdRange, ...]) -> int:
    """A host's id as the container sees it; LookupError when no range holds it."""
    for inside, outside, count in ranges:
        if outside <= number < outside + count:
            return inside + number - outside
    raise LookupError(f"host ID {number} cannot be mapped to a container ID")
