"""The declarations as click commands: what help and completion are made from. Loaded only when those are asked for."""

from __future__ import annotations

import click

from ocikit.common.cli.declare import Command, Flag, Program
from ocikit.common.cli.program import HELP_H, load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_TYPES: dict[str, Any] = {
    "bool": click.BOOL,
    "int": click.INT,
    "uint": click.IntRange(0),
    "float": click.FLOAT,
    "count": click.INT,
}
_REPEATED = ("strings", "stringArray", "ints", "uints", "map")


class FlagOption(click.Option):
    """One flag as an option of click, remembering its declaration."""

    def __init__(self, flag: Flag) -> None:
        words = [f"--{flag.name}"]
        if flag.short:
            words.insert(0, f"-{flag.short}")
        options: dict[str, Any] = {"help": flag.help, "hidden": flag.hidden, "expose_value": False}
        if flag.kind == "bool":
            options |= {"is_flag": True, "default": bool(flag.default)}
        elif flag.kind == "count":
            options["count"] = True
        else:
            options |= {
                "type": click.Choice(list(flag.choices)) if flag.choices else _TYPES.get(flag.kind, click.STRING)
            }
            options["multiple"] = flag.kind in _REPEATED
            if flag.noopt is not None:
                options |= {"is_flag": False, "flag_value": flag.noopt}
        # click makes a Python name of the flag's; those with dots need one given.
        super().__init__([*words, flag.name.replace("-", "_").replace(".", "_")], **options)
        self.flag = flag

    def get_help_record(self, ctx: click.Context) -> tuple[str, str] | None:
        """The two columns of help as pflag lays them out."""
        flag = self.flag
        if flag.hidden:
            return None
        left = f"-{flag.short}, --{flag.name}" if flag.short else f"    --{flag.name}"
        kind = flag.metavar or ("" if flag.kind in ("bool", "count") else flag.kind)
        if kind:
            left += f" {kind}"
        if flag.noopt is not None and flag.kind not in ("bool", "count"):
            left += f'[="{flag.noopt}"]'
        text = flag.help
        default = shown_default(flag)
        if default:
            text += f" (default {default})"
        if flag.unsupported:
            text += " (not supported)"
        return left, text


def shown_default(flag: Flag) -> str:
    """What stands behind "default" in help, or nothing."""
    text = flag.kind in ("string", "duration")
    if flag.shown is not None:
        return f'"{flag.shown}"' if text and flag.shown else flag.shown
    value = flag.default
    if not value or value is None:
        return ""
    if isinstance(value, bool):
        return "true"
    if isinstance(value, (list, tuple)):
        return f"[{','.join(map(str, value))}]"
    return f'"{value}"' if flag.kind == "string" else str(value)


class Helped(click.Command):
    """A command whose help has its tool's layout. ``path`` is its place below the program, "" the program itself."""

    oci_program: Program
    oci_path: str
    oci_command: Command | None = None

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the whole help text."""
        from ocikit.common.cli.layout import write

        write(self, ctx, formatter)


class OneCommand(Helped):
    """A command that does something."""

    def __init__(self, program: Program, path: str) -> None:
        module, line = program.index[path]
        command = load(module)
        flags = command.flags if program.error_style == "podman" else (*command.flags, help_flag(path.split()[-1]))
        super().__init__(
            path.rpartition(" ")[2],
            params=[FlagOption(flag) for flag in flags],
            help=command.long or command.short or line,
            short_help=line,
            add_help_option=False,
            hidden=path in program.hidden,
            context_settings={"allow_interspersed_args": command.interspersed},
        )
        self.oci_program, self.oci_path, self.oci_command = program, path, command


class OneGroup(Helped, click.Group):
    """The program or a group; its commands are loaded when they are asked for."""

    def __init__(self, program: Program, path: str) -> None:
        flags = program.flags if not path else ()
        if program.error_style != "podman":
            flags = (*flags, help_flag(path.split()[-1] if path else program.name))
        super().__init__(
            path.rpartition(" ")[2] or program.name,
            params=[FlagOption(flag) for flag in flags],
            help=program.groups.get(path, program.short),
            add_help_option=False,
            hidden=path in program.hidden,
        )
        self.oci_program, self.oci_path = program, path

    def lines(self) -> dict[str, str]:
        """Name -> one-line help of what is right below, without what is hidden."""
        program, depth = self.oci_program, len(self.oci_path.split())
        found: dict[str, str] = {}
        entries = [(path, entry[1]) for path, entry in program.index.items()]
        for path, line in (*entries, *filled_groups(program).items()):
            parts = path.split()
            if len(parts) == depth + 1 and " ".join(parts[:depth]) == self.oci_path and path not in program.hidden:
                found[parts[-1]] = line
        if not self.oci_path:
            found.setdefault("help", "Help about any command")
        return found

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of what is right below."""
        return sorted(self.lines())

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command or group of that name or alias."""
        program = self.oci_program
        path = f"{self.oci_path} {cmd_name}".lstrip()
        return build(program, program.aliases.get(path, path))


def filled_groups(program: Program) -> dict[str, str]:
    """The groups that have commands; one that has none yet is not offered."""
    return {
        group: line
        for group, line in program.groups.items()
        if any(path.startswith(f"{group} ") for path in program.index)
    }


def help_flag(name: str) -> Flag:
    """-h, --help as buildah and skopeo show it."""
    return HELP_H.but(help=f"help for {name}")


def build(program: Program, path: str) -> Helped | None:
    """The click command of a path; None if there is no such path."""
    if path in program.index:
        return OneCommand(program, path)
    if not path or path in program.groups:
        return OneGroup(program, path)
    return None


def aliases(program: Program, path: str) -> list[str]:
    """The command's own name and the other names under which it stands in the same group."""
    parent = path.rpartition(" ")[0]
    others = [alias for alias, target in program.aliases.items() if target == path]
    names = [alias.rpartition(" ")[2] for alias in others if alias.rpartition(" ")[0] == parent]
    return [path.rpartition(" ")[2], *names] if names else []
