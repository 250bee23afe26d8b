"""A program's declared commands and flags against the recorded command lines of the Go tools."""

from __future__ import annotations

import importlib

from scripts import surface


def nothing_is_declared_that_the_tool_does_not_have(tool: str) -> None:
    """Same names, letters and types; what is ours alone is marked so."""
    mistakes, _, commands, _, flags, _ = surface.compare(tool)
    assert mistakes == []
    assert commands and flags


def every_command_has_words_and_help(tool: str) -> None:
    program = importlib.import_module(f"ocikit.{tool}.main").PROGRAM
    for path, (module, line) in program.index.items():
        command = importlib.import_module(module).COMMAND
        assert line, path
        assert command.use, path
        assert all(flag.help for flag in command.flags if not flag.hidden), path
        letters = [flag.short for flag in command.flags if flag.short]
        names = [flag.name for flag in command.flags]
        assert len(set(letters)) == len(letters) and len(set(names)) == len(names), path
        assert callable(importlib.import_module(module).run), path
