"""Shell completion: click's scripts and protocol, our own parser to find out where in the command line we are.

``PROGRAM completion bash|zsh|fish`` prints the script. ``PROGRAM __complete WORDS...`` answers in cobra's protocol, so
that a distribution's completion files for the Go tools work too.
"""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, Values, at_most
from ocikit.common.cli.parse import HelpWanted, parse
from ocikit.common.cli.program import HELP_H, Context, load
from ocikit.common.errors import OcikitError, Unsupported, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.common.cli.declare import Program

COMMAND = Command(
    use="completion [options] {bash|zsh|fish|powershell}",
    short="Generate shell autocompletions",
    flags=(
        Flag("file", short="f", help="Write the script to this file", complete="files"),
        Flag("no-desc", "bool", help="Complete names without descriptions"),
    ),
    args=at_most(1),
)
SHELLS = ("bash", "zsh", "fish")


class Candidate:
    """One completion. kind: "plain", or "file" and "dir" to let the shell complete paths."""

    __slots__ = ("help", "kind", "value")

    def __init__(self, value: str, help: str = "", kind: str = "plain") -> None:
        self.value = value
        self.help = help
        self.kind = kind


def main(context: Context, path: str, argv: Sequence[str]) -> int:
    """The words "completion", "__complete" and "__completeNoDesc" of every program."""
    if path != "completion":
        return _cobra(context, argv, describe=path == "__complete")
    context.path = "completion"
    values = Values((*COMMAND.flags, HELP_H))
    try:
        words = parse(argv, (values, context.globals))
    except HelpWanted:
        words, values = [], values
        values.set("help", True)
    if values.help or not words:
        return _usage(context, bool(values.help))
    if words[0] == "powershell":
        raise Unsupported("there is no completion for PowerShell", hint="Choose from: bash, zsh, fish")
    if words[0] not in SHELLS:
        raise UsageError(f'invalid argument "{words[0]}" for "{context.full_path}"')
    script = source(context.program, words[0], describe=not values.no_desc)
    if values.file:
        with open(values.file, "w") as file:
            file.write(script)
    else:
        sys.stdout.write(script)
    return 0


def _usage(context: Context, wanted: bool) -> int:
    text = f"{COMMAND.short}\n\nUsage:\n  {context.program.name} {COMMAND.use}\n"
    if not wanted:
        raise UsageError("accepts 1 arg(s), received 0")
    sys.stdout.write(text)
    return 0


def variable(program: Program) -> str:
    """The environment variable by which the script asks."""
    return f"_{program.name.upper()}_COMPLETE"


def source(program: Program, shell: str, describe: bool = True) -> str:
    """The script that a shell reads."""
    from click.shell_completion import get_completion_class

    made = get_completion_class(shell)
    assert made is not None
    from ocikit.common.cli.clicked import build

    command = build(program, "")
    assert command is not None
    if shell == "bash":
        # Packages are built where no bash may be; click's own would look at its version.
        made = type("Bash", (made,), {"_check_version": staticmethod(lambda: None)})
    script = made(command, {}, program.name, variable(program)).source()
    return script if describe else script.replace(f"={shell}_complete", f"={shell}_complete_nodesc")


def answer(context: Context, instruction: str) -> int:
    """What the script asks for through the environment: "bash_complete", "zsh_complete_nodesc", ..."""
    from click.shell_completion import CompletionItem, get_completion_class

    from ocikit.common.cli.clicked import build

    shell, _, rest = instruction.partition("_")
    made = get_completion_class(shell)
    command = build(context.program, "")
    if made is None or command is None:
        return 1
    if rest == "source":
        sys.stdout.write(source(context.program, shell))
        return 0
    asking = made(command, {}, context.program.name, variable(context.program))
    words, incomplete = asking.get_completion_args()
    cut = ""
    if shell == "bash":
        words, incomplete, cut = _bash_words(words, incomplete)
    for found in candidates(context, words, incomplete):
        value = found.value
        if cut and found.kind == "plain":
            if not value.startswith(cut):
                continue
            value = value[len(cut) :]
        description = None if rest.endswith("nodesc") else found.help or None
        sys.stdout.write(asking.format_completion(CompletionItem(value, type=found.kind, help=description)) + "\n")
    return 0


def _bash_words(words: list[str], incomplete: str) -> tuple[list[str], str, str]:
    """Joins what bash took apart at "=" and ":"; the third value is the part that bash will not replace."""
    joined: list[str] = []
    glue = False
    for word in [*words, incomplete]:
        if joined and (glue or word in ("=", ":")):
            joined[-1] += word
            glue = word in ("=", ":")
        else:
            joined.append(word)
    last = joined.pop()
    kept = max(last.rfind("="), last.rfind(":")) + 1
    return joined, last, last[:kept]


def _cobra(context: Context, argv: Sequence[str], describe: bool) -> int:
    *words, incomplete = argv or [""]
    directive = 4  # no files
    for found in candidates(context, words, incomplete):
        if found.kind == "plain":
            sys.stdout.write(f"{found.value}\t{found.help}\n" if describe and found.help else f"{found.value}\n")
        else:
            directive = 16 if found.kind == "dir" else 0
    sys.stdout.write(f":{directive}\n")
    return 0


def candidates(context: Context, words: Sequence[str], incomplete: str) -> list[Candidate]:
    """What may stand in place of ``incomplete`` after ``words``. Never fails: at worst there is nothing to offer."""
    program = context.program
    located = _locate(program, words, context.globals)
    if located is None:
        return []
    path, flags, rest, command = located
    known = Values((HELP_H, *program.flags, *flags))  # a command's own flag of a global name comes first
    words_given, pending = _state(known, rest, command)
    for declared in program.flags:
        # A store is opened where the line that is being typed says, not where the default is.
        if (
            known.changed(declared.name)
            and known._flags[declared.name] is declared
            and declared.name in context.globals
        ):
            context.globals.set(declared.name, known[declared.name])
    if pending is not None:
        return _values(context, pending, incomplete, known)
    if incomplete.startswith("--") and "=" in incomplete:
        name, _, start = incomplete[2:].partition("=")
        flag = known._flags.get(name)
        found = _values(context, flag, start, known) if flag else []
        return [Candidate(f"--{name}={item.value}", item.help) if item.kind == "plain" else item for item in found]
    ended = "--" in rest or (command is not None and not command.interspersed and bool(words_given))
    if incomplete.startswith("-") and not ended:
        visible = [flag for flag in known.flags() if not flag.hidden]
        return [Candidate(f"--{flag.name}", flag.help) for flag in visible if f"--{flag.name}".startswith(incomplete)]
    if command is None:
        return _names(program, path, incomplete)
    most = getattr(command.args, "high", None)
    if most is not None and len(words_given) >= most:
        return []
    if not command.complete:
        return [Candidate(incomplete, kind="file")]
    wanted = command.complete
    name = wanted if isinstance(wanted, str) else wanted[min(len(words_given), len(wanted) - 1)]
    if not command.interspersed and words_given and isinstance(wanted, str):
        return [Candidate(incomplete, kind="file")]  # the words of the container's own command
    return [item for item in complete(context, name, incomplete, known) if item.value not in words_given]


def _locate(
    program: Program, words: Sequence[str], globals_: Values
) -> tuple[str, tuple[Flag, ...], list[str], Command | None] | None:
    """(path, flags, words after the path, command) of where the command line has got to; None where nobody knows."""
    path, rest = "", list(words)
    while True:
        try:
            left = parse(rest, (globals_, Values((*program.flags, HELP_H))), interspersed=False)
        except (OcikitError, HelpWanted):
            return path, (), rest, None
        if not left:
            return path, (), rest, None
        longer = f"{path} {left[0]}".lstrip()
        longer = program.aliases.get(longer, longer)
        if longer in program.index:
            command = load(program.index[longer][0])
            return longer, command.flags, left[1:], command
        if longer not in program.groups:
            return None
        path, rest = longer, left[1:]


def _state(known: Values, rest: list[str], command: Command | None) -> tuple[list[str], Flag | None]:
    """The words so far, and the flag that waits for its value, if one does."""
    interspersed = command is None or command.interspersed
    try:
        return parse(rest, (known,), interspersed), None
    except HelpWanted:
        return [], None
    except UsageError as error:
        if not rest or not str(error).startswith("flag needs an argument"):
            return [], None
    last = rest[-1]
    flag = known._flags.get(last[2:]) if last.startswith("--") else known._shorts.get(last[-1])
    try:
        return parse(rest[:-1], (known,), interspersed), flag
    except (OcikitError, HelpWanted):
        return [], flag


def _values(context: Context, flag: Flag, incomplete: str, given: Values) -> list[Candidate]:
    if flag.choices:
        return [Candidate(choice) for choice in flag.choices if choice and choice.startswith(incomplete)]
    if flag.kind == "bool":
        return [Candidate(word) for word in ("true", "false") if word.startswith(incomplete)]
    return complete(context, flag.complete, incomplete, given)


def _names(program: Program, path: str, incomplete: str) -> list[Candidate]:
    from ocikit.common.cli.clicked import OneGroup

    lines = OneGroup(program, path).lines()
    if not path:
        lines.setdefault("completion", COMMAND.short)
    return [Candidate(name, line) for name, line in sorted(lines.items()) if name.startswith(incomplete)]


def complete(context: Context, name: str, incomplete: str, given: Values) -> list[Candidate]:
    """Asks the completer of that name: the program's own, or one that every program has."""
    if name in ("files", "dirs"):
        return [Candidate(incomplete, kind=name[:-1])]
    if not name or name == "none":
        return []
    found: Sequence[str | tuple[str, str]] = ()
    from ocikit.common.cli import completers

    try:
        module = context.program.completers
        own = None
        if module:
            try:
                __import__(module)
                own = getattr(sys.modules[module], name, None)
            except ModuleNotFoundError as error:
                if error.name != module:
                    raise
        completer = own or getattr(completers, name, None)
        if completer is not None:
            found = completer(context, incomplete)
    except Exception as error:  # a shell waits for an answer; a store that is locked or missing has none
        from ocikit.common import log

        log.debug("completing %s: %s", name, error)
    items = [Candidate(*item) if isinstance(item, tuple) else Candidate(item) for item in found]
    return [item for item in items if item.value.startswith(incomplete)]
