"""Help texts, made by click from the declarations."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context


def show_topic(context: Context, path: str) -> int:
    """Prints the help of a command or group; of the program, after saying so, where the words are neither."""
    program = context.program
    words = path.split()
    path = ""
    for i, word in enumerate(words):
        path = f"{path} {word}".lstrip()
        path = program.aliases.get(path, path)
        if path in program.index:
            break
        if path not in program.groups:
            sys.stderr.write(f"Unknown help topic [{' '.join([f'`{word}`' for word in words[i:]])}]\n")
            path = ""
            break
    show(context, path)
    return 0


def show(context: Context, path: str) -> None:
    """Prints the help of a path."""
    sys.stdout.write(text(context, path))


def text(context: Context, path: str) -> str:
    """The help of a path."""
    import click

    from ocikit.common.cli.clicked import build
    from ocikit.common.cli.layout import terminal_width

    command = build(context.program, path)
    assert command is not None
    width = terminal_width()
    with click.Context(command, info_name=context.program.name, terminal_width=width, max_content_width=width) as ctx:
        formatter = ctx.make_formatter()
        command.format_help(ctx, formatter)
        return formatter.getvalue()
