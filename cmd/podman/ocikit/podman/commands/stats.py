"""podman stats."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST
from ocikit.common.cli.optionsets.output import FORMAT, NO_TRUNC

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.libpod.container.stats import Sample, StatsRow
    from ocikit.libpod.containers import Handle
    from ocikit.libpod.runtime import Runtime

COMMAND = Command(
    use="stats [options] [CONTAINER...]",
    short="Display a live stream of container resource usage statistics",
    long="Prints what containers use of processor, memory, network and disk.",
    example="podman stats --no-stream web\npodman stats --all --format '{{.Name}} {{.MemUsage}}'",
    flags=(
        Flag("all", "bool", "a", help="Show all containers, not only those that run"),
        FORMAT,
        Flag("interval", "int", "i", default=5, help="Seconds between looks", shown="5"),
        LATEST,
        Flag("no-reset", "bool", help="Leave the screen as it is between looks"),
        Flag("no-stream", "bool", help="Print once and end"),
        NO_TRUNC,
    ),
    args=any_args(),
    complete="containers",
)
HEADERS = ["ID", "NAME", "CPU %", "MEM USAGE / LIMIT", "MEM %", "NET IO", "BLOCK IO", "PIDS", "CPU TIME", "AVG CPU %"]


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Until interrupted, or once."""
    import time

    from ocikit.common.errors import OcikitError
    from ocikit.podman.engine import open_runtime

    if opts.interval < 1:
        raise OcikitError("invalid interval, must be a positive number greater zero")
    if sum((bool(opts.all), bool(opts.latest), bool(args))) > 1:
        raise OcikitError("--all, --latest and containers cannot be used together")
    runtime = open_runtime(ctx)
    before: dict[str, Sample] = {}
    while True:
        if not opts.no_stream and not opts.no_reset and not opts.format:
            sys.stdout.write("\033[2J\033[;H")
        show(opts, rows(containers(runtime, opts, args), before, not opts.no_trunc))
        sys.stdout.flush()
        if opts.no_stream:
            return 0
        time.sleep(opts.interval)


def containers(runtime: Runtime, opts: Values, args: list[str]) -> list[Handle]:
    """Which ones: named, the latest, all, or those that run."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.errors import NoSuchContainer

    if opts.latest:
        return [runtime.containers.latest()]
    if args:
        found = []
        for name in args:
            try:
                found.append(runtime.containers.get(name))
            except NoSuchContainer as error:
                raise OcikitError(
                    f"unable to get list of containers: unable to look up container {name}: {error}"
                ) from None
        return found
    return [c for c in runtime.containers.list() if opts.all or c.status == "running"]


def rows(found: list[Handle], before: dict[str, Sample], truncate: bool) -> list[StatsRow]:
    """A row each; ``before`` is brought up to date."""
    from ocikit.libpod.container.stats import StatsRow, sample

    result = []
    for container in found:
        now = sample(container)
        result.append(StatsRow(container, now, before.get(container.id), truncate=truncate))
        before[container.id] = now
    return result


def show(opts: Values, found: list[StatsRow]) -> None:
    """A table, JSON, or by the template."""
    if opts.format == "json":
        from ocikit.common import jsonfast

        sys.stdout.write(jsonfast.dumps([row.to_json() for row in found], indent=" ") + "\n")
    elif opts.format and opts.format != "table":
        from ocikit.common.gotemplate import render_rows

        headings = {"CPUPerc": "CPU %", "MemPerc": "MEM %", "MemUsage": "MEM USAGE / LIMIT", "AVGCPU": "AVG CPU %"}
        sys.stdout.write(render_rows(opts.format, found, headings, "stats"))
    else:
        from ocikit.common.tables import print_table

        cells = [
            [r.ID, r.Name, r.CPUPerc, r.MemUsage, r.MemPerc, r.NetIO, r.BlockIO, r.PIDS, r.CPUTime, r.AVGCPU]
            for r in found
        ]
        print_table(HEADERS, cells)
