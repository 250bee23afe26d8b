from __future__ import annotations

import os
from pathlib import Path

import pytest

from ocikit.libpod import monitor, oci


@pytest.mark.parametrize(
    ("text", "code", "shown"),
    [
        (
            'runc create failed: unable to start container process: exec: "nocmd": executable file not found in $PATH',
            127,
            'runc: runc create failed: unable to start container process: exec: "nocmd": executable file not found in '
            "$PATH: OCI runtime attempted to invoke a command that was not found",
        ),
        ('exec: "/x": stat /x: no such file or directory', 127, None),
        (
            'exec: "/etc/passwd": permission denied',
            126,
            'runc: exec: "/etc/passwd": permission denied: OCI permission denied',
        ),
        ("something else", 126, "OCI runtime error: runc: something else"),
        ("", 126, "OCI runtime error: runc: start failed without a message"),
    ],
)
def test_failures(text: str, code: int, shown: str | None) -> None:
    error = oci.failure("runc", text, "start")
    assert error.exit_code == code
    if shown:
        assert str(error) == shown


def test_texts() -> None:
    assert oci.plain_text(b'time="x" level=error msg="container \\"a\\" gone"\n') == 'container "a" gone'
    assert oci.plain_text(b"plain words\n\n") == "plain words"
    assert oci.plain_text(b"") == ""


def test_log_text(tmp_path: Path) -> None:
    log = tmp_path / "oci-log"
    log.write_text('{"level":"warning","msg":"w","time":"t"}\n{"level":"error","msg":"bad \\"x\\"","time":"t"}\n')
    assert oci.log_text(str(log)) == 'bad "x"'
    assert oci.log_text(str(tmp_path / "none")) == ""


def test_runtime_lookup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    binary = tmp_path / "myrunc"
    binary.write_text("#!/bin/sh\n")
    binary.chmod(0o755)
    assert oci.find_runtime(str(binary)) == str(binary)
    assert oci.find_runtime("custom", {"custom": ["/nope", str(binary)]}) == str(binary)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert oci.find_runtime("myrunc") == str(binary)
    with pytest.raises(oci.RuntimeMissing) as caught:
        oci.find_runtime("nonesuch")
    assert caught.value.exit_code == 125
    assert "Install" in caught.value.hint
    with pytest.raises(oci.RuntimeMissing):
        oci.find_runtime(str(tmp_path / "absent"))


def test_call_captures_both_streams_and_signals() -> None:
    done = oci.call(["/bin/sh", "-c", "echo out; echo err >&2; exit 7"])
    assert (done.code, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    assert oci.call(["/bin/sh", "-c", "kill -9 $$"]).code == 137


def test_monitor_command_line() -> None:
    options = monitor.MonitorOptions(
        runtime=oci.OciRuntime("/usr/bin/runc", ["--root", "/r"]),
        conmon=["/usr/bin/conmon"],
        cid="CID",
        name="web",
        bundle="/b",
        pidfile="/p",
        conmon_pidfile="/c",
        exit_dir="/exits",
        persist_dir="/persist",
        log=["k8s-file:/l"],
        log_size_max=10,
        oci_log="/o",
        stdin=True,
        exit_command=["/podman", "container", "cleanup", "CID"],
        preserve_fds=2,
        timeout_s=3,
    )
    assert monitor.command_line(options) == (
        "/usr/bin/conmon --api-version 1 -c CID -u CID -r /usr/bin/runc -b /b -p /p -n web --exit-dir /exits --persist-dir"
        " /persist --full-attach -l k8s-file:/l --log-level warning --syslog --log-size-max 10"
        " --runtime-arg=--log-format=json --runtime-arg=--log --runtime-arg=/o --runtime-arg=--root --runtime-arg=/r -i"
        " --timeout=3 --conmon-pidfile /c --exit-command /podman --exit-command-arg container --exit-command-arg cleanup"
        " --exit-command-arg CID --runtime-opt --preserve-fds --runtime-opt 2"
    ).split(" ")


def test_find_conmon(tmp_path: Path) -> None:
    with pytest.raises(monitor.MonitorFailed) as caught:
        monitor.find_conmon(str(tmp_path / "none"))
    assert caught.value.exit_code == 125
    assert monitor.find_conmon("/bin/sh") == ["/bin/sh"]


def test_a_monitor_that_fails_at_once_is_one_sentence(tmp_path: Path) -> None:
    before = set(os.listdir("/proc/self/fd"))
    options = monitor.MonitorOptions(
        runtime=oci.OciRuntime("/bin/true"), conmon=["/bin/false"], cid="C", bundle=str(tmp_path), pidfile="/p"
    )
    with pytest.raises(monitor.MonitorFailed, match="exit status 1"):
        monitor.create_container(options)
    monitor.spawn(options).abort()
    assert set(os.listdir("/proc/self/fd")) == before
