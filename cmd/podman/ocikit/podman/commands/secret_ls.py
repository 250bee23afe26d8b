"""podman secret ls."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, none
from ocikit.common.cli.optionsets.output import FILTER_ARRAY, FORMAT, NOHEADING_N

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="ls [options]",
    short="List secrets",
    long="Prints secrets, the oldest first. Filters: name (a regular expression) and id (its beginning).",
    example="podman secret ls\npodman secret ls --filter name=^db- --format '{{.Name}}'",
    flags=(FILTER_ARRAY, FORMAT, NOHEADING_N, Flag("quiet", "bool", "q", help="Print ids only")),
    args=none(),
)
_HEADERS = {"CreatedAt": "CREATED", "UpdatedAt": "UPDATED"}
_FIELDS = ("ID", "Name", "Driver", "CreatedAt", "UpdatedAt")


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """A table, ids, JSON, or by the template."""
    from ocikit.common.units import human_ago, parse_rfc3339
    from ocikit.libpod.secrets import Secrets
    from ocikit.podman.engine import open_runtime

    rows = [
        {
            "ID": record["id"],
            "Name": record["name"],
            "Driver": record["driver"],
            "CreatedAt": human_ago(parse_rfc3339(record["createdAt"])),
            "UpdatedAt": human_ago(parse_rfc3339(record.get("updatedAt") or record["createdAt"])),
        }
        for record in _select(Secrets.of(open_runtime(ctx)).list(), opts.filter)
    ]
    if opts.quiet:
        sys.stdout.write("".join(row["ID"] + "\n" for row in rows))
    elif opts.format == "json":
        from ocikit.podman.imageformat import dump_json

        sys.stdout.write((dump_json(rows, 4) if rows else "[]") + "\n")
    elif opts.format and opts.format != "table":
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, rows, _HEADERS, "ls", opts.noheading))
    else:
        from ocikit.common.tables import print_table

        cells = [tuple(row[field] for field in _FIELDS) for row in rows]
        print_table(("ID", "NAME", "DRIVER", "CREATED", "UPDATED"), cells, noheading=opts.noheading)
    return 0


def _select(records: Sequence[dict[str, Any]], filters: Sequence[str]) -> list[dict[str, Any]]:
    """Values of one key are alternatives; all keys have to fit."""
    import re

    from ocikit.common.errors import OcikitError

    wanted: dict[str, list[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise OcikitError(f'invalid filter "{text}": must be in the format "filter=value"')
        if key not in ("name", "id"):
            raise OcikitError(f'invalid filter "{key}": secrets are filtered by name and id')
        wanted.setdefault(key, []).append(value)
    try:
        patterns = [re.compile(value) for value in wanted.get("name", ())]
    except re.error as error:
        raise OcikitError(f"invalid filter: name={wanted['name']}: {error}") from None
    return [
        record
        for record in records
        if (not patterns or any(pattern.search(record["name"]) for pattern in patterns))
        and ("id" not in wanted or any(record["id"].startswith(value) for value in wanted["id"]))
    ]
