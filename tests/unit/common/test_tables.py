"""Tables as Go's tabwriter makes them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ocikit.common.tables import align, format_table, print_table


def test_podman_ps_header() -> None:
    headers = ["CONTAINER ID", "IMAGE", "COMMAND", "NAMES"]
    rows = [["0123456789ab", "localhost/a:1", "sh", "x"]]
    assert format_table(headers, rows) == (
        "CONTAINER ID  IMAGE          COMMAND     NAMES\n0123456789ab  localhost/a:1  sh          x\n"
    )


def test_noheading_and_nothing() -> None:
    assert format_table(["A", "B"], [["1", 2]], noheading=True) == "1           2\n"
    assert format_table(["A"], [], noheading=True) == ""


def test_prints(capsys) -> None:  # type: ignore[no-untyped-def]
    print_table(["A"], [["1"]])
    assert capsys.readouterr().out == "A\n1\n"


def test_a_column_ends_where_a_line_lacks_it() -> None:
    text = "a\tb\nlonger cell here\tc\nno cell\nd\te"
    assert align(text) == ("a                 b\nlonger cell here  c\nno cell\nd           e")


def test_nested_columns() -> None:
    assert align("a\tb\tc\nx\ty", min_width=0, padding=1) == "a b c\nx y"


cells = st.text(alphabet=st.characters(blacklist_characters="\t\n", blacklist_categories=("Cs",)), max_size=15)


@given(st.lists(st.tuples(cells, cells, cells), min_size=1))
def test_align_and_format_table_agree(rows: list[tuple[str, str, str]]) -> None:
    expected = format_table([], rows, noheading=True)
    assert align("".join("\t".join(row) + "\n" for row in rows)) == expected
