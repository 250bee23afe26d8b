"""Commands that podman has as well: the shared declaration, with buildah's flags and name."""

from __future__ import annotations

from ocikit.common.cli.declare import Command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from ocikit.common.cli.declare import Flag

# The Go tools differ in these, and scripts may depend on it.
_KINDS = {"add-compression": "stringArray", "decryption-key": "strings", "encryption-key": "strings", "retry": "int"}
_NO_LETTER = ("amend",)


def _adapted(flag: Flag) -> Flag:
    if flag.name in _NO_LETTER:
        return flag.but(short="")
    return flag.but(kind=_KINDS[flag.name]) if flag.name in _KINDS else flag


def ours(command: Command, *, without: Iterable[str] = (), plus: Iterable[Flag] = ()) -> Command:
    """The command without some flags and with others; a flag in ``plus`` replaces the one of the same name."""
    added = {flag.name: flag for flag in plus}
    gone = {*without, *added}
    flags = [*(_adapted(flag) for flag in command.flags if flag.name not in gone), *map(_adapted, added.values())]
    return command.but(
        flags=sorted(flags, key=lambda flag: flag.name), example=command.example.replace("podman ", "buildah ")
    )
