"""buildah images."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_most

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.local.listing import ImageSummary

COMMAND = Command(
    use="images [flags] [IMAGE]",
    short="List images in local storage",
    long="Lists the images that are kept on this machine, the newest first; images of build steps only with --all.",
    example="buildah images\nbuildah images --json\nbuildah images --filter dangling=true",
    flags=(
        Flag("all", "bool", "a", help="Show images of build steps as well"),
        Flag("digests", "bool", help="Show digests"),
        Flag("filter", "strings", "f", help="Show only what matches, as key=value (repeatable)", complete="filters"),
        Flag("format", help="Print by a Go template", complete="format"),
        Flag("history", "bool", help="Show the names that images had"),
        Flag("json", "bool", help="Print as JSON"),
        Flag("no-trunc", "bool", help="Show ids in full"),
        Flag("noheading", "bool", "n", help="Leave the headings out"),
        Flag("quiet", "bool", "q", help="Print ids only"),
    ),
    args=at_most(1),
    complete="images",
)


class Row:
    """One line: an image under one of its names, with the fields that --format may ask for."""

    def __init__(self, summary: ImageSummary, name: str, full: bool) -> None:
        from ocikit.common.units import human_ago, human_size
        from ocikit.image.local.listing import split_repository_tag

        self.name, self.tag = split_repository_tag(name) if name else ("<none>", "<none>")
        self.id = f"sha256:{summary.id}" if full else summary.id[:12]
        self.digest = summary.digest
        self.created_at = human_ago(summary.created)
        self.created_at_raw = summary.image.record.created
        self.size = human_size(summary.size)
        self.read_only = summary.read_only
        self.history = ", ".join(summary.history)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the list."""
    from ocikit.buildah.engine import open_store
    from ocikit.image.local.listing import list_images

    for text in opts.filter:
        if "=" not in text:
            from ocikit.common.errors import OcikitError

            raise OcikitError(f'invalid image filter "{text}": must be in the format "filter=value or filter!=value"')
    with open_store(ctx) as store:
        if args:
            from ocikit.image.local.lookup import find, unknown

            if find(store, args[0]) is None:
                raise unknown(args[0])
        filters = [*opts.filter, *(f"reference={name}" for name in args)]
        found = sorted(list_images(store, filters, all_images=opts.all), key=lambda s: s.created, reverse=True)
        if opts.json:
            _print_json(found)
        elif opts.quiet:
            ids = dict.fromkeys([f"sha256:{s.id}" if opts.no_trunc else s.id[:12] for s in found])
            sys.stdout.write("".join([f"{image_id}\n" for image_id in ids]))
        else:
            rows = [Row(s, name, opts.no_trunc) for s in found for name in (s.names or [""])]
            _print_rows(rows, opts)
    return 0


def _print_json(found: list[ImageSummary]) -> None:
    from ocikit.common.units import human_ago, human_size
    from ocikit.image.cli.jsontext import dump_json

    shown: list[dict[str, Any]] = [
        {
            "id": s.id[:12],
            "names": s.names or None,
            "digest": s.digest,
            "createdat": human_ago(s.created),
            "size": human_size(s.size),
            "created": s.created // 1_000_000_000,
            "createdatraw": s.image.record.created,
            "readonly": s.read_only,
            "history": s.history or None,
        }
        for s in found
    ]
    sys.stdout.write(dump_json(shown, 4) + "\n")


HEADINGS = {"ID": "IMAGE ID", "Name": "REPOSITORY", "CreatedAt": "CREATED", "ReadOnly": "R/O"}


def _print_rows(rows: list[Row], opts: Values) -> None:
    if opts.format:
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, rows, HEADINGS, "images", opts.noheading))
        return
    lines = [["REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"]]
    lines += [[row.name, row.tag, row.id, row.created_at, row.size] for row in rows]
    if opts.digests:
        for line, text in zip(lines, ["DIGEST", *(row.digest for row in rows)], strict=True):
            line.insert(2, text)
    if opts.history:
        for line, text in zip(lines, ["HISTORY", *(row.history or "<none>" for row in rows)], strict=True):
            line.append(text)
    widths = [max(map(len, column)) + 3 for column in zip(*lines, strict=True)]
    for line in lines[1:] if opts.noheading else lines:
        text = "".join([cell.ljust(width) for cell, width in zip(line, widths, strict=True)])
        sys.stdout.write(text.rstrip() + "\n")
