"""podman search, image search."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, exactly
from ocikit.common.cli.optionsets.output import FILTER_ARRAY, FORMAT, NO_TRUNC
from ocikit.common.cli.optionsets.registry import ACCESS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.registry.searching import Hit

COMMAND = Command(
    use="search [options] TERM",
    short="Search registry for image",
    long="Searches one registry, or all unqualified-search registries of registries.conf, for repositories.",
    example="podman search --filter=is-official --limit 3 alpine\npodman search registry.fedoraproject.org/\n"
    "podman search --list-tags quay.io/podman/stable",
    flags=(
        *ACCESS,
        Flag("compatible", "bool", help="Show stars, official and automated columns"),
        FILTER_ARRAY,
        FORMAT,
        Flag("limit", "int", help="Most results to show"),
        Flag("list-tags", "bool", help="List the tags of a repository"),
        NO_TRUNC,
    ),
    args=exactly(1),
    complete="none",
)
DESCRIPTION_MAX = 44
LIMIT_MAX = 100


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the hits."""
    from ocikit.common.errors import UsageError
    from ocikit.image.registry import searching
    from ocikit.podman import imaging

    if not opts.list_tags and opts.limit > LIMIT_MAX:
        raise UsageError(f"limit {opts.limit} is outside the range of [1, {LIMIT_MAX}]", hint="-")
    if opts.list_tags and opts.filter:
        raise UsageError("filters are not applicable to list tags result", hint="-")
    context = imaging.system_context(opts)
    if opts.list_tags:
        hits = searching.list_tags(context, args[0], limit=opts.limit)
    else:
        hits = searching.search(context, args[0], limit=opts.limit, filters=list(opts.filter))
    if opts.format == "json":
        _print_json(hits, opts)
    elif opts.format:
        from ocikit.common.gotemplate import render_rows

        rows = [_fields(hit, opts) for hit in hits]
        sys.stdout.write(render_rows(opts.format, rows, {}, "search"))
    elif hits:
        _print_table(hits, opts)
    return 0


def _fields(hit: Hit, opts: Values) -> dict[str, Any]:
    description = hit.description
    if not opts.no_trunc and len(description) > DESCRIPTION_MAX:
        description = description[:DESCRIPTION_MAX] + "..."
    return {
        "Index": hit.index,
        "Name": hit.name,
        "Description": description,
        "Stars": hit.stars,
        "Official": "[OK]" if hit.official else "",
        "Automated": "[OK]" if hit.automated else "",
        "Tag": hit.tag,
    }


def _print_table(hits: list[Hit], opts: Values) -> None:
    from ocikit.common.tables import print_table

    keys = ["Name", "Tag"] if opts.list_tags else ["Name", "Description"]
    if opts.compatible and not opts.list_tags:
        keys += ["Stars", "Official", "Automated"]
    rows = [_fields(hit, opts) for hit in hits]
    print_table([key.upper() for key in keys], [[row[key] for key in keys] for row in rows])


def _print_json(hits: list[Hit], opts: Values) -> None:
    from ocikit.podman.imageformat import dump_json

    if opts.list_tags:
        grouped: dict[str, list[str]] = {}
        for hit in hits:
            grouped.setdefault(hit.name, []).append(hit.tag)
        shown: list[dict[str, Any]] = [{"Name": name, "Tags": tags} for name, tags in grouped.items()]
    else:
        shown = [{k: v for k, v in _fields(hit, opts).items() if k != "Tag"} | {"Tag": ""} for hit in hits]
    sys.stdout.write(dump_json(shown, 4) + "\n")
