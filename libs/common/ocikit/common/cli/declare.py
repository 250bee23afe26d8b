"""Words and flags of a command as data. Loaded by every command, so it imports nothing and makes no dataclasses."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

# What each kind holds before the user says anything. Lists are copied for each command line.
ZERO: dict[str, Any] = {
    "bool": False,
    "string": "",
    "strings": [],
    "stringArray": [],
    "int": 0,
    "uint": 0,
    "float": 0.0,
    "duration": 0.0,
    "count": 0,
    "ints": [],
    "uints": [],
    "map": {},
}


class Flag:
    """One flag.

    kind: ``bool``, ``string``, ``strings`` (repeats, commas split as CSV), ``stringArray`` (repeats, no split),
    ``int``, ``uint``, ``float``, ``duration`` (Go's form; the value is seconds), ``count``, ``ints``, ``uints``,
    ``map`` (a=b,c=d).
    noopt: the value when the flag is given without "=value" (a bool has "true").
    metavar: what help calls the value; default: the kind. shown: the default as help prints it, where it differs.
    choices: the only values accepted. complete: name of a completer ("images", "containers", "files", "none", ...).
    aliases: other long names, not shown. unsupported: a reason; using the flag fails with that sentence.
    ours: true for a flag that Podman does not have.
    """

    __slots__ = (
        "aliases",
        "choices",
        "complete",
        "default",
        "help",
        "hidden",
        "kind",
        "metavar",
        "name",
        "noopt",
        "ours",
        "short",
        "shown",
        "unsupported",
    )

    def __init__(
        self,
        name: str,
        kind: str = "string",
        short: str = "",
        default: Any = None,
        help: str = "",
        metavar: str = "",
        noopt: str | None = None,
        choices: Sequence[str] = (),
        complete: str = "",
        hidden: bool = False,
        aliases: Sequence[str] = (),
        unsupported: str = "",
        shown: str | None = None,
        ours: bool = False,
    ) -> None:
        self.name = name
        self.kind = kind
        self.short = short
        self.default = ZERO[kind] if default is None else default
        self.help = help
        self.metavar = metavar
        self.noopt = (
            "true" if noopt is None and kind == "bool" else "+1" if noopt is None and kind == "count" else noopt
        )
        self.choices = choices
        self.complete = complete
        self.hidden = hidden
        self.aliases = aliases
        self.unsupported = unsupported
        self.shown = shown
        self.ours = ours

    def __repr__(self) -> str:
        return f"Flag({self.name!r}, {self.kind!r})"

    def but(self, **changes: Any) -> Flag:
        """A copy with some attributes changed: the same flag with another default or help."""
        copy = Flag.__new__(Flag)
        for key in Flag.__slots__:
            setattr(copy, key, changes.pop(key) if key in changes else getattr(self, key))
        if changes:
            raise TypeError(f"a flag has no {', '.join(changes)}")
        return copy


class Args:
    """How many words a command takes. Called with (words, full command path); returns a sentence or ``""``."""

    __slots__ = ("high", "low", "message")

    def __init__(self, low: int, high: int | None, message: str = "") -> None:
        self.low = low
        self.high = high
        self.message = message

    def __call__(self, words: Sequence[str], path: str) -> str:
        count, low, high = len(words), self.low, self.high
        if count >= low and (high is None or count <= high):
            return ""
        if self.message:
            return self.message.replace("{path}", path)
        if high == 0:
            return f"`{path}` takes no arguments"
        if high is None:
            return f"requires at least {low} arg(s), only received {count}"
        if low == 0:
            return f"accepts at most {high} arg(s), received {count}"
        if low == high:
            return f"accepts {low} arg(s), received {count}"
        return f"accepts between {low} and {high} arg(s), received {count}"


def none(message: str = "") -> Args:
    """No words. ``message`` (here and below) replaces the usual sentence; ``{path}`` in it is the command's path."""
    return Args(0, 0, message)


def any_args() -> Args:
    """Any number of words."""
    return Args(0, None)


def exactly(count: int, message: str = "") -> Args:
    """That many words."""
    return Args(count, count, message)


def at_least(count: int, message: str = "") -> Args:
    """That many words or more."""
    return Args(count, None, message)


def at_most(count: int, message: str = "") -> Args:
    """Up to that many words."""
    return Args(0, count, message)


def between(low: int, high: int, message: str = "") -> Args:
    """From ``low`` to ``high`` words."""
    return Args(low, high, message)


class Command:
    """One command: how it is called, its help and its flags.

    use: the usage after the program and group names, first word the command's own: ``"ps [options]"``.
    args: how many words, or any callable like ``Args``. interspersed=False: flags end at the first word (run, exec).
    complete: completer of the words; a tuple names one for each position, the last one repeats.
    """

    __slots__ = ("args", "complete", "example", "flags", "interspersed", "long", "short", "use")

    def __init__(
        self,
        use: str,
        short: str = "",
        long: str = "",
        example: str = "",
        flags: Iterable[Flag] = (),
        args: Callable[[Sequence[str], str], str] | None = None,
        interspersed: bool = True,
        complete: str | tuple[str, ...] = "",
    ) -> None:
        self.use = use
        self.short = short
        self.long = long
        self.example = example
        self.flags = tuple(flags)
        self.args = Args(0, None) if args is None else args
        self.interspersed = interspersed
        self.complete = complete

    def but(self, **changes: Any) -> Command:
        """A command that differs in some fields: another tool's, which shares the module."""
        return Command(**{name: getattr(self, name) for name in self.__slots__} | changes)


class Values:
    """What the user said, by flag name: ``opts.no_trunc``, ``opts["no-trunc"]``, ``opts.changed("no-trunc")``.

    A flag that was not given has its default. Lists are lists of str, durations are seconds.
    """

    __slots__ = ("_flags", "_shorts", "_values")

    def __init__(self, flags: Iterable[Flag], **preset: Any) -> None:
        self._flags: dict[str, Flag] = {flag.name: flag for flag in flags}
        self._shorts: dict[str, Flag] = {}
        for flag in self._flags.copy().values():
            if flag.short:
                self._shorts[flag.short] = flag
            for alias in flag.aliases:
                self._flags.setdefault(alias, flag)
        self._values: dict[str, Any] = {name.replace("_", "-"): value for name, value in preset.items()}

    def __getitem__(self, name: str) -> Any:
        values = self._values
        if name in values:
            return values[name]
        flag = self._flags[name]
        default = flag.default
        if isinstance(default, (list, dict)):
            # Not kept: a list that a command appends to must not make the flag look given.
            return default.copy()
        if isinstance(default, tuple):
            return list(default)
        return default

    def __getattr__(self, name: str) -> Any:
        # Only reached for names that are no slots. A flag that was never declared is a mistake in our code.
        try:
            return self[name.replace("_", "-")]
        except KeyError:
            raise AttributeError(f"no flag --{name.replace('_', '-')} was declared") from None

    def __contains__(self, name: str) -> bool:
        return name in self._flags

    def get(self, name: str, default: Any = None) -> Any:
        """The value if that flag is declared, else ``default``: for code shared by commands with different flags."""
        return self[name] if name in self._flags else default

    def changed(self, name: str) -> bool:
        """Whether the user gave the flag (even with its default value)."""
        return name.replace("_", "-") in self._values

    def set(self, name: str, value: Any) -> None:
        """Stores a value as if the user had given it."""
        self._values[name.replace("_", "-")] = value

    def given(self) -> dict[str, Any]:
        """Only what the user gave."""
        return dict(self._values)

    def flags(self) -> list[Flag]:
        """The declared flags, without repeats for aliases, in the order of declaration."""
        return [flag for name, flag in self._flags.items() if name == flag.name]


class Program:
    """A whole tool. ``main`` runs a command line and returns its exit code.

    index: path ("ps", "container ls") -> (module, one-line help); the module is loaded when the command is called and
    has ``COMMAND`` and ``run``.
    groups: path -> one-line help. aliases: path -> path of the same command. hidden: paths that help does not show.
    error_style: "podman", "buildah" or "skopeo"; how errors are printed and which exit code bad usage has.
    prepare: called with the context after parsing, before ``run``.
    completers: module that holds functions named after the ``complete`` of flags and commands.
    services: module that holds what commands shared by several tools need to know of this one (``open_store(ctx)`` ...).
    """

    __slots__ = (
        "aliases",
        "completers",
        "error_style",
        "flag_aliases",
        "flags",
        "groups",
        "hidden",
        "index",
        "name",
        "prepare",
        "services",
        "short",
        "version",
        "version_note",
    )

    def __init__(
        self,
        name: str,
        version: str,
        short: str = "",
        flags: Iterable[Flag] = (),
        index: Mapping[str, tuple[str, str]] | None = None,
        groups: Mapping[str, str] | None = None,
        aliases: Mapping[str, str] | None = None,
        flag_aliases: Mapping[str, str] | None = None,
        error_style: str = "podman",
        prepare: Callable[[Any], None] | None = None,
        completers: str = "",
        hidden: Iterable[str] = (),
        version_note: str = "",
        services: str = "",
    ) -> None:
        self.name = name
        self.version = version
        self.version_note = version_note
        self.short = short
        self.flags = tuple(flags)
        self.index: Mapping[str, tuple[str, str]] = index or {}
        self.groups = groups or {}
        self.aliases = aliases or {}
        self.flag_aliases = flag_aliases or {}
        self.error_style = error_style
        self.prepare = prepare
        self.completers = completers
        self.services = services
        self.hidden = hidden

    def main(self, argv: Sequence[str] | None = None) -> int:
        """Runs the command line (without the program's name) and returns the exit code."""
        from ocikit.common.cli.program import main

        return main(self, argv)

    def main_and_exit(self, argv: Sequence[str] | None = None) -> None:
        """Runs the command line and ends the process; see ``ocikit.common.cli.program.leave``."""
        import gc

        from ocikit.common.cli.program import leave, main

        # A command makes few cycles and ends soon: the collector looked through all modules' objects ten times over,
        # for nothing (a tenth of the time of ``run``). Long-lived commands still collect, just less often.
        gc.set_threshold(100_000, 50, 100)
        leave(main(self, argv))
