"""What a user sees when something went wrong: one sentence, what to do about it, the exit code."""

from __future__ import annotations

import sys

from ocikit.common import log
from ocikit.common.errors import OcikitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context


def report(context: Context, error: Exception) -> int:
    """Prints the error in the program's style and returns the exit code."""
    if log.level <= 10:
        import traceback

        traceback.print_exception(error)
    style = context.program.error_style
    message, hint, code = describe(error)
    if isinstance(error, UsageError) and not hint and style == "podman":
        hint = f"See '{context.full_path} --help'"
    if hint == "-":
        hint = ""
    if style == "skopeo":
        code = 1 if code == 125 else code
        log.write("fatal", message + (f"\n{hint}" if hint else ""))
        return code
    sys.stderr.write(f"Error: {message}\n")
    if hint:
        sys.stderr.write(hint + "\n")
    return code


def describe(error: Exception) -> tuple[str, str, int]:
    """(sentence, hint, exit code) of any exception."""
    if isinstance(error, OcikitError):
        return str(error), error.hint, error.exit_code
    if isinstance(error, OSError) and error.strerror:
        name = error.filename
        if isinstance(name, bytes):
            name = name.decode(errors="surrogateescape")
        where = f"{name}: " if name is not None else ""
        return f"{where}{error.strerror.lower()}", "", 125
    if isinstance(error, RecursionError):
        return "the input is nested too deeply", "", 125
    if isinstance(error, MemoryError):
        return "not enough memory", "", 125
    text = str(error) or type(error).__name__
    hint = "This is a fault in ocikit; run again with --log-level=debug to see where."
    return f"internal error: {type(error).__name__}: {text}", hint, 125


def unknown_command(context: Context, path: str, word: str) -> int:
    """A word that is no command of the program or the group."""
    program = context.program
    parent = path.rpartition(" ")[0]
    full = f"{program.name} {parent}".rstrip()
    similar = suggestions(word, siblings(context, parent))
    block = "\n\nDid you mean this?\n" + "".join(f"\t{name}\n" for name in similar) if similar else ""
    if program.error_style == "buildah":
        if parent:
            from ocikit.common.cli.help import show

            show(context, parent)
            return 0
        raise UsageError(f'unknown command "{word}" for "{full}"{block}', hint="-")
    lead = "Unrecognized" if program.error_style == "skopeo" else "unrecognized"
    raise UsageError(f"{lead} command `{full} {word}`{block}\nTry '{full} --help' for more information", hint="-")


def siblings(context: Context, parent: str) -> list[str]:
    """Names of the visible commands and groups right below a group."""
    depth = len(parent.split())
    names: list[str] = []
    program = context.program
    groups = [group for group in program.groups if any(path.startswith(f"{group} ") for path in program.index)]
    for path in (*program.index, *groups):
        parts = path.split()
        if len(parts) != depth + 1 or " ".join(parts[:depth]) != parent:
            continue
        if path not in program.hidden and parts[-1] not in names:
            names.append(parts[-1])
    return names


def suggestions(word: str, names: list[str]) -> list[str]:
    """The names that are at most two edits away, or begin with the word; cobra's rule."""
    word = word.lower()
    return [name for name in names if distance(word, name.lower()) <= 2 or name.lower().startswith(word)]


def distance(one: str, two: str) -> int:
    """Levenshtein's distance."""
    row = list(range(len(two) + 1))
    for i, a in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(two, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
