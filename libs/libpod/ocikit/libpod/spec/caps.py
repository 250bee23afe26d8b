"""Capability sets from ``--cap-add`` and ``--cap-drop``."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod.spec.defaults import ALL_CAPS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def normalize(names: Iterable[str]) -> list[str]:
    """Upper case with the CAP_ prefix; "ALL" stays. Raises OcikitError on a name that the kernel does not know."""
    result = []
    for name in names:
        upper = name.strip().upper()
        if upper != "ALL" and not upper.startswith("CAP_"):
            upper = "CAP_" + upper
        if upper != "ALL" and upper not in ALL_CAPS:
            raise OcikitError(f'"{upper}": unknown capability')
        result.append(upper)
    return result


def merge(base: Sequence[str], add: Sequence[str], drop: Sequence[str], bounding: Sequence[str]) -> list[str]:
    """The capabilities of a container, sorted by name.

    ``base`` are the defaults (containers.conf), ``bounding`` is what this process may hand out at all.
    ``ALL`` in both lists is a conflict, as is one name in both (podman-run(1), --cap-add).
    """
    # containers.conf may write CHOWN for CAP_CHOWN (Debian's does); a runtime ignores a name that it does not know.
    base = normalize(base)
    if not add and not drop:
        return sorted(base)
    adds, drops = normalize(add), normalize(drop)
    if "ALL" in drops:
        if "ALL" in adds:
            raise OcikitError("adding all caps and removing all caps not allowed")
        return sorted(set(adds))
    for name in adds:
        if name != "ALL" and name in drops:
            raise OcikitError(f'capability "{name}" cannot be dropped and added')
    start = set(bounding) if "ALL" in adds else set(base) | {cap for cap in adds if cap != "ALL"}
    return sorted(start - set(drops))
