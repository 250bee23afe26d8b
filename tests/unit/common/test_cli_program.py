"""Whole command lines against a small program: dispatch, errors in each tool's style, help, completion."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys
import types
from collections.abc import Callable, Iterator

import pytest

from ocikit.common import log
from ocikit.common.cli.completion import _bash_words, candidates, source
from ocikit.common.cli.declare import Command, Flag, Program, Values, at_least, none
from ocikit.common.cli.program import Context
from ocikit.common.errors import CommandNotFound, NotFound, UsageError

Run = Callable[[Context, Values, list[str]], int]
seen: list[tuple[str, dict[str, object], list[str], dict[str, object]]] = []


def record(context: Context, opts: Values, args: list[str]) -> int:
    seen.append((context.path, opts.given(), args, context.globals.given()))
    return 0


def fails(context: Context, opts: Values, args: list[str]) -> int:
    what = args[0] if args else ""
    if what == "missing":
        raise NotFound("no such thing", hint="Make one.")
    if what == "127":
        raise CommandNotFound("no such command")
    if what == "os":
        os.stat("/nonexistent")
    if what == "bug":
        raise ZeroDivisionError("division by zero")
    if what == "pipe":
        raise UsageError("bad words")
    return 42


LS = Command(
    "ls [options]",
    "List things",
    long="Lists things.\nAll of them.",
    example="tool ls -a",
    flags=(
        Flag("all", "bool", "a", help="Show all things"),
        Flag("sort", help="Sort by", default="name", choices=("name", "size")),
        Flag("no-trunc", "bool", help="Show all of them in full"),
        Flag("image", complete="images", help="Of this image"),
        Flag("old", hidden=True),
        Flag("pull", noopt="always", default="missing", help="When"),
        Flag("env", "stringArray", "e", default=("A=1",), help="Variables"),
    ),
    args=none(),
)
RUN = Command("run [options] IMAGE", "Run a thing", flags=(Flag("tty", "bool", "t"), Flag("hostname", short="h")), args=at_least(1), interspersed=False, complete="images")  # fmt: skip
FAIL = Command("fail", "Fail")


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Program]]:
    for name, command, run in (("ls", LS, record), ("run", RUN, record), ("fail", FAIL, fails)):
        module = types.ModuleType(f"fake_{name}")
        module.COMMAND, module.run = command, run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"fake_{name}", module)
    completers = types.ModuleType("fake_completers")
    completers.images = lambda context, start: ["busybox:1", ("alpine", "small")]  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "fake_completers", completers)
    monkeypatch.setattr(log, "level", log.level)
    seen.clear()

    def program(style: str) -> Program:
        name = {"podman": "tool"}.get(style, style)
        return Program(
            name,
            "1.0",
            "A tool",
            flags=(
                Flag("root", complete="dirs"),
                Flag("log-level", default="warn"),
                Flag("debug", "bool"),
                Flag("version", "bool", "v"),
            ),
            index={
                "ls": ("fake_ls", "List things"),
                "thing ls": ("fake_ls", "List things"),
                "run": ("fake_run", "Run a thing"),
                "fail": ("fake_fail", "Fail"),
            },
            groups={"thing": "Manage things", "empty": "Nothing here"},
            aliases={"list": "ls", "thing list": "thing ls"},
            hidden=("fail",),
            flag_aliases={"notruncate": "no-trunc"},
            error_style=style,
            completers="fake_completers",
        )

    yield program


def test_finds_commands(make: Callable[[str], Program]) -> None:
    tool = make("podman")
    assert tool.main(["--root", "/x", "thing", "list", "-a", "--root=/y", "--notruncate"]) == 0
    assert tool.main(["run", "-t", "img", "-x", "--root"]) == 0
    assert seen == [
        ("thing ls", {"all": True, "no-trunc": True}, [], {"root": "/y"}),
        ("run", {"tty": True}, ["img", "-x", "--root"], {}),
    ]


@pytest.mark.parametrize(
    ("style", "words", "code", "error"),
    [
        ("podman", ["ls", "--foo"], 125, "Error: unknown flag: --foo\nSee 'tool ls --help'\n"),
        ("podman", ["--foo", "ls"], 125, "Error: unknown flag: --foo\nSee 'tool --help'\n"),
        ("podman", ["ls", "x"], 125, "Error: `tool ls` takes no arguments\n"),
        ("podman", ["run"], 125, "Error: requires at least 1 arg(s), only received 0\n"),
        (
            "podman",
            ["xyzzy"],
            125,
            "Error: unrecognized command `tool xyzzy`\nTry 'tool --help' for more information\n",
        ),
        (
            "podman",
            ["lss"],
            125,
            "Error: unrecognized command `tool lss`\n\nDid you mean this?\n\tls\n\nTry 'tool --help' for more information\n",
        ),
        ("podman", ["thing"], 125, "Error: missing command 'tool thing COMMAND'\n"),
        (
            "podman",
            ["empty"],
            125,
            "Error: unrecognized command `tool empty`\nTry 'tool --help' for more information\n",
        ),
        ("podman", ["fail", "missing"], 125, "Error: no such thing\nMake one.\n"),
        ("podman", ["fail", "127"], 127, "Error: no such command\n"),
        ("podman", ["fail", "os"], 125, "Error: /nonexistent: no such file or directory\n"),
        ("podman", ["fail"], 42, ""),
        (
            "podman",
            ["--log-level=loud", "ls"],
            1,
            'Log Level "loud" is not supported, choose from: trace, debug, info, warn, warning, error, fatal, panic\n',
        ),
        ("buildah", ["ls", "--foo"], 125, "Error: unknown flag: --foo\n"),
        ("buildah", ["ls", "x"], 125, 'Error: unknown command "x" for "buildah ls"\n'),
        ("buildah", ["lss"], 125, 'Error: unknown command "lss" for "buildah"\n\nDid you mean this?\n\tls\n\n'),
        ("skopeo", ["ls", "-x"], 1, "level=fatal msg=\"unknown shorthand flag: 'x' in -x\"\n"),
        (
            "skopeo",
            [],
            1,
            "level=fatal msg=\"Missing command 'skopeo COMMAND'\\nTry 'skopeo --help' for more information\"\n",
        ),
        (
            "skopeo",
            ["lss"],
            1,
            "msg=\"Unrecognized command `skopeo lss`\\n\\nDid you mean this?\\n\\tls\\n\\nTry 'skopeo --help' for more information\"\n",
        ),
    ],
)
def test_errors(
    make: Callable[[str], Program],
    capfd: pytest.CaptureFixture[str],
    style: str,
    words: list[str],
    code: int,
    error: str,
) -> None:
    assert make(style).main(words) == code
    printed = capfd.readouterr().err
    assert printed.endswith(error) if style == "skopeo" else printed == error


def test_a_fault_of_ours_says_so(make: Callable[[str], Program], capfd: pytest.CaptureFixture[str]) -> None:
    assert make("podman").main(["fail", "bug"]) == 125
    assert capfd.readouterr().err == (
        "Error: internal error: ZeroDivisionError: division by zero\n"
        "This is a fault in ocikit; run again with --log-level=debug to see where.\n"
    )
    make("podman").main(["fail", "bug", "--log-level=debug"])
    assert "Traceback" in capfd.readouterr().err


def test_version(make: Callable[[str], Program], capfd: pytest.CaptureFixture[str]) -> None:
    for words in (["--version"], ["-v"], ["--version", "ls"]):
        assert make("podman").main(words) == 0
        assert capfd.readouterr().out == "tool version 1.0\n"


HELP = """List things

Description:
  Lists things.
  All of them.

Usage:
  tool thing ls [options]

Aliases:
  ls, list

Examples:
  tool ls -a

Options:
  -a, --all                      Show all things
  -e, --env stringArray          Variables (default [A=1])
      --image string             Of this image
      --no-trunc                 Show all of them in full
      --pull string[="always"]   When (default "missing")
      --sort string              Sort by (default "name")

"""


@pytest.mark.parametrize(
    "words", [["thing", "ls", "--help"], ["help", "thing", "list"], ["thing", "ls", "-h", "--foo"]]
)
def test_help_of_a_command(make: Callable[[str], Program], capfd: pytest.CaptureFixture[str], words: list[str]) -> None:
    assert make("podman").main(words) == 0
    assert capfd.readouterr().out == HELP


def test_help_of_the_program(make: Callable[[str], Program], capfd: pytest.CaptureFixture[str]) -> None:
    assert make("podman").main(["--help"]) == 0
    out = capfd.readouterr().out
    assert out.startswith(
        "A tool\n\nUsage:\n  tool [options] [command]\n\nAvailable Commands:\n  help        Help about"
    )
    assert "\n  ls          List things\n" in out and "fail" not in out and "empty" not in out
    assert make("podman").main(["help", "nothing"]) == 0
    captured = capfd.readouterr()
    assert captured.err == "Unknown help topic [`nothing`]\n" and captured.out == out
    assert make("buildah").main([]) == 0
    assert "Usage:\n  buildah [flags]\n  buildah [command]\n" in capfd.readouterr().out


def test_h_may_be_a_flag(make: Callable[[str], Program]) -> None:
    assert make("podman").main(["run", "-h", "name", "img"]) == 0
    assert seen[0][1] == {"hostname": "name"}


@pytest.mark.parametrize(
    ("words", "incomplete", "expected"),
    [
        ([], "t", ["thing"]),
        ([], "l", ["ls"]),
        (["thing"], "", ["ls"]),
        (["--root", "/x", "thing"], "l", ["ls"]),
        (["ls"], "--a", ["--all"]),
        (["ls"], "--o", []),
        (["ls"], "--root", ["--root"]),
        (["ls", "--sort"], "", ["name", "size"]),
        (["ls"], "--sort=s", ["--sort=size"]),
        (["ls", "--image"], "b", ["busybox:1"]),
        (["run"], "", ["busybox:1", "alpine"]),
        (["run", "-t"], "al", ["alpine"]),
        (["ls", "--foo"], "", []),
        (["nothing"], "", []),
    ],
)
def test_completes(make: Callable[[str], Program], words: list[str], incomplete: str, expected: list[str]) -> None:
    context = Context(make("podman"), Values(()))
    assert [item.value for item in candidates(context, words, incomplete)] == expected


def test_completes_paths(make: Callable[[str], Program]) -> None:
    context = Context(make("podman"), Values(()))
    assert [item.kind for item in candidates(context, ["--root"], "/u")] == ["dir"]
    assert [item.kind for item in candidates(context, ["run", "img"], "/u")] == ["file"]


def test_broken_completer_offers_nothing(make: Callable[[str], Program], monkeypatch: pytest.MonkeyPatch) -> None:
    tool = make("podman")
    monkeypatch.setattr(sys.modules["fake_completers"], "images", lambda context, start: 1 / 0)
    assert candidates(Context(tool, Values(())), ["run"], "") == []


def test_cobras_protocol(make: Callable[[str], Program], capfd: pytest.CaptureFixture[str]) -> None:
    assert make("podman").main(["__complete", "run", ""]) == 0
    assert capfd.readouterr().out == "busybox:1\nalpine\tsmall\n:4\n"


def test_what_bash_takes_apart() -> None:
    assert _bash_words(["ls", "--sort", "="], "s") == (["ls"], "--sort=s", "--sort=")
    assert _bash_words(["run", "busybox", ":"], "") == (["run"], "busybox:", "busybox:")
    assert _bash_words(["run"], "b") == (["run"], "b", "")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(make: Callable[[str], Program], shell: str) -> None:
    script = source(make("podman"), shell)
    assert "_TOOL_COMPLETE" in script and f"{shell}_complete" in script
    assert f"{shell}_complete_nodesc" in source(make("podman"), shell, describe=False)
    if shutil.which(shell):
        subprocess.run([shell, "-n"], input=script, text=True, check=True)


def test_environment_protocol(
    make: Callable[[str], Program], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_TOOL_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "tool\nrun\nbusybox\n:\n")
    monkeypatch.setenv("COMP_CWORD", "4")
    assert make("podman").main([]) == 0
    assert capfd.readouterr().out == "plain,1\n"


def test_completion_command(
    make: Callable[[str], Program], capfd: pytest.CaptureFixture[str], tmp_path: pathlib.Path
) -> None:
    tool = make("podman")
    assert tool.main(["completion", "bash", "-f", str(tmp_path / "x")]) == 0
    assert "complete -o nosort" in (tmp_path / "x").read_text()
    assert tool.main(["completion", "powershell"]) == 125
    assert tool.main(["completion", "tcsh"]) == 125
    assert tool.main(["completion"]) == 125
    assert "accepts 1 arg(s), received 0" in capfd.readouterr().err


def test_output_that_cannot_be_written() -> None:
    pytest.importorskip("ocikit.podman.main")
    command = [sys.executable, "-c", "from ocikit.podman.main import PROGRAM; PROGRAM.main_and_exit(['--version'])"]
    with open("/dev/full", "w") as full:
        result = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, check=False)
    assert result.returncode == 125 and b"no space left on device" in result.stderr
    read_end, write_end = os.pipe()
    os.close(read_end)
    result = subprocess.run(command, stdout=write_end, stderr=subprocess.PIPE, check=False)
    os.close(write_end)
    # Ended by SIGPIPE without a word, as a program that knows nothing of the signal.
    assert result.returncode == -13 and result.stderr == b""
