"""Progress on a terminal, in a log, for programs; questions where nobody can answer."""

from __future__ import annotations

import io
import json

import pytest

from ocikit.common.cli import progress, prompts
from ocikit.common.cli.progress import Progress
from ocikit.common.errors import UsageError

DIGEST = "sha256:" + "0123456789abcdef" * 4


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def work(shown: Progress) -> None:
    with shown:
        shown.line("Getting image source signatures")
        item = shown.blob("blob", DIGEST, 1000)
        item.advance(400)
        item.advance(600)
        item.done()
        shown.blob("config", DIGEST, -1).failed()


def test_plain() -> None:
    out = io.StringIO()
    work(Progress.choose(out=out))
    assert out.getvalue() == f"Getting image source signatures\nCopying blob {DIGEST}\nCopying config {DIGEST}\n"


def test_quiet() -> None:
    out = io.StringIO()
    work(Progress.choose(quiet=True, out=out))
    assert out.getvalue() == ""


def test_json() -> None:
    out = io.StringIO()
    work(Progress.choose(mode="json", out=out))
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["event"] for event in events] == ["line", "start", "progress", "done", "start", "failed"]
    assert events[3]["current"] == 1000 and events[3]["id"] == DIGEST


def test_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "REPAINT_S", 0.0)
    out = Terminal()
    work(Progress.choose(out=out))
    text = out.getvalue()
    assert "Copying blob 0123456789ab [#########" in text and "400 B / 1 kB" in text
    assert "Copying blob 0123456789ab done\n" in text and "Copying config 0123456789ab failed\n" in text
    assert text.startswith("Getting image source signatures\n")


def test_nobody_to_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(UsageError, match="Username: no terminal to ask at") as caught:
        prompts.ask("Username", instead="use --username")
    assert caught.value.hint == "Use --username."
    with pytest.raises(UsageError, match="no terminal"):
        prompts.secret()
    with pytest.raises(UsageError, match="no terminal"):
        prompts.choose("Which", ["a", "b"])


@pytest.mark.parametrize(("typed", "answer"), [("y\n", True), ("n\n", False), ("", False), ("\n", False)])
def test_confirm(monkeypatch: pytest.MonkeyPatch, typed: str, answer: bool) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    assert prompts.confirm("Are you sure you want to continue?") is answer
