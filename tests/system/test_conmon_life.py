"""One container's life under a monitor, ours and the C one alike: what holds for both is the protocol."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ocikit.common.errors import CommandNotFound
from ocikit.libpod import attach, monitor, oci
from tests.support import leaks, machine
from tests.support.bundle import Container, config, unpack_rootfs


@pytest.fixture(scope="module")
def rootfs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    machine.skip(machine.why_not_containers() or machine.why_not_tool("busybox"))
    return unpack_rootfs(tmp_path_factory.mktemp("rootfs"))


@pytest.fixture(params=["ours", "distribution"])
def conmon(request: pytest.FixtureRequest) -> list[str]:
    if request.param == "ours":
        return [sys.executable, "-I", "-S", monitor.own_launcher()]
    if not os.access("/usr/bin/conmon", os.X_OK):
        pytest.skip("not installed: the distribution's conmon")
    return ["/usr/bin/conmon"]


@pytest.fixture
def container(tmp_path: Path, rootfs: Path, conmon: list[str]) -> Iterator[Container]:
    made = Container(tmp_path, rootfs, conmon)
    try:
        yield made
    finally:
        made.close()
    wait_until(lambda: not leaks.processes_with(made.cid))


def wait_until(condition: Callable[[], object], timeout_s: float = 10) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def test_output_status_and_files(container: Container) -> None:
    created = container.create("sh", "-c", "echo out; echo err >&2; printf part; exit 3")
    for name, kind in (("attach", 0o140000), ("ctl", 0o010000), ("winsz", 0o010000)):
        assert (container.bundle / name).stat().st_mode & 0o170000 == kind
    assert (container.folder / "pidfile").read_text() == str(created.container_pid)
    assert os.path.exists(f"/proc/{created.conmon_pid}")
    assert (container.folder / "conmon.pid").stat().st_mode & 0o777 == 0o644
    assert container.attached() == (b"out\npart", b"err\n")
    assert container.exit_status() == "3"
    assert (container.persist / "exit").read_text() == "3"
    assert sorted(container.lines()) == [("stderr", "F", "err"), ("stdout", "F", "out"), ("stdout", "P", "part")]
    wait_until(lambda: not (container.bundle / "attach").exists())
    assert (container.bundle / "ctl").exists()


def test_stdin_reaches_the_container_and_its_end_too(container: Container) -> None:
    container.create("cat", stdin=True)
    assert container.attached(send=b"hello\n") == (b"hello\n", b"")
    assert container.exit_status() == "0"


def test_without_stdin_it_is_dev_null(container: Container) -> None:
    container.create("sh", "-c", "cat; readlink /proc/self/fd/0")
    assert container.attached() == (b"/dev/null\n", b"")


def test_leave_stdin_open(container: Container) -> None:
    container.create("sh", "-c", "read a; read b; echo $a$b", stdin=True, leave_stdin_open=True)
    container.start()
    for text in (b"one\n", b"two\n"):
        sock = attach.connect(str(container.bundle / "attach"))
        sock.send(text)
        sock.close()
        time.sleep(0.1)
    assert container.exit_status() == "0"
    assert container.lines() == [("stdout", "F", "onetwo")]


def test_output_can_be_reopened_by_a_user_who_is_not_root(container: Container) -> None:
    container.create("sh", "-c", "echo again > /proc/self/fd/1; stat -L -c %a /proc/self/fd/1")
    expected = b"777" if "ocikit" in container.conmon[-1] else b"600"  # 2.1 left the mode alone
    assert container.attached()[0].split() == [b"again", expected]


def test_terminal_size_and_newlines(container: Container) -> None:
    container.create("sh", "-c", "stty size; tty; echo err >&2", terminal=True)
    assert attach.resize(str(container.bundle / "ctl"), 40, 100)
    out, err = container.attached()
    assert out == b"40 100\r\n/dev/pts/0\r\nerr\r\n"
    assert err == b""
    assert container.exit_status() == "0"
    assert container.lines()[0] == ("stdout", "F", "40 100\r")


def test_terminal_input(container: Container) -> None:
    container.create("sh", "-c", "read x; echo got $x", terminal=True)
    sock = attach.connect(str(container.bundle / "attach"))
    container.start()
    sock.send(b"word\n")
    text = b""
    while packet := sock.recv(9000):
        text += packet[1:]
    sock.close()
    assert b"got word\r\n" in text


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, "33"), (signal.SIGQUIT, "34"), (signal.SIGINT, "35")])
def test_signals_are_forwarded(container: Container, number: int, status: str) -> None:
    traps = "trap 'exit 33' TERM; trap 'exit 34' QUIT; trap 'exit 35' INT"
    created = container.create("sh", "-c", f"{traps}; echo up; while :; do sleep 0.1; done")
    container.start()
    container.wait_for_log("up")
    os.kill(created.conmon_pid, number)
    assert container.exit_status() == status


def test_killed_before_start(container: Container) -> None:
    container.create("true")
    container.runtime.kill(container.cid, 9)
    assert container.exit_status() == "137"


def test_timeout(container: Container) -> None:
    container.create("sleep", "60", timeout_s=1)
    container.start()
    assert container.exit_status() == "-1"


def test_surviving_background_process_does_not_delay_the_end(container: Container) -> None:
    spec = config(container.rootfs, ["sh", "-c", "sleep 3 & echo done"])
    # without a pid namespace of its own the child outlives the first process, with the pipe in its hand
    spec["linux"]["namespaces"] = [{"type": "mount"}]
    (container.bundle / "config.json").write_text(json.dumps(spec))
    container.monitor = monitor.create_container(container.options())
    container.start()
    assert container.exit_status(2.5) == "0"
    assert container.lines() == [("stdout", "F", "done")]


def test_closed_streams_do_not_end_the_container(container: Container) -> None:
    container.create("sh", "-c", "exec >&- 2>&-; sleep 0.3; exit 9")
    container.start()
    assert container.exit_status() == "9"


def test_create_fails_in_one_sentence(container: Container) -> None:
    done = container.folder / "cleaned"
    with pytest.raises(CommandNotFound, match="executable file not found in"):
        container.create("nosuchcommand", exit_command=["/bin/sh", "-c", f"touch {done}"])
    wait_until(done.exists)  # the exit command runs after a failed create, too
    assert not (container.exits / container.cid).exists()


def test_exit_command_runs_after_the_exit_file(container: Container) -> None:
    done = container.folder / "cleaned"
    script = f"(cat {container.exits / container.cid}; readlink /proc/$$/fd/1) > {done}.tmp; mv {done}.tmp {done}"
    container.create("sh", "-c", "exit 4", exit_command=["/bin/sh", "-c", script])
    container.start()
    assert container.exit_status() == "4"
    assert container.monitor is not None
    container.monitor.close()  # this engine leaves the clean-up to the monitor
    wait_until(done.exists)
    assert done.read_text() == "4/dev/null\n"


def test_three_clients_get_everything(container: Container) -> None:
    container.create("seq", "1", "5000")
    socks = [attach.connect(str(container.bundle / "attach")) for _ in range(3)]
    container.start()
    expected = b"".join(b"%d\n" % number for number in range(1, 5001))
    for sock in socks:
        got = b""
        while packet := sock.recv(9000):
            assert len(packet) <= 8193
            assert packet[0] == 2
            got += packet[1:]
        assert got == expected
        sock.close()


def test_size_limit_truncates(container: Container) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do printf '%040d\\n' $i; usleep 20000; done"
    container.create("sh", "-c", script, log_size_max=300)
    container.start()
    assert container.exit_status() == "0"
    assert [int(text) for _, _, text in container.lines()] == [7, 8]


def test_logs_reopen(container: Container) -> None:
    container.create("sh", "-c", "echo one; read x; echo two", stdin=True)
    container.start()
    container.wait_for_log("one")
    container.log.rename(container.bundle / "old")
    assert attach.reopen_logs(str(container.bundle / "ctl"))
    wait_until(container.log.exists)
    container.attached(before_start=False, send=b"\n")
    assert container.lines() == [("stdout", "F", "two")]


def test_long_line_without_newlines(container: Container) -> None:
    container.create("sh", "-c", "head -c 20000 /dev/zero | tr '\\0' x > /tmp/x; cat /tmp/x; echo")
    assert container.attached() == (b"x" * 20000 + b"\n", b"")
    lines = container.lines()
    assert "".join(text for _, _, text in lines) == "x" * 20000
    assert all(len(text) <= 8192 for _, _, text in lines)


def test_no_log(container: Container) -> None:
    container.create("echo", "hi", log=["none"])
    assert container.attached() == (b"hi\n", b"")
    assert not container.log.exists()


def test_passthrough_has_no_sockets(container: Container, capfd: pytest.CaptureFixture[str]) -> None:
    container.create("echo", "straight", log=["passthrough"])
    assert not (container.bundle / "attach").exists()
    assert not (container.bundle / "ctl").exists()
    container.start()
    assert container.exit_status() == "0"
    assert "straight" in capfd.readouterr().out


def test_out_of_memory_leaves_a_mark(container: Container) -> None:
    if not os.path.isdir("/sys/fs/cgroup/memory") and not os.path.exists("/sys/fs/cgroup/cgroup.controllers"):
        pytest.skip("no memory controller here")
    container.create("sh", "-c", "head -c 60000000 /dev/zero | tail -c 60000000 | wc -c", memory=16 << 20)
    container.start()
    container.exit_status()
    assert (container.persist / "oom").exists()
    if "ocikit" in container.conmon[-1]:  # 2.1 has this one elsewhere
        assert (container.bundle / "oom").exists()


def test_long_bundle_path(tmp_path: Path, rootfs: Path, conmon: list[str]) -> None:
    made = Container(tmp_path / ("x" * 100) / ("y" * 60), rootfs, conmon)
    try:
        made.create("echo", "far")
        assert made.attached() == (b"far\n", b"")
    finally:
        made.close()


# -- exec sessions ----------------------------------------------------------------------------------------------------


@pytest.fixture
def running(container: Container) -> Container:
    container.create("sleep", "60")
    container.start()
    return container


def test_exec_attached(running: Container) -> None:
    session, folder = running.exec("sh", "-c", "cat; echo err >&2; exit 6", stdin=True)
    sock = attach.connect(session.attach_path)
    assert session.start() > 0
    sock.send(b"in\n")
    sock.shutdown(1)
    out = {2: b"", 3: b""}
    while packet := sock.recv(9000):
        out[packet[0]] += packet[1:]
    assert out == {2: b"in\n", 3: b"err\n"}
    assert session.exit_code(20) == 6
    assert (folder / "exit" / running.cid).read_text() == "6"
    assert (folder / "persist" / running.cid / "exit").read_text() == "6"
    sock.close()
    session.close()


def test_exec_with_terminal(running: Container) -> None:
    # the runtime starts the process without waiting until the monitor has set the size
    session, _ = running.exec("sh", "-c", "usleep 300000; stty size", terminal=True)
    assert attach.resize(session.ctl_path, 33, 99)
    sock = attach.connect(session.attach_path)
    session.start()
    text = b""
    while packet := sock.recv(9000):
        text += packet[1:]
    assert text == b"33 99\r\n"
    assert session.exit_code(20) == 0
    sock.close()
    session.close()


def test_exec_of_a_missing_command(running: Container) -> None:
    session, _ = running.exec("nosuchcommand")
    with pytest.raises(CommandNotFound):
        session.start()
    session.close()


def test_exec_timeout(running: Container) -> None:
    session, _ = running.exec("sleep", "30", timeout_s=1)
    session.start()
    assert session._starting.read_message(10) == (-1, "command timed out")
    session.close()


# -- ours alone -------------------------------------------------------------------------------------------------------


@pytest.fixture
def ours(tmp_path: Path, rootfs: Path) -> Iterator[Container]:
    made = Container(tmp_path, rootfs, [sys.executable, "-I", "-S", monitor.own_launcher()])
    yield made
    made.close()
    wait_until(lambda: not leaks.processes_with(made.cid))


def test_health_command_runs_again_and_again(ours: Container) -> None:
    beats = ours.folder / "beats"
    command = ["/bin/sh", "-c", f"echo $0 >> {beats}; exit 1", "checked"]
    ours.create("sleep", "60", health_command=command, health_interval_s=1)
    ours.start()
    wait_until(lambda: beats.exists() and beats.read_text().count("checked") >= 2)
    ours.runtime.kill(ours.cid, 9)
    assert ours.exit_status() == "137"


def test_a_client_that_does_not_read_holds_up_the_output_but_nothing_else(ours: Container) -> None:
    created = ours.create("sh", "-c", "trap 'exit 5' TERM; yes line | head -c 3000000; while :; do sleep 0.1; done")
    stuck = attach.connect(str(ours.bundle / "attach"))
    ours.start()
    time.sleep(0.5)
    assert ours.log.stat().st_size < 10_000_000, "the stuck client did not hold up the output"
    reader = attach.connect(str(ours.bundle / "attach"))  # the loop still serves
    assert attach.resize(str(ours.bundle / "ctl"), 10, 10)
    reader.close()
    stuck.close()  # and it goes on once the client has gone
    wait_until(lambda: ours.log.read_bytes().count(b" F line\n") >= 599_000)
    os.kill(created.conmon_pid, signal.SIGTERM)
    assert ours.exit_status() == "5"


def test_hundred_exec_and_attach_sessions_leave_nothing_open(ours: Container) -> None:
    created = ours.create("sleep", "600", stdin=True, leave_stdin_open=True)
    ours.start()
    attach.connect(str(ours.bundle / "attach")).close()
    time.sleep(0.2)
    own = set(os.listdir("/proc/self/fd"))
    monitors = set(os.listdir(f"/proc/{created.conmon_pid}/fd"))
    for number in range(30):
        sock = attach.connect(str(ours.bundle / "attach"))
        sock.send(b"x")
        sock.close()
        if number % 3 == 0:
            session, _ = ours.exec("true")
            sock = attach.connect(session.attach_path)
            session.start()
            assert session.exit_code(20) == 0
            sock.close()
            session.close()
    wait_until(lambda: set(os.listdir(f"/proc/{created.conmon_pid}/fd")) == monitors)
    assert set(os.listdir("/proc/self/fd")) == own


def test_the_engine_dies_and_the_container_lives_on(ours: Container) -> None:
    created = ours.create("sh", "-c", "sleep 0.5; echo late; exit 8")
    created.sync.close()
    ours.start()
    wait_until((ours.exits / ours.cid).exists)
    assert (ours.exits / ours.cid).read_text() == "8"
    assert ours.lines() == [("stdout", "F", "late")]


def test_killed_while_creating_leaves_no_runtime_behind(ours: Container) -> None:
    (ours.bundle / "config.json").write_text(json.dumps(config(ours.rootfs, ["sleep", "60"])))
    for delay in (0.0, 0.01, 0.02, 0.03, 0.05):
        starting = monitor.spawn(ours.options())
        time.sleep(delay)
        starting.abort()
    assert not leaks.processes_with(ours.cid)


@pytest.mark.parametrize("says_so", [True, False])
def test_the_engine_may_clean_up_itself(ours: Container, says_so: bool) -> None:
    done = ours.folder / "cleaned"
    created = ours.create("true", exit_command=["/bin/sh", "-c", f"touch {done}"])
    ours.start()
    assert ours.exit_status() == "0"
    assert not done.exists()  # it waits for the engine's word
    if says_so:
        created.cleaned_up()
    created.close()
    wait_until(lambda: not os.path.exists(f"/proc/{created.conmon_pid}") or done.exists())
    assert done.exists() != says_so


def test_memory(ours: Container) -> None:
    created = ours.create("sleep", "60")
    ours.start()
    time.sleep(0.5)
    found = {}
    for line in Path(f"/proc/{created.conmon_pid}/smaps_rollup").read_text().splitlines()[1:]:
        key, value, *_ = line.split()
        found[key] = int(value)
    assert found["Rss:"] <= 9 * 1024
    assert found["Private_Dirty:"] <= 3.5 * 1024


def test_crun(tmp_path: Path, rootfs: Path, conmon: list[str]) -> None:
    machine.skip(machine.why_not_tool("crun", "unshare"))
    # crun refuses machines with both cgroup versions, even without cgroups: hide one from it
    wrapper = tmp_path / "crun"
    hide = "umount /sys/fs/cgroup/unified 2>/dev/null"
    wrapper.write_text(f'#!/bin/sh\nexec unshare -m sh -c \'{hide}; exec {machine.find("crun")} "$@"\' crun "$@"\n')
    wrapper.chmod(0o755)
    runtime = oci.OciRuntime(str(wrapper), ["--root", str(tmp_path / "state"), "--cgroup-manager", "disabled"])
    made = Container(tmp_path / "first", rootfs, conmon, runtime)
    try:
        made.create("sh", "-c", "cat; exit 3", stdin=True)
        assert made.attached(send=b"through crun\n") == (b"through crun\n", b"")
        assert made.exit_status() == "3"
    finally:
        made.close()
    with pytest.raises(CommandNotFound):
        Container(tmp_path / "second", rootfs, conmon, runtime).create("nosuchcommand")
