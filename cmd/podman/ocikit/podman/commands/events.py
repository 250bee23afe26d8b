"""podman events."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.output import FILTER_ARRAY, FORMAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="events [options]",
    short="Show podman system events",
    long="Prints what happened to containers, images, volumes, networks and pods. Filters: container, event, image, label, "
    "loginuid, pod, session, status, type, volume.",
    example="podman events --since 1h --stream=false\npodman events --filter event=died\npodman events --filter loginuid=1000",
    flags=(
        FILTER_ARRAY,
        FORMAT,
        Flag("no-trunc", "bool", default=True, help="Show ids in full", shown="true"),
        Flag("since", help="Show events since this time (RFC 3339, or 10m)", complete="none"),
        Flag("stream", "bool", default=True, help="Wait for further events", shown="true"),
        Flag("until", help="Show events until this time", complete="none"),
    ),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Without ``--since`` only what happens from now on."""
    import time

    from ocikit.common.errors import OcikitError
    from ocikit.libpod import events, times
    from ocikit.podman.engine import open_runtime

    filters: dict[str, list[str]] = {}
    for text in opts.filter:
        key, equals, value = text.partition("=")
        if not equals:
            raise OcikitError(f"{text} is an invalid filter")
        if key not in events.FILTERS:
            raise OcikitError(f"{key} is an invalid filter")
        filters.setdefault(key, []).append(value)
    follow = opts.stream
    since = times.parse_when(opts.since, "since") if opts.since else 0
    until = times.parse_when(opts.until, "until", ahead=True) if opts.until else None
    runtime = open_runtime(ctx)
    if not opts.since and follow and until is None:
        since = time.time_ns()
    if until is not None and until <= time.time_ns():
        follow = False
    for event in runtime.events.read(follow=follow, until_ns=until):
        if not events.selected(event, filters, since, until):
            continue
        sys.stdout.write(line(event, opts))
        if follow:
            sys.stdout.flush()
    return 0


def line(event: dict[str, object], opts: Values) -> str:
    """One event in the wanted form."""
    from ocikit.libpod import events

    if not opts.format:
        return events.human(event, truncate=not opts.no_trunc) + "\n"
    document = events.to_json(event)
    if opts.format == "json":
        from ocikit.common import jsonfast

        return jsonfast.dumps(document) + "\n"
    from ocikit.common.gotemplate import render_rows

    fields = {
        "ID": "", "Image": "", "Name": "", "Status": "", "Error": "", "Network": "", "PodID": "", "ContainerExitCode": 0,
        **{key[:1].upper() + key[1:]: value for key, value in document.items()},
    }  # fmt: skip
    fields["Time"] = fields.pop("Time", 0)
    return render_rows(opts.format, [fields], name="events")
