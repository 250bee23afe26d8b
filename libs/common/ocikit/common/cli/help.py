"""Help texts in the layout of each tool."""

from __future__ import annotations

import sys

from ocikit.common.cli.program import load

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Flag
    from ocikit.common.cli.program import Context


def show_topic(context: Context, path: str) -> int:
    """Help of one command or group; an unknown one is said to be unknown."""
    program = context.program
    path = program.aliases.get(path, path)
    if path and path not in program.index and path not in program.groups:
        sys.stderr.write(f"Unknown help topic [`{path}`]\n")
        path = ""
    show(context, path)
    return 0


def show(context: Context, path: str) -> None:
    """Prints the help of a path."""
    sys.stdout.write(text(context, path))


def text(context: Context, path: str) -> str:
    """The help of a path."""
    program = context.program
    full = f"{program.name} {path}".rstrip()
    out: list[str] = []
    if path in program.index:
        command = load(program.index[path][0])
        out += [command.short or program.index[path][1], "", "Description:", f"  {command.long or command.short}", ""]
        tail = command.use.partition(" ")[2]
        out += ["Usage:", f"  {full} {tail}".rstrip(), ""]
        if command.example:
            out += ["Examples:", *(f"  {line}" for line in command.example.splitlines()), ""]
        flags: tuple[Flag, ...] = command.flags
    else:
        out += [program.groups.get(path, program.short), "", "Usage:", f"  {full} [options] [command]", ""]
        names = {}
        depth = len(path.split())
        for entry, value in (*program.index.items(), *((key, ("", line)) for key, line in program.groups.items())):
            parts = entry.split()
            if len(parts) == depth + 1 and " ".join(parts[:depth]) == path and entry not in program.hidden:
                names[parts[-1]] = value[1]
        out.append("Available Commands:")
        width = max(map(len, names), default=0) + 1
        out += [f"  {name:{width}}{line}" for name, line in sorted(names.items())]
        out.append("")
        flags = program.flags if not path else ()
    rows = []
    for flag in sorted(flags, key=lambda flag: flag.name):
        if not flag.hidden:
            left = f"-{flag.short}, " if flag.short else "    "
            left += f"--{flag.name}" + ("" if flag.kind == "bool" else f" {flag.metavar or flag.kind}")
            rows.append((left, flag.help))
    if rows:
        width = max(len(left) for left, _ in rows) + 3
        out += ["Options:", *(f"  {left:{width}}{line}" for left, line in rows), ""]
    return "\n".join(out)
