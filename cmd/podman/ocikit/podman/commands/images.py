"""podman images, image list. A hot command."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_most
from ocikit.common.cli.optionsets.output import FILTER_ARRAY, FORMAT, NO_TRUNC, NOHEADING_N, QUIET_IDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.local.listing import ImageSummary

COMMAND = Command(
    use="images [options] [IMAGE]",
    short="List images in local storage",
    long="Lists the images that are kept on this machine, the newest first.",
    example="podman images --format json\npodman images --filter dangling=true\npodman images --sort repository",
    flags=(
        Flag("all", "bool", "a", help="Show intermediate images as well", shown="hides intermediate images"),
        Flag("digests", "bool", help="Show digests"),
        FILTER_ARRAY,
        FORMAT,
        Flag("history", "bool", help="Show the names that images had"),
        NO_TRUNC,
        NOHEADING_N,
        QUIET_IDS,
        Flag("sort", default="created", help="Sort by created, id, repository, size or tag", metavar="choice"),
    ),
    args=at_most(1),
    complete="images",
)
SORTS = ("created", "id", "repository", "size", "tag")


class Row:
    """One line: an image under one of its names. What --format may ask for are its attributes."""

    __slots__ = ("_full", "repository", "summary", "tag")

    def __init__(self, summary: ImageSummary, repository: str, tag: str, full: bool) -> None:
        self.summary = summary
        self.repository = repository
        self.tag = tag
        self._full = full

    @property
    def id(self) -> str:
        return f"sha256:{self.summary.id}" if self._full else self.summary.id[:12]

    @property
    def created(self) -> str:
        from ocikit.common.units import human_ago

        return human_ago(self.summary.created)

    created_since = created

    @property
    def created_at(self) -> str:
        from ocikit.common.units import format_go_time

        return format_go_time(self.summary.created, local=False)

    created_time = created_at

    @property
    def size(self) -> str:
        from ocikit.common.units import human_size

        return human_size(self.summary.size)

    @property
    def history(self) -> str:
        return ", ".join(self.summary.history)

    @property
    def digest(self) -> str:
        return self.summary.digest


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the list."""
    from ocikit.image.local.listing import list_images
    from ocikit.podman.imaging import open_store

    if opts.sort not in SORTS:
        from ocikit.common.errors import UsageError

        raise UsageError(f'"{opts.sort}" is not a valid field for sorting. Choose from: {", ".join(SORTS)}', hint="-")
    filters = list(opts.filter)
    if args:
        filters.append(f"reference={args[0]}")
    store = open_store(ctx)
    summaries = list_images(store, filters, all_images=opts.all)
    if opts.quiet:
        _print_ids(summaries, opts)
        return 0
    rows = _rows(summaries, opts.no_trunc, opts.sort)
    template = opts.format
    if template in ("json", "{{json .}}", "{{ json . }}"):
        _print_json(rows)
    elif template:
        from ocikit.podman.imageformat import render_images

        sys.stdout.write(render_images(template, rows, opts.noheading))
    else:
        _print_table(rows, opts)
    return 0


def _print_ids(summaries: list[ImageSummary], opts: Values) -> None:
    ordered = sorted(summaries, key=lambda s: s.created, reverse=True)
    seen = dict.fromkeys([f"sha256:{s.id}" if opts.no_trunc else s.id[:12] for s in ordered])
    sys.stdout.write("".join([f"{image_id}\n" for image_id in seen]))


def _rows(summaries: list[ImageSummary], full: bool, sort: str) -> list[Row]:
    from ocikit.image.local.listing import split_repository_tag

    rows = []
    for summary in summaries:
        names = summary.names
        rows += [Row(summary, *split_repository_tag(name), full) for name in names]
        if not names:
            rows.append(Row(summary, "<none>", "<none>", full))
    if sort == "created":
        rows.sort(key=lambda r: r.summary.created, reverse=True)
    elif sort == "id":
        rows.sort(key=lambda r: r.summary.id)
    elif sort == "repository":
        rows.sort(key=lambda r: r.repository)
    elif sort == "size":
        rows.sort(key=lambda r: r.summary.size)
    else:
        rows.sort(key=lambda r: r.tag)
    return rows


def _print_table(rows: list[Row], opts: Values) -> None:
    from ocikit.common.tables import print_table

    headers = ["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]
    if opts.digests:
        headers.insert(2, "DIGEST")
    if opts.history:
        headers.append("HISTORY")
    lines = []
    for row in rows:
        cells = [row.repository, row.tag, row.id, row.created, row.size]
        if opts.digests:
            cells.insert(2, row.digest)
        if opts.history:
            cells.append(row.history or "<none>")
        lines.append(cells)
    print_table(headers, lines, opts.noheading)


def _print_json(rows: list[Row]) -> None:
    from ocikit.podman.imageformat import dump_json, summary_object

    sys.stdout.write(dump_json([summary_object(row.summary) for row in rows], 4) + "\n")
