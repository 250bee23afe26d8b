"""The examples of docs/libs/network.md that need no privileges."""

import doctest
from pathlib import Path


def test_examples() -> None:
    path = Path(__file__).parents[3] / "docs/libs/network.md"
    text = "\n".join(block.split("```")[0] for block in path.read_text().split("```python\n")[1:] if ">>>" in block)
    test = doctest.DocTestParser().get_doctest(text, {}, "network.md", str(path), 0)
    runner = doctest.DocTestRunner(optionflags=doctest.NORMALIZE_WHITESPACE)
    runner.run(test)
    assert runner.tries > 8 and runner.failures == 0
