"""podman wait."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

CONDITIONS = (
    "created",
    "exited",
    "healthy",
    "initialized",
    "paused",
    "removing",
    "running",
    "stopped",
    "stopping",
    "unhealthy",
)

COMMAND = Command(
    use="wait [options] CONTAINER [CONTAINER...]",
    short="Block on one or more containers",
    long="Waits until containers are in a state, and prints their exit codes.",
    example="podman wait web\npodman wait --condition running web\npodman wait --interval 2s web db",
    flags=(
        Flag("condition", "strings", help="State to wait for (repeatable; usual: stopped, exited)", complete="none"),
        Flag("exit-first-match", "bool", help="Return as soon as one container is there"),
        Flag("ignore", "bool", help="Take a missing container as ended (-1)"),
        Flag("interval", short="i", default="250ms", help="Time between looks", shown="250ms", complete="none"),
        LATEST,
    ),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """One exit code a line, in the order of the names."""
    from ocikit.common.errors import OcikitError
    from ocikit.common.units import parse_duration
    from ocikit.libpod.errors import NoSuchContainer
    from ocikit.podman.engine import open_runtime

    if not args and not opts.latest:
        raise OcikitError("you must provide at least one name or id")
    for condition in opts.condition:
        if condition not in CONDITIONS:
            raise OcikitError(f"unknown container state: {condition}: invalid argument")
    try:
        interval = int(opts.interval) / 1000
    except ValueError:
        try:
            interval = parse_duration(opts.interval)
        except ValueError as error:
            raise OcikitError(str(error)) from None
    runtime = open_runtime(ctx)
    code = 0
    names = [runtime.containers.latest().id] if opts.latest else args
    if opts.exit_first_match and len(names) > 1:
        return _first(runtime, names, opts.condition, interval)
    for name in names:
        try:
            result = runtime.containers.get(name).wait(opts.condition, interval)
        except NoSuchContainer as error:
            if opts.ignore:
                result = -1
            else:
                sys.stdout.flush()
                sys.stderr.write(f"Error: {error}\n")
                code = 125
                continue
        sys.stdout.write(f"{result}\n")
    return code


def _first(runtime: object, names: list[str], conditions: list[str], interval: float) -> int:
    """The first of several containers that is in the state."""
    import time

    from ocikit.libpod.runtime import Runtime

    assert isinstance(runtime, Runtime)
    wanted = set(conditions) or {"stopped", "exited"}
    containers = [runtime.containers.get(name) for name in names]
    while True:
        for container in containers:
            with container.locked():
                if container.status in wanted:
                    sys.stdout.write(f"{container.exit_code if wanted & {'stopped', 'exited'} else -1}\n")
                    return 0
        time.sleep(interval)
