"""The pure pieces: messages, control lines, notify filter, cgroup texts, memory map, runtime command lines."""

from __future__ import annotations

import json

import pytest

from ocikit.conmon import control, kernel, messages, notify, oom, options, runtime


def test_message_layout_is_byte_exact() -> None:
    assert messages.message(b"data", 29139) == b'{"data": 29139}\n'
    assert messages.message(b"data", -1, b'a "/x"\n\x01\x7f\xc3') == (
        b'{"data": -1, "message": "a \\"\\/x\\"\\n\\u0001\\u007f\xc3"}\n'
    )


def test_every_text_survives_json() -> None:
    text = "".join(map(chr, range(0x250)))
    assert json.loads(messages.message(b"data", -1, text.encode()))["message"] == text


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (b"1 40 100", (1, 40, 100)),
        (b"2 0 0", (2, 0, 0)),
        (b"1 40", None),
        (b"1 1001 1", None),
        (b"1 -1 1", None),
        (b"x 1 1", None),
        (b"", None),
    ],
)
def test_control_lines(line: bytes, expected: tuple[int, int, int] | None) -> None:
    assert control.parse(line) == expected


def test_notify_passes_only_what_a_container_may_say() -> None:
    said = b"READY=1\nMAINPID=5\nSTATUS=up\nFDSTORE=1\nWATCHDOG=trigger\nREADY=11\nERRNO=2"
    assert notify.filtered(said) == b"READY=1\nSTATUS=up\nWATCHDOG=trigger\nERRNO=2"
    assert notify.filtered(b"MAINPID=1") == b""


def test_cgroup_texts() -> None:
    hybrid = b"12:pids:/a\n5:memory:/libpod_parent/x:y\n3:cpu,cpuacct:/c\n0::/unified\n"
    assert oom.cgroup_path(hybrid, "memory") == "/libpod_parent/x:y"
    assert oom.cgroup_path(hybrid, "cpuacct") == "/c"
    assert oom.cgroup_path(hybrid, "") == "/unified"
    assert oom.cgroup_path(hybrid, "rdma") is None
    assert oom.oom_count(b"low 1\nhigh 2\nmax 3\noom 4\noom_kill 5\noom_group_kill 6\n") == 9


def test_only_untouched_file_mappings_are_dropped() -> None:
    smaps = b"""\
00400000-00420000 r--p 00000000 fd:00 1 /usr/bin/python3
Rss: 8 kB
Anonymous:             0 kB
00420000-00500000 r-xp 00020000 fd:00 1 /usr/bin/python3
Anonymous:             4 kB
00500000-00600000 rw-p 00000000 fd:00 1 /usr/bin/python3
Anonymous:             0 kB
00700000-00701000 r--p 00000000 00:00 0
Anonymous:             0 kB
00800000-00801000 r-xp 00000000 00:00 0 [vdso]
Anonymous:             0 kB
"""
    assert kernel.clean_mappings(smaps) == [(0x400000, 0x20000)]


def _options(*words: str) -> options.Options:
    chosen = options.parse(["-c", "ID", "-u", "ID", "-r", "/usr/bin/runc", "-p", "/p", "-l", "none", *words])
    options.check(chosen, None, "/b")
    return chosen


@pytest.mark.parametrize(
    ("words", "socket", "expected"),
    [
        ([], None, "/usr/bin/runc create --bundle /b --pid-file /p ID"),
        (
            ["-s", "--runtime-arg", "--log=x", "--no-pivot", "--no-new-keyring", "--runtime-opt", "o"],
            "/c",
            "/usr/bin/runc --systemd-cgroup --log=x create --bundle /b --pid-file /p --no-pivot --no-new-keyring o"
            " --console-socket /c ID",
        ),
        (
            ["--restore", "/img"],
            None,
            "/usr/bin/runc restore --bundle /b --pid-file /p --detach --image-path /img --work-path /b ID",
        ),
        (
            ["-s", "-e", "--exec-process-spec", "/spec", "--api-version", "--runtime-opt", "o"],
            None,
            "/usr/bin/runc exec --pid-file /p --process /spec --detach o ID",
        ),
    ],
)
def test_runtime_command_lines(words: list[str], socket: str | None, expected: str) -> None:
    assert " ".join(runtime.command_line(_options(*words), socket)) == expected
