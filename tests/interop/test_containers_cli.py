"""The same command lines with the distribution's podman and ours: exit code, standard output, first line of standard error.

Each tool works on its own store with the same image. Ids, times and sizes are replaced by marks before comparing.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import machine
from tests.support.sandbox import Result, Sandbox

IMAGE = "localhost/bb:latest"
N = "--network none"

# Command lines in groups: a group's lines share containers. "!" before a line: only the exit code is compared, with the
# reason behind "#".
GROUPS = {
    "run": [
        f"run --rm {N} IMG echo hello",
        f"run --rm {N} IMG sh -c 'echo out; echo err >&2; exit 7'",
        f"run --rm {N} IMG sh -c 'exit 255'",
        f"run --rm {N} IMG sh -c 'kill -9 $$'",
        f"run --rm {N} IMG sh -c 'kill -TERM $$'",
        f"!run --rm {N} IMG nocmd  # newer words",
        f"!run --rm {N} IMG /etc/passwd  # newer words",
        f"run --rm {N} -w /tmp IMG pwd",
        f"run --rm {N} -e A=1 -e B=2 IMG sh -c 'echo $A $B'",
        f"run --rm {N} --env A=1 --unsetenv PATH IMG /bin/sh -c 'echo $A'",
        f"run --rm {N} -h hosty IMG hostname",
        f"!run --rm {N} --hostname hosty IMG cat /etc/hostname  # 5.x ends the line",
        f"run --rm {N} -u 1234 IMG id -u",
        f"run --rm {N} -u 1234:99 IMG id -g",
        f"run --rm {N} -u nouser IMG id",
        f"run --rm {N} --entrypoint echo IMG a b",
        f'run --rm {N} --entrypoint \'["echo","x"]\' IMG a b',
        f"run --rm {N} --read-only IMG touch /x",
        f"run --rm {N} --tmpfs /t:size=1m IMG df -k /t",
        f"run --rm {N} --cap-drop all IMG grep CapEff /proc/self/status",
        f"run --rm {N} --cap-drop all --cap-add chown IMG grep CapEff /proc/self/status",
        f"run --rm {N} --cap-add foo IMG true",
        f"run --rm {N} --security-opt no-new-privileges IMG grep NoNewPrivs /proc/self/status",
        f"run --rm {N} --security-opt seccomp=unconfined IMG grep Seccomp: /proc/self/status",
        f"run --rm {N} --ulimit nofile=100:200 --ulimit nproc=100:200 IMG sh -c 'ulimit -n; ulimit -Hn'",
        f"run --rm {N} --sysctl kernel.shm_rmid_forced=1 IMG cat /proc/sys/kernel/shm_rmid_forced",
        f"run --rm {N} --shm-size 1m IMG df -k /dev/shm",
        f"run --rm {N} --pids-limit 50 IMG cat /sys/fs/cgroup/pids/pids.max",
        f"run --rm {N} -m 64m IMG cat /sys/fs/cgroup/memory/memory.limit_in_bytes",
        f"run --rm {N} --cpus 0.5 IMG cat /sys/fs/cgroup/cpu/cpu.cfs_quota_us",
        f"run --rm {N} --cpu-shares 512 IMG cat /sys/fs/cgroup/cpu/cpu.shares",
        f"run --rm {N} --umask 0077 IMG sh -c umask",
        f"run --rm {N} --pid host IMG sh -c 'test -d /proc/1'",
        f"run --rm {N} --ipc none IMG sh -c 'ls -d /dev/shm'",
        f"run --rm {N} -v /etc/hostname:/h:ro IMG cat /h",
        f"run --rm {N} -v /etc/hostname:/h:ro IMG sh -c 'echo x > /h'",
        f"run --rm {N} --mount type=bind,src=/etc/hostname,dst=/h,ro IMG cat /h",
        f"run --rm {N} --mount type=tmpfs,dst=/t,tmpfs-size=1m IMG sh -c 'df -k /t | tail -1'",
        f"run --rm {N} -v vol1:/v IMG sh -c 'echo x > /v/f; cat /v/f'",
        f"run --rm {N} -v vol1:/v IMG cat /v/f",
        f"run --rm {N} --device /dev/null:/dev/xnull IMG ls /dev/xnull",
        f"run --rm {N} --privileged IMG ls /dev/mem",
        f"run --rm {N} --group-add 44 IMG id -G",
        f"run --rm {N} --stop-signal FOO IMG true",
        f"run --rm {N} --log-driver none IMG echo x",
        f"run --rm {N} --label a=b --annotation c=d IMG true",
        f"run --rm {N} -i IMG cat",
        f"run --rm {N} -t IMG sh -c 'echo $TERM'",
        "run --rm --network host IMG hostname",
        "run --rm --pid weird IMG true",
        f"run --rm {N} --timeout 1 IMG sleep 10",
    ],
    "errors": [
        "start nope",
        "stop nope",
        "kill nope",
        "rm nope",
        "rm -f nope",
        "exec nope true",
        "logs nope",
        "attach nope",
        "wait nope",
        "inspect nope",
        "container inspect nope",
        "top nope",
        "port nope",
        "pause nope",
        "unpause nope",
        "rename nope x",
        "diff nope",
        "restart nope",
        "init nope",
        "container exists nope",
        "stop",
        "rm",
        "!run  # words of the arguments differ by version",
        "ps --filter bad=x",
        "run -v /nope/x:/x IMG true",
        "run -v /tmp:relative IMG true",
        "run -v /tmp:/x:weird IMG true",
        "run --rm --restart always IMG true",
        "run --memory 64m --memory-swap 1m IMG true",
        "run --device /dev/nope IMG true",
        "create --name 'a b' IMG",
        "kill -s FOO nope",
    ],
    "life": [
        f"!create --name c1 {N} IMG sleep 100  # an id",
        "ps -a --format '{{.Names}} {{.ExitCode}}'",
        "start c1",
        "ps --format '{{.Names}} {{.Command}} {{.Image}}'",
        "exec c1 echo hi",
        "exec c1 sh -c 'exit 3'",
        "exec -e X=1 c1 sh -c 'echo $X'",
        "exec -w /tmp c1 pwd",
        "exec -u 1234 c1 id -u",
        "!exec c1 nocmd  # newer words",
        "exec -u nouser c1 true",
        "pause c1",
        "ps --format '{{.Names}}'",
        "exec c1 true",
        "unpause c1",
        "!rm c1  # newer exit code words",
        "stop -t 0 c1",
        "ps -a --format '{{.Names}} {{.ExitCode}}'",
        "exec c1 true",
        "!pause c1  # words",
        "start c1",
        "kill c1",
        "wait c1",
        "!kill c1  # words",
        "rename c1 c2",
        "inspect --format '{{.Name}} {{.State.Status}} {{.Path}} {{.Args}} {{.Config.Cmd}}' c2",
        "inspect --format '{{.HostConfig.NetworkMode}} {{.HostConfig.ShmSize}}' c2",
        "restart -t 0 c2",
        "logs c2",
        "diff c2",
        "rm -f -t 0 c2",
        "ps -aq",
    ],
    "logs": [
        f"!run -d --name l {N} IMG sh -c 'echo a; echo b >&2; echo c'  # an id",
        "wait l",
        "logs l",
        "logs --tail 1 l",
        "logs --since 1h l",
        "logs --until 1h l",
        "rm l",
    ],
}


@pytest.fixture
def box(sandbox: Sandbox, busybox: Path) -> Iterator[tuple[Sandbox, Path]]:
    machine.skip(machine.why_not_tool("podman"))
    yield sandbox, busybox
    sandbox.podman("rm", "-f", "-a", "-t", "0", check=False)
    real(sandbox, "rm", "-f", "-a", "-t", "0")


def roots(box: Sandbox, which: str) -> list[str]:
    top = box.folder / which
    return [f"--root={top}/g", f"--runroot={top}/r", f"--tmpdir={top}/t", f"--storage-driver={box.driver}"]


def real(box: Sandbox, *words: str, input: str | None = None) -> Result:
    return box.run(["/usr/bin/podman", *roots(box, "real"), *words], check=False, input=input)


def ours(box: Sandbox, *words: str, input: str | None = None) -> Result:
    from tests.support.sandbox import OURS

    return box.run([OURS / "podman", *roots(box, "ours"), *words], check=False, input=input)


def plain(text: str) -> str:
    text = re.sub(r"\b[0-9a-f]{64}\b", "<id>", text)
    text = re.sub(r"\b[0-9a-f]{12}\b", "<id>", text)
    return re.sub(r"(?m)^time=.*\n?", "", text)


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS)
def test_same_answers(box: tuple[Sandbox, Path], group: str) -> None:
    sandbox, layout = box
    for tool in (real, ours):
        tool(sandbox, "pull", "-q", f"oci:{layout}:latest")
        image = tool(sandbox, "images", "-q").stdout.split()[0]
        tool(sandbox, "tag", image, IMAGE)
    differences = []
    for line in GROUPS[group]:
        only_code = line.startswith("!")
        words = shlex.split(line.lstrip("!"), comments=only_code)
        words = [IMAGE if word == "IMG" else word for word in words]
        theirs, mine = real(sandbox, *words, input="in\n"), ours(sandbox, *words, input="in\n")
        if theirs.returncode != mine.returncode:
            differences.append(
                f"{line}\n  exit code {theirs.returncode} / {mine.returncode}\n  {theirs.stderr}  {mine.stderr}"
            )
        elif not only_code and plain(theirs.stdout) != plain(mine.stdout):
            differences.append(f"{line}\n  stdout {theirs.stdout!r}\n       / {mine.stdout!r}")
        elif not only_code and plain(theirs.stderr)[:7] != plain(mine.stderr)[:7]:
            differences.append(f"{line}\n  stderr {theirs.stderr!r}\n       / {mine.stderr!r}")
    assert not differences, "\n".join(differences)
