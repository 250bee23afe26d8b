"""podman ps."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.output import FILTER_ARRAY, FORMAT, NO_TRUNC, NOHEADING

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.libpod.psrow import PsRow
    from ocikit.libpod.runtime import Runtime

SORTS = ("command", "created", "id", "image", "names", "runningfor", "size", "status")
COMMAND = Command(
    use="ps [options]",
    short="List containers",
    long="Prints containers: those that run, or all.",
    example="podman ps --all\npodman ps --format '{{.ID}} {{.Names}}'\npodman ps --filter label=app=web",
    flags=(
        Flag("all", "bool", "a", help="Show all containers, not only those that run"),
        Flag("external", "bool", help="Show containers of other tools as well"),
        FILTER_ARRAY,
        FORMAT,
        Flag(
            "last",
            "int",
            "n",
            default=-1,
            help="Show the so many that were made last, whatever their state",
            shown="-1",
        ),
        # not the shared flag: its module makes 150 others
        Flag("latest", "bool", "l", help="Take the container that was made last"),
        NO_TRUNC,
        NOHEADING,
        Flag("ns", "bool", help="Show namespaces"),
        Flag("pod", "bool", "p", help="Show the pods' names and ids"),
        Flag("quiet", "bool", "q", help="Print ids only"),
        Flag("size", "bool", "s", help="Show sizes"),
        Flag("sort", help="Sort by this column", choices=SORTS),
        Flag("sync", "bool", help="Compare the state with the OCI runtime first"),
        Flag("watch", "uint", "w", help="Print again every so many seconds", shown=""),
    ),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """One row a container, the oldest last as Podman has it: sorted by creation."""
    from ocikit.common.errors import OcikitError
    from ocikit.podman.engine import open_runtime

    if opts.changed("last") and opts.latest:
        raise OcikitError("last and latest are mutually exclusive")
    if opts.quiet and opts.size:
        raise OcikitError("quiet conflicts with size and namespace: leave one of them out")
    if opts.size and opts.ns:
        raise OcikitError("size and namespace options conflict")
    if opts.changed("watch"):
        if opts.watch < 1:
            raise OcikitError("the watch interval must be at least one second")
        import time

        runtime = open_runtime(ctx)
        while True:
            sys.stdout.write("\033[2J\033[;H")
            show(runtime, opts)
            sys.stdout.flush()
            time.sleep(opts.watch)
    show(open_runtime(ctx), opts)
    return 0


def rows(runtime: Runtime, opts: Values) -> list[PsRow]:
    """The containers that the flags ask for, sorted."""
    from ocikit.libpod.psrow import PsRow

    texts = list(opts.filter)
    everything = (
        opts.all or opts.last >= 0 or opts.latest or any(text.startswith(("status=", "exited=")) for text in texts)
    )
    containers = runtime.containers.list(all=True)
    if opts.sync:
        from ocikit.libpod.container.syncing import sync_all

        sync_all(runtime, containers)
    if not everything:
        containers = [c for c in containers if c.status == "running"]
    if texts:
        from ocikit.libpod.filters import container_filters

        test = container_filters(runtime, texts)
        containers = [c for c in containers if test(c)]
    if opts.latest:
        containers = containers[-1:]
    elif opts.last >= 0:
        containers = containers[len(containers) - opts.last :] if opts.last < len(containers) else containers
        containers = containers[::-1]
    found = [PsRow(c, truncate=not opts.no_trunc) for c in containers]
    if opts.external:
        found += _external(runtime, not opts.no_trunc)
    key = opts.sort
    if key:
        found.sort(key=_SORT_KEYS[key])
    return found


_SORT_KEYS = {
    "command": lambda row: row.Command,
    "created": lambda row: row.created_ns,
    "id": lambda row: row.ID,
    "image": lambda row: row.Image,
    "names": lambda row: row.Names,
    "runningfor": lambda row: row.created_ns,
    "size": lambda row: row.sizes["SizeRootFs"],
    "status": lambda row: row.Status,
}


def _external(runtime: Runtime, truncate: bool) -> list[PsRow]:
    """Containers that only the store knows: another tool made them."""
    from ocikit.libpod.external import rows as external_rows

    return external_rows(runtime, truncate)


def show(runtime: Runtime, opts: Values) -> None:
    """Prints the table, ids, JSON or what the template says."""
    found = rows(runtime, opts)
    out = sys.stdout
    if opts.quiet and not opts.format:
        out.write("".join(row.ID + "\n" for row in found))
        return
    template = opts.format
    if template == "json":
        from ocikit.common import jsonfast

        documents = [row.to_json(size=opts.size) for row in found]
        out.write((jsonfast.dumps(documents, indent="  ") if documents else "[]") + "\n")
        return
    if template and template != "table":
        from ocikit.common.gotemplate import render_rows

        out.write(render_rows(template, found, HEADINGS, "ps", opts.noheading))
        return
    from ocikit.common.tables import print_table

    if opts.ns:
        headers = ["CONTAINER ID", "NAMES", "PID", "CGROUPNS", "IPC", "MNT", "NET", "PIDNS", "USERNS", "UTS"]
        cells = [_namespace_cells(row) for row in found]
    else:
        headers = ["CONTAINER ID", "IMAGE", "COMMAND", "CREATED", "STATUS", "PORTS", "NAMES"]
        cells = [[row.ID, row.Image, row.Command, row.Created, row.Status, row.Ports, row.Names] for row in found]
        if opts.pod:
            headers += ["POD ID", "PODNAME"]
            cells = [[*line, row.Pod, row.PodName] for line, row in zip(cells, found, strict=True)]
        if opts.size:
            headers.append("SIZE")
            cells = [[*line, row.Size] for line, row in zip(cells, found, strict=True)]
    print_table(headers, cells, noheading=opts.noheading)


def _namespace_cells(row: PsRow) -> list[str]:
    ns = row.Namespaces
    return [row.ID, row.Names, str(row.Pid), ns.Cgroup, ns.IPC, ns.MNT, ns.NET, ns.PIDNS, ns.User, ns.UTS]


HEADINGS = {
    "ID": "CONTAINER ID",
    "Id": "CONTAINER ID",
    "ImageID": "IMAGE ID",
    "CreatedHuman": "CREATED",
    "RunningFor": "CREATED",
    "CreatedAt": "CREATED AT",
    "Pod": "POD ID",
    "PodName": "PODNAME",
    "ExitCode": "EXIT CODE",
}
