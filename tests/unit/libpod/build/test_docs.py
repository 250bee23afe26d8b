"""The pure examples of the library's page run as they stand."""

import doctest
from pathlib import Path

PAGE = Path(__file__).parents[4] / "docs/libs/build.md"


def test_examples() -> None:
    page = PAGE.read_text().replace("```python\n", "\n").replace("```\n", "\n")
    examples = doctest.DocTestParser().get_doctest(page, {}, "build.md", str(PAGE), 0)
    out: list[str] = []
    runner = doctest.DocTestRunner()
    runner.run(examples, out=out.append)
    assert runner.tries > 8 and not runner.failures, "".join(out)
