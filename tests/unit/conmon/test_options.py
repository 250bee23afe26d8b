from __future__ import annotations

import pytest

from ocikit.conmon import help as help_page
from ocikit.conmon import options

BASE = ["-c", "0123456789abcdef", "-u", "u", "-r", "/bin/true"]


def parsed(*words: str, error: str | None = None) -> options.Options:
    chosen = options.parse(list(words))
    options.check(chosen, error, "/here")
    return chosen


def test_long_short_bundled_and_repeated() -> None:
    chosen = parsed(
        "--api-version", "1", "-cID", "-u", "U", "--runtime=/bin/true", "-ti", "-l", "none",
        "--runtime-arg", "--log", "--runtime-arg=x=y", "--restore-arg", "a", "--runtime-opt", "b", "-T", "7",
    )  # fmt: skip
    assert (chosen.cid, chosen.cuuid, chosen.api_version, chosen.timeout) == ("ID", "U", 1, 7)
    assert chosen.terminal and chosen.stdin
    assert chosen.runtime_arg == ["--log", "x=y"]
    assert chosen.runtime_opt == ["a", "b"]
    assert chosen.container_pidfile == "/here/pidfile-ID"
    assert chosen.bundle == "/here"


def test_exec_without_bundle_has_none() -> None:
    assert parsed(*BASE, "-l", "none", "-e", "--exec-process-spec", "p", "--api-version").bundle is None


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--bogus"], "conmon: option parsing failed: Unknown option --bogus"),
        (["-x"], "conmon: option parsing failed: Unknown option -x"),
        (["--cid"], "conmon: option parsing failed: Missing argument for --cid"),
        (["-c"], "conmon: option parsing failed: Missing argument for -c"),
        (
            ["--timeout", "abc"],
            "conmon: option parsing failed: Cannot parse integer value “abc” for --timeout",
        ),
        ([], "conmon: Container ID not provided. Use --cid"),
        (["--log-max-files", "-1"], "conmon: log-max-files must be non-negative, got -1"),
        (
            ["--log-rotate", "--log-max-files=0"],
            "conmon: log-max-files must be at least 1 when log-rotate is enabled, got 0",
        ),
        (["-c", "x", "-e", "--restore", "d"], "[conmon:e]: Cannot use 'exec' and 'restore' at the same time"),
        (["-c", "x", "--exec-attach"], "[conmon:e]: Attach can only be specified with exec"),
        (
            ["-c", "x", "-e", "--exec-attach"],
            "[conmon:e]: Attach can only be specified for a non-legacy exec session",
        ),
        (["-c", "x"], "[conmon:e]: Container UUID not provided. Use --cuuid"),
        (["-c", "x", "-u", "x"], "[conmon:e]: Runtime path not provided. Use --runtime"),
        (
            [*BASE, "-e", "--api-version"],
            "[conmon:e]: Exec process spec path not provided. Use --exec-process-spec",
        ),
        (
            [*BASE, "--exit-delay", "-1"],
            "[conmon:e]: Delay before invoking exit command must be greater than or equal to 0",
        ),
        (BASE, "[conmon:e]: Log driver not provided. Use --log-path"),
        ([*BASE, "-l", "bogus:x"], "[conmon:e]: No such log driver bogus"),
        ([*BASE, "-l", "json-file:/x"], "[conmon:e]: No such log driver json-file"),
        ([*BASE, "-l", "k8s-file"], "[conmon:e]: k8s-file requires a filename"),
        ([*BASE, "-l", ""], "[conmon:e]: log-path must not be empty"),
        ([*BASE, "-l", ":"], "[conmon:e]: log-path must not be empty"),
        ([*BASE, "-l", "/x", "--log-tag", "t"], "[conmon:e]: k8s-file doesn't support --log-tag"),
        (
            ["-c", "short", "-u", "u", "-r", "/bin/true", "-l", "journald"],
            "[conmon:e]: Container ID must be longer than 12 characters",
        ),
        ([*BASE, "-l", "none", "--log-level", "weird"], "[conmon:e]: No such log level weird"),
    ],
)
def test_complaints(words: list[str], text: str) -> None:
    with pytest.raises(options.Refused, match=r".*") as caught:
        parsed(*words)
    assert str(caught.value) == text


def test_unusable_runtime() -> None:
    with pytest.raises(options.Refused) as caught:
        parsed(*BASE, error="No such file or directory")
    assert str(caught.value) == "[conmon:e]: Runtime path /bin/true is not valid No such file or directory"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("k8s-file:/a/b", ("k8s-file", "/a/b")),
        ("k8s-file:/a:b", ("k8s-file", "/a")),
        ("/a/b", ("k8s-file", "/a/b")),
        (":/a/b", ("k8s-file", "/a/b")),
        ("none", ("none", "")),
        ("off", ("off", "")),
        ("null", ("null", "")),
        ("journald", ("journald", "")),
        ("journald:anything", ("journald", "anything")),
        ("passthrough", ("passthrough", "")),
    ],
)
def test_log_drivers(value: str, expected: tuple[str, str]) -> None:
    chosen = parsed(*BASE, "-l", value)
    assert chosen.drivers == [expected]
    assert chosen.passthrough == (value == "passthrough")


def test_help_names_every_option() -> None:
    text = help_page.text()
    assert all(f"--{name} " in text for name in options.TABLE)
