"""The examples of the archive engine's page run as they stand there."""

from __future__ import annotations

import doctest
import pathlib

PAGE = pathlib.Path(__file__).parents[4] / "docs" / "libs" / "storage-archive.md"


def test_page() -> None:
    result = doctest.testfile(str(PAGE), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert result.attempted > 15 and result.failed == 0
