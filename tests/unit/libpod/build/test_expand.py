"""Variable expansion: the table of the Dockerfile reference, and what buildah does in its corners."""

import pytest

from ocikit.libpod.build.errors import BuildError
from ocikit.libpod.build.expand import expand, expand_words

VARIABLES = {"V": "abc.tar.gz", "A": "1", "WORDS": "one two"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${V:-x}", "abc.tar.gz"),
        ("${V#*.}", "tar.gz"),
        ("${V##*.}", "gz"),
        ("${E:-dflt}", "dflt"),
        ("${E:+set}", ""),
        ("${V%.*}", "abc.tar"),
        ("${V%%.*}", "abc"),
        ("${V:+set}", "set"),
        ("${V/a/Z}", "Zbc.tar.gz"),
        ("${V//a/Z}", "Zbc.tZr.gz"),
        ("${V/#abc/r}", "r.tar.gz"),
        ("${V/%gz/r}", "abc.tar.r"),
        ("${V/a}", "bc.tar.gz"),
        (r"\$V", "$V"),
        ("'$V'", "$V"),
        ('"$V"', "abc.tar.gz"),
        ("$$", "$$"),
        ("${E:?err}", "err"),
        (r'"a\"b"', 'a"b'),
        (r"a\ b", "a b"),
        ("$V$A", "abc.tar.gz1"),
        ("${E:-${V}}", "abc.tar.gz"),
        ("x${E}y", "xy"),
        ("pre-$V-post", "pre-abc.tar.gz-post"),
        (r'"a\nb"', r"a\nb"),
    ],
)
def test_expand(text: str, expected: str) -> None:
    assert expand(text, VARIABLES) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("${V:zz}", "Unsupported modifier (z) in substitution"),
        ("${V-y}", "Missing ':' or '#' or '%' or '/' in substitution"),
        ("${E:?}", "E is not allowed to be unset"),
        ("${V", "missing '}'"),
        ("'open", "matching single-quote"),
        ('"open', "matching double-quote"),
    ],
)
def test_errors_name_the_fault(text: str, message: str) -> None:
    with pytest.raises(BuildError, match=message.replace("(", r"\(").replace(")", r"\)")):
        expand(text, VARIABLES)


def test_expose_splits_what_a_variable_brings() -> None:
    assert expand_words('$WORDS "three" 4', VARIABLES) == ["one", "two", "three", "4"]


@pytest.mark.parametrize("text", ["${V#[b-a]}", "${V%[!]}", "${V/[z-a]/x}"])
def test_a_broken_pattern_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(BuildError, match="syntax error in pattern"):
        expand(text, VARIABLES)
