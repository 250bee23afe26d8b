"""podman history, image history."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, exactly
from ocikit.common.cli.optionsets.output import FORMAT, NO_TRUNC, QUIET_IDS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.local.describing import HistoryEntry

COMMAND = Command(
    use="history [options] IMAGE",
    short="Show history of a specified image",
    long="Shows the steps that made an image, the newest first.",
    example="podman history quay.io/fedora/fedora\npodman history --no-trunc --format '{{.CreatedBy}}' IMAGE",
    flags=(
        FORMAT,
        Flag("human", "bool", "H", default=True, help="Print sizes and dates for people", shown="true"),
        NO_TRUNC,
        QUIET_IDS,
    ),
    args=exactly(1),
    complete="images",
)
CREATED_BY_MAX = 45


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the steps."""
    from ocikit.image.local.describing import history
    from ocikit.image.local.lookup import resolve
    from ocikit.podman.imaging import open_store

    store = open_store(ctx)
    entries = history(store, resolve(store, args[0]))
    if opts.format == "json":
        _print_json(entries)
        return 0
    if opts.quiet:
        sys.stdout.write("".join([f"{_id(e, opts.no_trunc)}\n" for e in entries]))
        return 0
    rows = [_fields(entry, opts) for entry in entries]
    if opts.format:
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, rows, {"CreatedBy": "CREATED BY"}, "history"))
        return 0
    from ocikit.common.tables import print_table

    keys = ("ID", "Created", "CreatedBy", "Size", "Comment")
    print_table(("ID", "CREATED", "CREATED BY", "SIZE", "COMMENT"), [[row[k] for k in keys] for row in rows])
    return 0


def _id(entry: HistoryEntry, full: bool) -> str:
    return entry.id if full or entry.id.startswith("<") else entry.id[:12]


def _fields(entry: HistoryEntry, opts: Values) -> dict[str, Any]:
    from ocikit.common.units import format_go_time, format_rfc3339, human_ago, human_size

    created_by = entry.created_by.replace("\t", " ")
    if not opts.no_trunc and len(created_by) > CREATED_BY_MAX:
        created_by = created_by[: CREATED_BY_MAX - 3] + "..."
    return {
        "ID": _id(entry, opts.no_trunc),
        "Created": human_ago(entry.created) if opts.human else format_rfc3339(entry.created),
        "CreatedAt": format_go_time(entry.created, local=False),
        "CreatedSince": human_ago(entry.created),
        "CreatedBy": created_by,
        "Size": human_size(entry.size),
        "Comment": entry.comment,
        "Tags": entry.tags,
    }


def _print_json(entries: list[HistoryEntry]) -> None:
    from ocikit.common.jsonfast import dumps_go
    from ocikit.common.units import format_rfc3339

    shown = []
    for entry in entries:
        created = format_rfc3339(entry.created)
        row: dict[str, Any] = {"id": entry.id, "created": created, "CreatedBy": entry.created_by}
        if entry.tags:
            row["tags"] = entry.tags
        if entry.size:
            row["size"] = entry.size
        if entry.comment:
            row["comment"] = entry.comment
        shown.append({**row, "Created": created})
    sys.stdout.write(dumps_go(shown) + "\n")
