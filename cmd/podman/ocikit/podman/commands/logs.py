"""podman logs."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="logs [options] CONTAINER [CONTAINER...]",
    short="Fetch the logs of one or more containers",
    long="Prints what containers have written to their standard output and error.",
    example="podman logs web\npodman logs --follow --tail 10 web\npodman logs --since 10m web",
    flags=(
        Flag("color", "bool", help="Color the lines of each container"),
        Flag("details", "bool", help="Accepted for scripts written for Docker; does nothing", hidden=True),
        Flag("follow", "bool", "f", help="Go on as the container writes"),
        LATEST,
        Flag("names", "bool", "n", help="Put the container's name before each line"),
        Flag("since", help="Show lines since this time (RFC 3339, or 10m)", complete="none"),
        Flag("tail", "int", default=-1, help="Show only so many of the last lines", shown="-1"),
        Flag("timestamps", "bool", "t", help="Put the time before each line"),
        Flag("until", help="Show lines until this time", complete="none"),
    ),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Standard output to standard output, standard error to standard error."""
    from ocikit.common.errors import OcikitError
    from ocikit.libpod import logs, times
    from ocikit.libpod.container.logread import lines
    from ocikit.podman.engine import chosen, open_runtime

    if not args and not opts.latest:
        raise OcikitError("specify at least one container name or ID to log")
    runtime = open_runtime(ctx)
    items = chosen(runtime, opts, args)
    since = times.parse_when(opts.since, "since") / 1e9 if opts.since else None
    until = times.parse_when(opts.until, "until", ahead=True) / 1e9 if opts.until else None
    several = len(items) > 1
    style = logs.LogOptions(timestamps=opts.timestamps, names=opts.names or several, colors=opts.color)

    def one(number: int, name: str) -> None:
        container = items[number][1]
        label = container.name if opts.names else container.id[:12] if several else ""
        reader = lines(
            container, follow=opts.follow, tail=opts.tail, since=since, until=until, timestamps=opts.timestamps
        )
        for line in reader:
            out = sys.stderr if line.stream == "stderr" else sys.stdout
            out.write(line.render(style, label, number))
            if opts.follow:
                out.flush()

    if several and opts.follow:
        import threading

        workers = [threading.Thread(target=one, args=(number, name)) for number, (name, _) in enumerate(items)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        return 0
    for number, (name, _) in enumerate(items):
        one(number, name)
    return 0
