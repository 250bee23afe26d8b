#!/usr/bin/env python3
"""Compares the commands and flags that we declare with those of podman 5.8.2, buildah 1.43.1 and skopeo 1.22.2.

    scripts/surface.py              coverage of each tool
    scripts/surface.py -v           and what is missing
    scripts/surface.py podman -v    one tool only

tests/data/cli-surface.json holds what the tools' own --help says: names, letters, types and defaults. Ends with 1 when
something is declared that they do not have, or with another letter or type.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "tests" / "data" / "cli-surface.json"
TOOLS = ("podman", "buildah", "skopeo")
# What the Go tools call a type -> what we may declare it as. Any other name is a placeholder for a value.
KINDS = {
    "bool": {"bool"},
    "int": {"int"},
    "int32": {"int"},
    "uint": {"uint"},
    "float": {"float"},
    "duration": {"duration"},
    "strings": {"strings"},
    "stringArray": {"stringArray"},
    "string": {"string"},
    "ints": {"ints"},
    "uints": {"uints"},
    "ip": {"string"},
    "ipSlice": {"strings"},
    "stringToString": {"map"},
}
# Deprecated flags that the tools take without showing them, found by trying.
FOUND = {"skopeo copy": {"tls-verify"}, "skopeo sync": {"tls-verify"}}


def surface() -> dict[str, Any]:
    """The recorded facts."""
    data: dict[str, Any] = json.loads(DATA.read_text())
    return data


def hidden_flags(hidden: dict[str, Any], command: str) -> set[str]:
    """Flags that the command knows and its help does not show."""
    found: set[str] = set()
    last = command.split()[-1]
    for names, flags in hidden.get("flags", {}).items():
        if any(name.strip() in (command, last) for name in names.split(",")):
            found.update(flags)
    return found


# Commands that we add.
OURS = {"skopeo diff"}


def compare(tool: str) -> tuple[list[str], list[str], int, int, int, int]:
    """(mistakes, missing, commands there, commands wanted, flags there, flags wanted)."""
    data = surface()
    wanted_commands = {key: value for key, value in data[tool]["commands"].items() if key != f"{tool} help"}
    hidden = data["hidden"].get(tool, {})
    program = importlib.import_module(f"ocikit.{tool}.main").PROGRAM
    mistakes: list[str] = []
    missing: list[str] = []
    declared: dict[str, tuple[Any, ...]] = {tool: program.flags}
    for path, (module, _) in program.index.items():
        declared[f"{tool} {path}"] = importlib.import_module(module).COMMAND.flags
    commands = flags = flags_wanted = 0
    for name, facts in wanted_commands.items():
        wanted = {flag["name"]: flag for flag in facts["flags"] if flag["name"] != "help"}
        flags_wanted += len(wanted)
        path = name.removeprefix(tool).strip()
        is_group = bool(facts["subcommands"])
        if (is_group and path in program.groups) or name in declared:
            commands += 1
        else:
            missing.append(name)
            continue
        have = {flag.name: flag for flag in declared.get(name, ())}
        usable = [key for key in wanted if key in have and not have[key].unsupported]
        flags += len(usable)
        missing += [f"{name} --{key}" for key in wanted if key not in usable]
    for name, given in declared.items():
        path = name.removeprefix(tool).strip()
        if name not in wanted_commands:
            own_alias = any(path == alias for alias in program.aliases)
            if (
                name not in OURS
                and path not in hidden.get("commands", [])
                and not own_alias
                and path.split()[-1] not in aliases_of(data[tool], path)
            ):
                mistakes.append(f"{name}: {tool} has no such command")
            continue
        wanted = {flag["name"]: flag for flag in wanted_commands[name]["flags"]}
        allowed = (
            hidden_flags(hidden, path or "(global)") | set(hidden.get("flag_aliases", {})) | FOUND.get(name, set())
        )
        mistakes += [text for flag in given for text in check(name, flag, wanted.get(flag.name), allowed)]
    return mistakes, missing, commands, len(wanted_commands), flags, flags_wanted


def aliases_of(tool: dict[str, Any], path: str) -> set[str]:
    """Other names of the commands in the same group."""
    root = tool["version"].split()[0]
    parent = " ".join([root, *path.split()[:-1]])
    return {
        alias
        for name, facts in tool["commands"].items()
        if name.rpartition(" ")[0] == parent
        for alias in facts["aliases"]
    }


def check(name: str, flag: Any, fact: dict[str, Any] | None, allowed: set[str]) -> list[str]:
    """What is wrong with one declared flag."""
    where = f"{name} --{flag.name}"
    if fact is None:
        if flag.ours or flag.name == "help" or (flag.hidden and flag.name in allowed):
            return []
        why = "known only as a hidden flag: declare it with hidden=True" if flag.name in allowed else "no such flag"
        return [f"{where}: {why} (or mark it with ours=True)"]
    found = []
    if fact.get("short", "") != flag.short:
        found.append(f"{where}: the letter is {fact.get('short') or 'none'!r}, not {flag.short or 'none'!r}")
    kinds = KINDS.get(fact["type"])
    if kinds is None:
        kinds = {"string", "strings", "stringArray", "int", "uint", "duration", "map"}
    if flag.kind not in kinds:
        found.append(f"{where}: the type is {fact['type']}, not {flag.kind}")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description="How much of the Go tools' command lines is there")
    parser.add_argument("tools", nargs="*", choices=(*TOOLS, []), help="only these")
    parser.add_argument("-v", "--verbose", action="store_true", help="list what is missing")
    options = parser.parse_args()
    bad = False
    for tool in options.tools or TOOLS:
        mistakes, missing, commands, commands_wanted, flags, flags_wanted = compare(tool)
        print(
            f"{tool}: {commands} of {commands_wanted} commands ({100 * commands / commands_wanted:.0f} %), "
            f"{flags} of {flags_wanted} flags ({100 * flags / flags_wanted:.0f} %)"
        )
        if options.verbose:
            print("".join(f"  missing: {item}\n" for item in missing), end="")
        print("".join(f"  wrong: {item}\n" for item in mistakes), end="")
        bad = bad or bool(mistakes)
    return bad


if __name__ == "__main__":
    sys.exit(main())
