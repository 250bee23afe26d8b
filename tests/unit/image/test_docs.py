"""The examples of the library's page run as they stand."""

import doctest
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[3] / "docs/libs/image.md"


def test_examples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OCIKIT_BLOB_INFO_CACHE_DIR", str(tmp_path / "cache"))
    # Fences would be taken for expected output.
    page = PAGE.read_text().replace("```python\n", "\n").replace("```\n", "\n")
    examples = doctest.DocTestParser().get_doctest(page, {"folder": str(tmp_path)}, "image.md", str(PAGE), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    out: list[str] = []
    runner.run(examples, out=out.append)
    assert runner.tries > 20 and not runner.failures, "".join(out)
