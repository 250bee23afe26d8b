"""The examples of the library's page and of its docstrings run as they stand there."""

from __future__ import annotations

import doctest
import importlib
import pathlib

import pytest

PAGE = pathlib.Path(__file__).parents[3] / "docs" / "libs" / "common.md"


def test_page() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 10 and result.failed == 0


@pytest.mark.parametrize("name", ["gotemplate", "config", "jsonfast", "units", "tables"])
def test_docstrings(name: str) -> None:
    assert doctest.testmod(importlib.import_module(f"ocikit.common.{name}")).failed == 0
