"""Health checks that run by themselves: the monitor's timer, start period, start-up checks, actions, what is shown of them."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.sandbox import Sandbox

IMAGE = "localhost/bb:latest"
OK = "--health-cmd=test -f /tmp/ok"
OFTEN = "--health-interval=1s"


@pytest.fixture
def box(sandbox: Sandbox, busybox: Path) -> Iterator[Sandbox]:
    """A sandbox with the image in its store."""
    sandbox.podman("pull", "-q", f"oci:{busybox}:latest")
    sandbox.podman("tag", sandbox.podman("images", "-q").stdout.split()[0], IMAGE)
    yield sandbox
    sandbox.podman("rm", "-f", "-a", "-t", "0", check=False)


LIVE = "trap 'exit 143' TERM; while :; do sleep 0.2; done"


def run(box: Sandbox, name: str, *flags: str) -> None:
    """A container that lives until it is told to end, with health flags."""
    box.podman("run", "-d", "--network=none", "--name", name, *flags, IMAGE, "sh", "-c", LIVE)


def inspected(box: Sandbox, name: str) -> dict[str, Any]:
    (document,) = json.loads(box.podman("inspect", name).stdout)
    return dict(document)


def health(box: Sandbox, name: str) -> dict[str, Any]:
    return dict(inspected(box, name)["State"]["Health"])


def until(condition: Callable[[], bool], limit_s: float = 60) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.2)


def shown(box: Sandbox, name: str) -> str:
    return box.podman("ps", "-a", "--filter", f"name={name}", "--format", "{{.Status}}").stdout.strip()


def events(box: Sandbox, name: str) -> list[dict[str, Any]]:
    out = box.podman("events", "--stream=false", "--filter", f"container={name}", "--format", "json").stdout
    return [json.loads(line) for line in out.splitlines()]


def test_starting_unhealthy_healthy_without_anybody_asking(box: Sandbox) -> None:
    run(box, "h", OK, OFTEN, "--health-retries=2")
    until(lambda: health(box, "h")["Status"] == "unhealthy")
    assert shown(box, "h").endswith("(unhealthy)")
    log = health(box, "h")
    assert log["FailingStreak"] >= 2 and log["Log"][-1]["ExitCode"] == 1
    box.podman("exec", "h", "touch", "/tmp/ok")
    box.podman("wait", "--condition=healthy", "h")
    assert shown(box, "h").endswith("(healthy)") and health(box, "h")["FailingStreak"] == 0
    assert box.podman("ps", "-q", "--filter", "health=healthy").stdout
    seen = [e for e in events(box, "h") if e["Status"] == "health_status"]
    assert {e["HealthStatus"] if "HealthStatus" in e else e.get("health_status") for e in seen} >= {
        "unhealthy",
        "healthy",
    }
    box.podman("stop", "-t", "0", "h")
    assert shown(box, "h").endswith("(healthy)")
    box.podman("rm", "h")


def test_no_timer_with_interval_disable(box: Sandbox) -> None:
    run(box, "h", OK, "--health-interval=disable")
    run(box, "clock", OK, OFTEN)
    until(lambda: len(health(box, "clock")["Log"] or []) >= 2)
    assert not health(box, "h")["Log"]
    assert shown(box, "h").endswith("(starting)")
    done = box.podman("healthcheck", "run", "h", check=False)
    assert (done.returncode, done.stdout) == (1, "unhealthy\n")


def test_failures_in_the_start_period_do_not_count(box: Sandbox) -> None:
    run(box, "h", OK, OFTEN, "--health-retries=1", "--health-start-period=1h")
    until(lambda: len(health(box, "h")["Log"] or []) >= 2)
    log = health(box, "h")
    assert (log["Status"], log["FailingStreak"]) == ("starting", 0)


def test_only_the_last_results_are_kept_and_cut(box: Sandbox) -> None:
    run(box, "h", "--health-cmd=echo 0123456789", OFTEN, "--health-max-log-count=2", "--health-max-log-size=4")
    first = lambda: (health(box, "h")["Log"] or [{"Start": ""}])[0]["Start"]  # noqa: E731
    until(lambda: len(health(box, "h")["Log"] or []) == 2)
    before = first()
    until(lambda: first() != before)
    log = health(box, "h")["Log"]
    assert [entry["Output"] for entry in log] == ["0123", "0123"]


def test_the_log_goes_where_it_is_wanted(box: Sandbox, tmp_path: Path) -> None:
    run(box, "h", "--health-cmd=true", OFTEN, f"--health-log-destination={tmp_path}")
    until(lambda: health(box, "h")["Status"] == "healthy")
    (file,) = tmp_path.iterdir()
    assert json.loads(file.read_text())["Status"] == "healthy"


@pytest.mark.parametrize(("action", "code"), [("kill", 137), ("stop", 143)])
def test_an_unhealthy_container_is_ended(box: Sandbox, action: str, code: int) -> None:
    run(box, "h", OK, OFTEN, "--health-retries=1", f"--health-on-failure={action}")
    box.podman("wait", "h")
    until(lambda: inspected(box, "h")["State"]["Status"] == "exited")
    assert inspected(box, "h")["State"]["ExitCode"] == code
    assert shown(box, "h").endswith("(unhealthy)")


def test_an_unhealthy_container_is_restarted_and_checked_again(box: Sandbox) -> None:
    run(box, "h", OK, OFTEN, "--health-retries=1", "--health-on-failure=restart")
    restarts = lambda: sum(event["Status"] == "restart" for event in events(box, "h"))  # noqa: E731
    until(lambda: restarts() >= 2)
    until(lambda: inspected(box, "h")["State"]["Status"] == "running")


def test_startup_check_comes_first_in_its_own_interval(box: Sandbox) -> None:
    run(
        box, "h", "--health-cmd=test -f /tmp/well", OFTEN, "--health-retries=1",
        "--health-startup-cmd=test -f /tmp/up", "--health-startup-interval=1s", "--health-startup-success=2",
    )  # fmt: skip
    until(lambda: len(health(box, "h")["Log"] or []) >= 2)
    assert health(box, "h")["Status"] == "starting"  # the regular check, which fails, has not run
    box.podman("exec", "h", "touch", "/tmp/up")
    until(lambda: health(box, "h")["Status"] == "unhealthy")
    (interval,) = box.root.glob("*-containers/*/userdata/health-interval")
    assert interval.read_text() == "1"


def test_startup_check_that_fails_too_often_restarts(box: Sandbox) -> None:
    run(
        box, "h", "--health-cmd=true", "--health-interval=1h",
        "--health-startup-cmd=false", "--health-startup-interval=1s", "--health-startup-retries=2",
    )  # fmt: skip
    until(lambda: any(event["Status"] == "restart" for event in events(box, "h")))


def test_a_check_that_hangs_is_ended(box: Sandbox) -> None:
    run(box, "h", "--health-cmd=sleep 200; true", "--health-interval=disable", "--health-timeout=1s")
    done = box.podman("healthcheck", "run", "h", check=False)
    assert (done.returncode, done.stderr) == (125, "Error: healthcheck command exceeded timeout of 1s\n")
    assert "sleep 200" not in box.podman("top", "h", "args").stdout
    assert inspected(box, "h")["ExecIDs"] == []
    assert [entry["ExitCode"] for entry in health(box, "h")["Log"]] == [125]


def test_update_changes_the_interval_of_a_running_container(box: Sandbox) -> None:
    run(box, "h", OK, "--health-interval=1s")
    until(lambda: bool(health(box, "h")["Log"]))
    box.podman("update", "--health-interval=1h", "h")
    (interval,) = box.root.glob("*-containers/*/userdata/health-interval")
    assert interval.read_text() == "3600"
    box.podman("update", "--no-healthcheck", "h")
    assert interval.read_text() == "0"
