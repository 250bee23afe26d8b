"""From the words to the command: finds its module by name, parses, runs, prints what went wrong in one place."""

from __future__ import annotations

import sys
from os import environ

from ocikit.common import log
from ocikit.common.cli.declare import Flag, Values
from ocikit.common.cli.parse import HelpWanted, parse
from ocikit.common.errors import OcikitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from ocikit.common.cli.declare import Command, Program

HELP = Flag("help", "bool", help="Help for this command")
# Cobra's own -h letter, which buildah and skopeo show and podman does not.
HELP_H = Flag("help", "bool", "h", help="Help for this command")


class CommandUnknown(UsageError):
    """A word that is no command; the message is complete with suggestions and hint."""


class Context:
    """What a command knows besides its own flags: the program, its global flags and under which path it was called."""

    __slots__ = ("argv", "globals", "path", "program")

    def __init__(self, program: Program, globals_: Values, path: str = "", argv: Sequence[str] = ()) -> None:
        self.program = program
        self.globals = globals_
        self.path = path
        self.argv = argv

    @property
    def full_path(self) -> str:
        """The command as the user would type it: "podman container ls"."""
        return f"{self.program.name} {self.path}".rstrip()

    def warn(self, message: str) -> None:
        """Prints a warning on standard error."""
        log.warning(message)


def main(program: Program, argv: Sequence[str] | None = None) -> int:
    """Runs a command line and returns the exit code; every error is printed here, as one sentence."""
    argv = sys.argv[1:] if argv is None else argv
    context = Context(program, Values((*program.flags, _help_flag(program))), "", argv)
    try:
        instruction = environ.get(f"_{program.name.upper()}_COMPLETE")
        if instruction:
            from ocikit.common.cli.completion import answer

            return answer(context, instruction)
        code = dispatch(context, argv)
        sys.stdout.flush()
        return code
    except BrokenPipeError:
        return _die_of(13)
    except KeyboardInterrupt:
        return _die_of(2)
    except Exception as error:
        try:
            sys.stdout.flush()
        except OSError:
            pass
        from ocikit.common.cli.failure import report

        return report(context, error)


def _help_flag(program: Program) -> Flag:
    return HELP if program.error_style == "podman" else HELP_H


def _die_of(number: int) -> int:
    """Ends by the signal's default action, as a program that knows nothing of it would: shells look at that."""
    import _signal  # type: ignore[import-not-found]  # the C half of signal, without enum
    import os

    try:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, 1)
    except OSError:
        pass
    _signal.signal(number, _signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number


def leave(code: int) -> None:
    """Ends the process, without taking the interpreter apart first (1-3 ms) where nothing waits for that."""
    import atexit
    import os

    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except (OSError, ValueError):
        code = code or 1
    if "threading" not in sys.modules and not atexit._ncallbacks():
        os._exit(code)
    sys.exit(code)


def dispatch(context: Context, argv: Sequence[str]) -> int:
    """Finds the command and runs it. Errors are raised."""
    program, globals_ = context.program, context.globals
    scopes: list[Values] = [globals_]
    rest: Sequence[str] = argv
    path = ""
    while True:
        try:
            words = parse(rest, scopes, interspersed=False, aliases=program.flag_aliases)
        except HelpWanted:
            return _help(context, path)
        except OcikitError:
            context.path = path
            raise
        if not path and globals_.get("version"):
            sys.stdout.write(f"{program.name} version {program.version} {program.version_note}".rstrip() + "\n")
            return 0
        if not words or globals_.help:
            return _group(context, path, words)
        path = f"{path} {words[0]}".lstrip()
        rest = words[1:]
        path = program.aliases.get(path, path)
        if path in program.index:
            return run_command(context, path, rest)
        if path not in program.groups:
            return _builtin(context, path, words[0], rest)


def _group(context: Context, path: str, words: Sequence[str]) -> int:
    """The program or a group without a command: help, which is an error in podman unless it was asked for."""
    from ocikit.common.cli.help import show

    style = context.program.error_style
    if path and not any(known.startswith(f"{path} ") for known in context.program.index):
        from ocikit.common.cli.failure import unknown_command

        return unknown_command(context, path, path.rpartition(" ")[2])
    context.path = path
    if context.globals.help:
        return _help(context, " ".join((path, *words[:1])).strip() if words else path)
    if style == "skopeo" and not path:
        raise UsageError("Missing command 'skopeo COMMAND'\nTry 'skopeo --help' for more information")
    show(context, path)
    if style == "podman":
        raise UsageError(f"missing command '{context.full_path} COMMAND'", hint="-")
    return 0


def _builtin(context: Context, path: str, word: str, rest: Sequence[str]) -> int:
    """Words that every program knows without an index entry, and words that nobody knows."""
    if path == "help":
        return _help(context, " ".join(word for word in rest if not word.startswith("-")))
    if path in ("completion", "__complete", "__completeNoDesc"):
        from ocikit.common.cli.completion import main as completion

        return completion(context, path, rest)
    from ocikit.common.cli.failure import unknown_command

    return unknown_command(context, path, word)


def _help(context: Context, path: str) -> int:
    from ocikit.common.cli.help import show_topic

    return show_topic(context, path)


def load(module: str) -> Command:
    """The declaration in a command's module."""
    __import__(module)
    command: Command = sys.modules[module].COMMAND
    return command


def run_command(context: Context, path: str, argv: Sequence[str]) -> int:
    """Parses the words of one command and calls its ``run``."""
    program = context.program
    context.path = path
    module = program.index[path][0]
    command = load(module)
    globals_ = context.globals
    values = Values((*command.flags, _help_flag(program)))
    try:
        words = parse(argv, (values, globals_), command.interspersed, program.flag_aliases)
    except HelpWanted:
        return _help(context, path)
    if values.help or globals_.help:
        return _help(context, path)
    complaint = command.args(words, context.full_path)
    if complaint:
        if complaint.startswith("`") and program.error_style != "podman":
            complaint = f'unknown command "{words[0]}" for "{context.full_path}"'  # cobra's own words
        raise UsageError(complaint, hint="-")
    if globals_.changed("log-level") or globals_.get("debug"):
        code = set_log_level(context)
        if code:
            return code
    if program.prepare is not None:
        program.prepare(context)
    result: int = sys.modules[module].run(context, values, words)
    return result


def set_log_level(context: Context) -> int:
    """Obeys --log-level and --debug; returns an exit code, 0 for "go on"."""
    name = "debug" if context.globals.get("debug") else context.globals.log_level
    try:
        log.set_level(name)
    except ValueError:
        # Podman prints this one without "Error: " and ends with 1.
        sys.stderr.write(f'Log Level "{name}" is not supported, choose from: {", ".join(log.LEVELS)}\n')
        return 1
    return 0
