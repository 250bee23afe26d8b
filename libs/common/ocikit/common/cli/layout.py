"""Where the parts of a help text stand: Podman's own layout, and cobra's for buildah and skopeo."""

from __future__ import annotations

import sys

import click

from ocikit.common.cli.clicked import FlagOption, Helped, OneGroup, aliases


def terminal_width() -> int:
    """Columns to wrap help to; unlimited where no terminal reads it."""
    if not sys.stdout.isatty():
        return 10_000
    import shutil

    return shutil.get_terminal_size().columns


def write(command: Helped, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    """Writes the help of a command or group."""
    if command.oci_program.error_style == "podman":
        _podman(command, ctx, formatter)
    else:
        _cobra(command, ctx, formatter)


def _section(formatter: click.HelpFormatter, title: str, lines: list[str], indent: str = "  ") -> None:
    formatter.write(f"{title}:\n" + "".join([f"{indent}{line}".rstrip() + "\n" for line in lines]) + "\n")


def _commands(command: OneGroup, formatter: click.HelpFormatter) -> None:
    lines = command.lines()
    # Never narrower than cobra's eleven, so that short lists look alike.
    width = max(11, *(len(name) for name in lines)) if lines else 11
    rows = [f"{name:{width}} {lines[name]}" for name in sorted(lines)]
    _section(formatter, "Available Commands", rows)


def _options(command: Helped, ctx: click.Context, formatter: click.HelpFormatter, title: str) -> None:
    flags = [param for param in command.params if isinstance(param, FlagOption)]
    params = sorted(flags, key=lambda param: param.flag.name)
    records = [record for param in params if (record := param.get_help_record(ctx))]
    if not records:
        return
    width = max(len(left) for left, _ in records) + 3
    lines = []
    for left, text in records:
        room = max(formatter.width - width - 2, 20)
        wrapped = click.formatting.wrap_text(text, room).splitlines() or [""]
        lines.append(f"{left:{width}}{wrapped[0]}")
        lines += [" " * width + line for line in wrapped[1:]]
    _section(formatter, title, lines)


def _podman(command: Helped, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    program, path = command.oci_program, command.oci_path
    full = f"{program.name} {path}".rstrip()
    declared = command.oci_command
    short = command.short_help if declared else command.help
    formatter.write(f"{short}\n\n")
    if path:
        _section(formatter, "Description", (command.help or "").splitlines() or [""])
    tail = ("[options] [command]" if not path else "[command]") if declared is None else declared.use.partition(" ")[2]
    _section(formatter, "Usage", [f"{full} {tail}"])
    names = aliases(program, path)
    if names:
        _section(formatter, "Aliases", [", ".join(names)])
    if declared is not None and declared.example:
        _section(formatter, "Examples", declared.example.splitlines())
    if isinstance(command, OneGroup):
        _commands(command, formatter)
    _options(command, ctx, formatter, "Options")


def _cobra(command: Helped, ctx: click.Context, formatter: click.HelpFormatter) -> None:
    program, path = command.oci_program, command.oci_path
    full = f"{program.name} {path}".rstrip()
    declared = command.oci_command
    text = command.help or ""
    if declared is not None and program.error_style == "buildah":
        formatter.write("\n")
        text = "\n".join([f"  {line}" for line in text.splitlines()])
    formatter.write(f"{text}\n\n")
    if declared is None:
        usages = [f"{full} [flags]", f"{full} [command]"] if not path else [f"{full} [command]"]
        _section(formatter, "Usage", usages)
    else:
        usage = f"{full} {declared.use.partition(' ')[2]}".rstrip()
        _section(formatter, "Usage", [usage], "" if program.error_style == "skopeo" else "  ")
    names = aliases(program, path)
    if names:
        _section(formatter, "Aliases", [", ".join(names)])
    if declared is not None and declared.example:
        _section(formatter, "Examples", declared.example.splitlines())
    if isinstance(command, OneGroup):
        _commands(command, formatter)
    _options(command, ctx, formatter, "Flags")
    if isinstance(command, OneGroup):
        formatter.write(f'Use "{full} [command] --help" for more information about a command.\n')
