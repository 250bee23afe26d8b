"""Groups of flags that several commands share, one module a group: ``registry``, ``container``, ``build``, ``output``.

A group is a tuple of ``Flag``; a command takes it whole (``flags=(*OUTPUT, ...)``), by name (``pick``) or without some
(``without``). Every flag of a group must act in the command that takes it, or be given a reason there:
``unsupported(FLAGS, {"gpus": "there is no GPU support"})``.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from ocikit.common.cli.declare import Flag


def pick(flags: Iterable[Flag], *names: str) -> tuple[Flag, ...]:
    """The flags of these names, in this order."""
    known = {flag.name: flag for flag in flags}
    return tuple([known[name] for name in names])


def without(flags: Iterable[Flag], *names: str) -> tuple[Flag, ...]:
    """All flags but these."""
    return tuple([flag for flag in flags if flag.name not in names])


def unsupported(flags: Iterable[Flag], reasons: Mapping[str, str]) -> tuple[Flag, ...]:
    """The same flags; those named in ``reasons`` fail with that reason when they are used."""
    return tuple([flag.but(unsupported=reasons[flag.name]) if flag.name in reasons else flag for flag in flags])
