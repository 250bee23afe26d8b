"""Templates: a table of what Podman prints for each, our own additions, and that no text makes it crash."""

from __future__ import annotations

import json
import pathlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.common import gotemplate
from ocikit.common.gotemplate import Record, TemplateError, render, render_rows, unescape

DATA = pathlib.Path(__file__).parents[2] / "data" / "gotemplate.json"
CLIENT = {
    "APIVersion": "4.3.1",
    "Version": "4.3.1",
    "GoVersion": "go1.19.8",
    "GitCommit": "",
    "BuiltTime": "Thu Jan  1 00:00:00 1970",
    "Built": 0,
    "OsArch": "linux/amd64",
    "Os": "linux",
}


@pytest.mark.parametrize(("template", "text", "error"), json.loads(DATA.read_text()))
def test_as_podman_prints(template: str, text: str, error: str) -> None:
    """Recorded with `podman version --format`."""
    if error:
        with pytest.raises(TemplateError) as caught:
            render(unescape(template), {"Client": CLIENT}, "version")
        assert str(caught.value) == error
    else:
        assert render(unescape(template), {"Client": CLIENT}, "version") == text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{.a}} {{.nope}} {{.b.c}}", "1 <no value> x"),
        ("{{range $k, $v := .b}}{{$k}}={{$v}};{{end}}", "c=x;d=y;"),
        ("{{.ID}} {{.Id}}", "7 7"),
        ("{{.l}} {{.b}} {{.n}} {{len .l}}", "[1 2] map[c:x d:y] <no value> 2"),
        ("{{index .l 1}} {{index .b `c`}} {{index .b `zz`}}", "2 x <nil>"),
        ("{{with .o}}{{.CreatedAt}} {{.Twice 4}} {{.ImageID}}{{end}}", "now 8 sha"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{with .nope}}a{{else with .a}}{{.}}{{else}}c{{end}}", "1"),
        ("{{json .b}} {{json .o}}", '{"c":"x","d":"y"} {"created_at":"now","image_id":"sha"}'),
        ("{{- range .l -}} {{.}},{{- end -}}", "1,2,"),
        ("{{$x := .l}}{{range $x}}{{$.a}}{{break}}{{end}}", "1"),
        ("{{printf `%v` .e}}|{{.e}}", "[]|[]"),
    ],
)
def test_data(template: str, text: str) -> None:
    class Thing:
        def __init__(self) -> None:
            self.created_at = "now"
            self.image_id = "sha"

        def Twice(self, number: int) -> int:
            return 2 * number

    data = {"a": 1, "b": {"d": "y", "c": "x"}, "l": [1, 2], "n": None, "o": Thing(), "e": [], "ID": 7, "Id": 7}
    assert render(template, data) == text


def test_struct_fields() -> None:
    row = Record({"ID": "1", "lower": None})
    row.go_type = "psReporter"  # type: ignore[misc]
    assert render("{{.Id}} {{.lower}} {{.}}", row) == "1 <nil> {1 <nil>}"
    with pytest.raises(TemplateError, match=r"template: ps:1:2: .* can't evaluate field Foo in type psReporter"):
        render("{{.Foo}}", row, "ps")


def test_own_functions() -> None:
    assert gotemplate.Template("{{twice 4}}", functions={"twice": lambda n: n * 2}).execute(None) == "8"


def test_rows() -> None:
    rows = [{"ID": "1", "CreatedAt": "now"}, {"ID": "22222222222222", "CreatedAt": "then"}]
    assert render_rows("{{.ID}}", rows) == "1\n22222222222222\n"
    assert render_rows(r"table {{.ID}}\t{{.CreatedAt}}", rows) == (
        "ID              CREATED AT\n1               now\n22222222222222  then\n"
    )
    assert render_rows("table {{.ID}} {{.CreatedAt}}", rows, {"ID": "IMAGE ID"}, noheading=True) == (
        "1               now\n22222222222222  then\n"
    )
    assert render_rows("table {{upper .ID}} {{join .Names `,`}}", [], {"ID": "Image id"}) == "Image id    NAMES\n"


@pytest.mark.parametrize(
    "template", ["{{define `a`}}{{template `a` .}}{{end}}{{template `a` .}}", "{{" + "(" * 500 + "1"]
)
def test_runaway_templates_end(template: str) -> None:
    with pytest.raises(TemplateError):
        render(template, {})


WORDS = """{{ }} {{- -}} . .A $x := = | ( ) "a" 'b' `c` 1 1.5 true nil if else end range with define template block break
printf len index and /* */ \\n , x %d -1 é join eq slice html json pad""".split()
pieces = st.sampled_from([*WORDS, " ", "\n"])


@given(st.lists(pieces, max_size=25).map("".join) | st.text(max_size=50))
def test_any_text_is_a_template_or_an_error(template: str) -> None:
    try:
        assert isinstance(render(template, {"A": [1, {"B": "c"}], "x": None}), str)
    except TemplateError:
        pass


@given(st.text(max_size=20), st.lists(st.none() | st.booleans() | st.integers() | st.floats() | st.text(), max_size=4))
def test_printf_never_fails(template: str, values: list[object]) -> None:
    from ocikit.common.gotemplate.verbs import sprintf

    assert isinstance(sprintf(template, values), str)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_floats_read_back(value: float) -> None:
    from ocikit.common.gotemplate.verbs import format_float

    assert float(format_float(value)) == value
