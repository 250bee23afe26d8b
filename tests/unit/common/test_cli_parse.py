"""Command lines that Podman's users type, and the sentences that the Go tools print for bad ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ocikit.common.cli.declare import Flag, Values, at_least, at_most, between, exactly, none
from ocikit.common.cli.parse import HelpWanted, parse
from ocikit.common.cli.values import go_quote, parse_int
from ocikit.common.errors import UsageError

FLAGS = (
    Flag("all", "bool", "a"),
    Flag("interactive", "bool", "i"),
    Flag("tty", "bool", "t"),
    Flag("env", "stringArray", "e"),
    Flag("filter", "strings", "f"),
    Flag("last", "int", "n", default=-1),
    Flag("time", "uint", "T"),
    Flag("cpus", "float"),
    Flag("wait", "duration"),
    Flag("verbose", "count", "v"),
    Flag("pull", noopt="always"),
    Flag("name"),
    Flag("network", "stringArray"),
    Flag("sort", choices=("id", "size")),
    Flag("dirs", "strings", default=("/a", "/b")),
    Flag("opt", "map"),
    Flag("ids", "ints"),
    Flag("old", aliases=("older",)),
)


def read(*argv: str, interspersed: bool = True) -> tuple[Values, list[str]]:
    values = Values(FLAGS)
    words = parse(argv, (values,), interspersed, {"net": "network"})
    return values, words


@pytest.mark.parametrize(
    ("argv", "given", "words"),
    [
        (["-it", "x"], {"interactive": True, "tty": True}, ["x"]),
        (["--all=false", "x"], {"all": False}, ["x"]),
        (["--all", "false"], {"all": True}, ["false"]),
        (["-a=0"], {"all": False}, []),
        (["-eA=1", "-e", "B=2", "--env=C=3", "--env", "D"], {"env": ["A=1", "B=2", "C=3", "D"]}, []),
        (["-e=A=1"], {"env": ["A=1"]}, []),
        (["-ite", "A=1"], {"interactive": True, "tty": True, "env": ["A=1"]}, []),
        (["-n5"], {"last": 5}, []),
        (["-n=-5"], {"last": -5}, []),
        (["-n", "-5"], {"last": -5}, []),
        (["-f", "a=1,b=2", "--filter=c"], {"filter": ["a=1", "b=2", "c"]}, []),
        (["-f", '"a,b",c'], {"filter": ["a,b", "c"]}, []),
        (["-f", '"say ""hi""",c'], {"filter": ['say "hi"', "c"]}, []),
        (["-f", ""], {"filter": []}, []),
        (["--env", "a,b"], {"env": ["a,b"]}, []),
        (["--pull", "never"], {"pull": "always"}, ["never"]),
        (["--pull=never"], {"pull": "never"}, []),
        (["--", "-a", "--b"], {}, ["-a", "--b"]),
        (["a", "--", "-a"], {}, ["a", "-a"]),
        (["-", "-a"], {"all": True}, ["-"]),
        (["--name="], {"name": ""}, []),
        (["--name", "--all"], {"name": "--all"}, []),
        (["--net", "host"], {"network": ["host"]}, []),
        (["--older", "x"], {"old": "x"}, []),
        (["-vv", "-v"], {"verbose": 3}, []),
        (["--wait", "1m30s"], {"wait": 90.0}, []),
        (["--cpus", "1.5"], {"cpus": 1.5}, []),
        (["-T", "0x10"], {"time": 16}, []),
        (["-T", "010"], {"time": 8}, []),
        (["--dirs", "/c"], {"dirs": ["/c"]}, []),
        (["--opt", "a=b,c=d", "--opt", "e=f"], {"opt": {"a": "b", "c": "d", "e": "f"}}, []),
        (["--ids", "1,2", "--ids", "3"], {"ids": [1, 2, 3]}, []),
        (["x", "-a", "y"], {"all": True}, ["x", "y"]),
    ],
)
def test_reads(argv: list[str], given: dict[str, object], words: list[str]) -> None:
    values, got = read(*argv)
    assert values.given() == given
    assert got == words


@pytest.mark.parametrize(
    ("argv", "message"),
    [
        (["--foo"], "unknown flag: --foo"),
        (["--foo=1"], "unknown flag: --foo"),
        (["-x"], "unknown shorthand flag: 'x' in -x"),
        (["-ax"], "unknown shorthand flag: 'x' in -x"),
        (["-xa"], "unknown shorthand flag: 'x' in -xa"),
        (["-=x"], "unknown shorthand flag: '=' in -=x"),
        (["---a"], "bad flag syntax: ---a"),
        (["--=x"], "bad flag syntax: --=x"),
        (["--name"], "flag needs an argument: --name"),
        (["-n"], "flag needs an argument: 'n' in -n"),
        (["-an"], "flag needs an argument: 'n' in -n"),
        (["-n", "x"], 'invalid argument "x" for "-n, --last" flag: strconv.ParseInt: parsing "x": invalid syntax'),
        (["--last=5x"], 'invalid argument "5x" for "-n, --last" flag: strconv.ParseInt: parsing "5x": invalid syntax'),
        (["-n", "9" * 20], 'parsing "99999999999999999999": value out of range'),
        (["-T", "-1"], 'strconv.ParseUint: parsing "-1": invalid syntax'),
        (["--all=maybe"], 'invalid argument "maybe" for "-a, --all" flag: strconv.ParseBool: parsing "maybe"'),
        (["--cpus", "x"], 'invalid argument "x" for "--cpus" flag: strconv.ParseFloat: parsing "x": invalid syntax'),
        (["--wait", "abc"], 'invalid argument "abc" for "--wait" flag: time: invalid duration "abc"'),
        (["--wait", "5"], 'time: missing unit in duration "5"'),
        (["--wait", "5x"], 'time: unknown unit "x" in duration "5x"'),
        (["--sort", "x"], '"x" is not a valid value.  Choose from: "id, size"'),
        (["--ids", "1,y"], 'invalid argument "1,y" for "--ids" flag: strconv.Atoi: parsing "y": invalid syntax'),
        (["--opt", "a"], "a must be formatted as key=value"),
        (
            ["-f", 'a"b'],
            'invalid argument "a\\"b" for "-f, --filter" flag: parse error on line 1, column 2: bare " in non-quo',
        ),
        (["-f", '"a'], 'extraneous or missing " in quoted-field'),
    ],
)
def test_refuses(argv: list[str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read(*argv)
    assert message in str(caught.value)


def test_stops_at_the_first_word() -> None:
    values, words = read("-i", "image", "-t", "--", "x", interspersed=False)
    assert values.interactive and not values.tty
    assert words == ["image", "-t", "--", "x"]


def test_double_dash_before_the_first_word() -> None:
    assert read("-i", "--", "-x", interspersed=False)[1] == ["-x"]


def test_h_without_such_a_flag_asks_for_help() -> None:
    with pytest.raises(HelpWanted):
        read("-h")


def test_defaults() -> None:
    values, _ = read()
    assert (values.all, values.last, values.name, values.env, values.dirs) == (False, -1, "", [], ["/a", "/b"])
    values.env.append("x")
    assert values.env == [] and not values.changed("env")
    assert values.get("nowhere", 7) == 7
    with pytest.raises(AttributeError, match="no flag --nowhere"):
        _ = values.nowhere


def test_the_inner_scope_comes_first() -> None:
    inner, outer = Values((Flag("root", "bool"),)), Values((Flag("root"), Flag("log-level")))
    assert parse(["--root", "x", "--log-level", "debug"], (inner, outer)) == ["x"]
    assert inner.root is True and not outer.changed("root") and outer.log_level == "debug"


def test_unsupported_flag_fails_with_its_reason() -> None:
    with pytest.raises(Exception, match="--remote is not supported: there is no service"):
        parse(["--remote"], (Values((Flag("remote", "bool", unsupported="there is no service"),)),))


@pytest.mark.parametrize(
    ("check", "count", "message"),
    [
        (none(), 1, "`podman x` takes no arguments"),
        (exactly(2), 1, "accepts 2 arg(s), received 1"),
        (at_least(1), 0, "requires at least 1 arg(s), only received 0"),
        (at_most(1), 2, "accepts at most 1 arg(s), received 2"),
        (between(1, 2), 3, "accepts between 1 and 2 arg(s), received 3"),
        (at_least(1, "give a name to {path}"), 0, "give a name to podman x"),
        (at_least(1), 3, ""),
    ],
)
def test_counts_words(check, count, message):  # type: ignore[no-untyped-def]
    assert check(["w"] * count, "podman x") == message


WORDS = """-a -it -n -n5 -e -eA=1 -f -ff,"g --all --all=false --env --env= --filter --wait 5s 1h --cpus 1e3 nan --last x -- - ---
--=x -=x -= -a=1 -v -vv --verbose=7 --pull --pull=x --opt a=b --ids 1,2 --net --older --sort id "q" \\ é \x00""".split()


@given(st.lists(st.sampled_from(WORDS) | st.text(max_size=8), max_size=8), st.booleans())
def test_any_words_are_read_or_refused(argv: list[str], interspersed: bool) -> None:
    try:
        values, words = read(*argv, interspersed=interspersed)
    except (UsageError, HelpWanted):
        return
    assert all(word in argv for word in words)
    for flag in FLAGS:
        assert type(values[flag.name]) is type(Values(FLAGS)[flag.name]) or flag.kind in ("float", "duration")


@given(st.lists(st.text()))
def test_what_repeats_comes_back(items: list[str]) -> None:
    values, _ = read(*[word for item in items for word in ("-e", item)])
    assert values.env == items
    values, _ = read(*[f"--env={item}" for item in items])
    assert values.env == items


@given(st.lists(st.text(alphabet=st.characters(blacklist_characters="\n\r")), min_size=1))
def test_csv_round_trip(items: list[str]) -> None:
    line = ",".join(['"' + item.replace('"', '""') + '"' for item in items])
    assert read("-f", line)[0].filter == items


@given(st.integers(-(2**63), 2**63 - 1), st.sampled_from(["d", "#x", "#o", "#b", "_d"]))
def test_integers_of_every_base(number: int, form: str) -> None:
    assert parse_int(format(number, form)) == number


@given(st.text())
def test_quoting_is_one_line_of_printable_text(text: str) -> None:
    quoted = go_quote(text)
    assert quoted[0] == quoted[-1] == '"' and "\n" not in quoted and quoted.isprintable()
