"""The Containerfile's lexer: one rule of the reference a case."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.libpod.build.errors import ParseError
from ocikit.libpod.build.lexer import Instruction, parse


def one(text: str) -> Instruction:
    (found,) = parse(text)
    return found


def test_continuation_joins_without_adding_a_blank_and_skips_comments() -> None:
    assert one("RUN echo a \\\n# c\n  && echo b\n").original == "RUN echo a   && echo b"


def test_keyword_is_case_insensitive_and_text_is_kept() -> None:
    found = one("env  A=1")
    assert (found.keyword, found.original, found.rest) == ("ENV", "env  A=1", "A=1")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('CMD ["a", "b"]', ["a", "b"]),
        ('CMD ["a", b]', None),
        ('CMD ["a", 1]', None),
        ('VOLUME ["/x y"]', ["/x y"]),
        ("RUN echo hi", None),
    ],
)
def test_json_form_falls_back_to_shell_form(text: str, words: list[str] | None) -> None:
    assert one(text).json == words


def test_flags_are_split_off() -> None:
    found = one("COPY --from=a --chown=1:2 x /y")
    assert (found.flags, found.rest) == (["--from=a", "--chown=1:2"], "x /y")
    assert one("RUN --mount=type=bind,source=f,target=/m cat /m").flags == ["--mount=type=bind,source=f,target=/m"]


def test_escape_directive() -> None:
    (found,) = parse("# escape=`\nRUN a `\n b\\\n")
    assert found.original == "RUN a  b\\"
    with pytest.raises(ParseError, match="invalid ESCAPE"):
        parse("# escape=x\nFROM a\n")
    with pytest.raises(ParseError, match="only one escape"):
        parse("# escape=`\n# escape=`\nFROM a\n")
    assert parse("FROM a\n# escape=`\nRUN x\\\ny\n")[1].original == "RUN xy"


def test_heredocs() -> None:
    run, copy, last = parse("RUN <<EOF\necho one\n\techo two\nEOF\nCOPY <<-'A' <<B /d/\n\tx\n\tA\n$y\nB\nUSER u\n")
    assert [h.content for h in run.heredocs] == ["echo one\n\techo two\n"]
    assert [(h.name, h.content, h.expand) for h in copy.heredocs] == [("A", "x\n", False), ("B", "$y\n", True)]
    assert last.keyword == "USER"


def test_unterminated_heredoc_names_its_line() -> None:
    with pytest.raises(ParseError, match="f:2: unterminated heredoc"):
        parse("FROM a\nRUN <<EOF\nno end\n", "f")


def test_a_shift_in_quotes_is_no_heredoc() -> None:
    assert not one('RUN echo "<<EOF"').heredocs


def test_byte_order_mark_and_carriage_returns() -> None:
    assert [i.original for i in parse("\ufeffFROM a\r\nRUN b \\\r\n c\r\n")] == ["FROM a", "RUN b  c"]


@given(st.text(alphabet=st.sampled_from("FROM RUNCOPY\\\n\"'<EOF-#$ ={}[]`\t"), max_size=200))
def test_any_text_parses_or_says_why(text: str) -> None:
    try:
        found = parse(text)
    except ParseError:
        return
    assert all(instruction.line >= 1 for instruction in found)
