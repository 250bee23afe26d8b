"""Stages: bases, names, targets, what needs what."""

import pytest

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.lexer import parse
from ocikit.libpod.build.stages import Plan, plan_stages


def plan(text: str, args: dict[str, str] | None = None, **options: str) -> Plan:
    return plan_stages(parse(text), args or {}, {"TARGETARCH": "amd64"}, **options)  # type: ignore[arg-type]


THREE = "FROM a AS One\nRUN x\nFROM b\nCOPY --from=one /x /\nFROM 0 AS last\nRUN --mount=type=bind,from=1,target=/m y\n"


def test_dependencies() -> None:
    made = plan(THREE)
    assert [(s.name, s.base, s.base_stage, s.needs) for s in made.stages] == [
        ("one", "a", None, set()),
        ("", "b", None, {0}),
        ("last", "0", 0, {0, 1}),
    ]
    assert [s.index for s in plan(THREE, target="1").needed()] == [0, 1]
    assert [s.index for s in plan(THREE, target="One").needed()] == [0]


def test_global_args_reach_from_lines_only_and_the_command_line_wins() -> None:
    text = "ARG BASE=x\nARG TAG=1\nFROM $BASE:${TAG}-$TARGETARCH\n"
    assert plan(text).stages[0].base == "x:1-amd64"
    assert plan(text, {"BASE": "y"}).stages[0].base == "y:1-amd64"


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        ("# only\n", {}, "no stages to build"),
        ("RUN x\n", {}, "requires a FROM instruction"),
        ("FROM\n", {}, "FROM requires either one argument, or three"),
        ("FROM a as\n", {}, "FROM requires either one argument, or three"),
        ("FROM --x=1 a\n", {}, "FROM only supports the --platform flag"),
        ("FROM $NOPE\n", {}, "no FROM statement found"),
        ("FROM a\n", {"target": "zz"}, 'the target "zz" was not found'),
    ],
)
def test_errors(text: str, options: dict[str, str], message: str) -> None:
    with pytest.raises(BuildError, match=message):
        plan(text, **options)
