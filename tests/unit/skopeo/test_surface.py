"""Every command and flag that skopeo declares is one that the Go tool has, with the same letter and type, or is marked as ours."""

from __future__ import annotations

import importlib
import importlib.util
import pathlib

SCRIPT = pathlib.Path(__file__).parents[3] / "scripts" / "surface.py"
specification = importlib.util.spec_from_file_location("surface", SCRIPT)
assert specification is not None and specification.loader is not None
surface = importlib.util.module_from_spec(specification)
specification.loader.exec_module(surface)


def test_nothing_is_declared_that_skopeo_does_not_have() -> None:
    mistakes, _, commands, _, flags, _ = surface.compare("skopeo")
    assert mistakes == []
    assert commands > 1 and flags


def test_every_command_has_words_and_help() -> None:
    program = importlib.import_module("ocikit.skopeo.main").PROGRAM
    for path, (module, line) in program.index.items():
        command = importlib.import_module(module).COMMAND
        assert line, path
        assert command.use, path
        assert all(flag.help for flag in command.flags if not flag.hidden), path
        letters = [flag.short for flag in command.flags if flag.short]
        names = [flag.name for flag in command.flags]
        assert len(set(letters)) == len(letters) and len(set(names)) == len(names), path
        assert callable(importlib.import_module(module).run), path
