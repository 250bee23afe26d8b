"""Questions to the person at the terminal, through click. Where nobody can answer, a sentence says which flag to use."""

from __future__ import annotations

import sys

from ocikit.common.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence


class Declined(UsageError):
    """The question was answered with Ctrl-C, Ctrl-D or no."""


def interactive() -> bool:
    """Whether somebody can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def confirm(question: str, default: bool = False) -> bool:
    """A yes or no, as "prune" asks: ``Are you sure you want to continue? [y/N]``. Also read from a pipe, as Podman does;
    no input counts as the default.
    """
    import click

    try:
        return click.confirm(question, default=default, prompt_suffix=" ", err=False)
    except click.Abort:
        sys.stdout.write("\n")
        return default


def ask(question: str, default: str = "", instead: str = "") -> str:
    """A line of text. ``instead`` says how to answer without a terminal: "use --username"."""
    import click

    if not sys.stdin.isatty():
        raise UsageError(
            f"{question}: no terminal to ask at", hint=f"{instead[:1].upper()}{instead[1:]}." if instead else "-"
        )
    try:
        answer: str = click.prompt(
            question, default=default or None, prompt_suffix=f" ({default}): " if default else ": ", show_default=False
        )
    except click.Abort:
        raise Declined("no answer was given", hint="-") from None
    return answer


def secret(question: str = "Password", instead: str = "use --password-stdin") -> str:
    """A line of text that is not shown while it is typed."""
    import click

    if not sys.stdin.isatty():
        raise UsageError(f"{question}: no terminal to ask at", hint=f"{instead[:1].upper()}{instead[1:]}.")
    try:
        answer: str = click.prompt(question, hide_input=True, default="", show_default=False)
    except click.Abort:
        raise Declined("no answer was given", hint="-") from None
    return answer


def choose(question: str, options: Sequence[str], instead: str = "") -> str:
    """One of the options, by its number or in full."""
    import click

    if not interactive():
        raise UsageError(
            f"{question}: no terminal to ask at", hint=f"{instead[:1].upper()}{instead[1:]}." if instead else "-"
        )
    for number, option in enumerate(options, 1):
        click.echo(f"  {number}) {option}", err=True)
    numbers = [str(number) for number in range(1, len(options) + 1)]
    try:
        picked: str = click.prompt(
            question, type=click.Choice([*numbers, *options]), show_choices=False, default="1", err=True
        )
    except click.Abort:
        raise Declined("no choice was made", hint="-") from None
    return options[int(picked) - 1] if picked in numbers else picked
