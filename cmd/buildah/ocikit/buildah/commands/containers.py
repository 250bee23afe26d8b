"""buildah containers."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.storage import Store

COMMAND = Command(
    use="containers [flags]",
    short="List working containers and their base images",
    long="Lists working containers; with --all also containers that others made in the same store.",
    example="buildah containers\nbuildah containers --format '{{.ContainerID}} {{.ContainerName}}'",
    flags=(
        Flag("all", "bool", "a", help="Also list containers that were not made by buildah"),
        Flag(
            "filter", short="f", help="Show only what matches: id, name or ancestor, as key=value", complete="filters"
        ),
        Flag("format", help="Print by a Go template", complete="format"),
        Flag("json", "bool", help="Print as JSON"),
        Flag("noheading", "bool", "n", help="Leave the headings out"),
        Flag("notruncate", "bool", help="Show ids in full"),
        Flag("quiet", "bool", "q", help="Print ids only"),
    ),
    args=none(),
)


def rows(store: Store, everything: bool) -> list[dict[str, Any]]:
    """One record a container, in the form that --json prints."""
    from ocikit.libpod.build.working import WorkingContainer

    found = [
        {
            "id": container.record.id,
            "builder": True,
            "imageid": str(container.state.get("image-id") or ""),
            "imagename": container.image_name or "scratch",
            "containername": container.name,
        }
        for container in WorkingContainer.all(store)
    ]
    if everything:
        names = {image.id: image.names for image in store.images()}
        ours = {row["id"] for row in found}
        for record in store.containers():
            if record.id not in ours:
                image = (names.get(record.image) or [record.image])[0]
                name = record.names[0] if record.names else ""
                found.append(
                    {
                        "id": record.id,
                        "builder": False,
                        "imageid": record.image,
                        "imagename": image,
                        "containername": name,
                    }
                )
    return found


def _keep(row: dict[str, Any], text: str) -> bool:
    from ocikit.common.errors import OcikitError

    key, _, value = text.partition("=")
    if key not in ("id", "name", "ancestor"):
        raise OcikitError(f'invalid filter "{key}": it must be id, name or ancestor')
    fields = {"id": [row["id"]], "name": [row["containername"]], "ancestor": [row["imageid"], row["imagename"]]}
    return any(value in field for field in fields[key])


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Fixed columns, as scripts expect them."""
    import json

    from ocikit.buildah.engine import open_store

    with open_store(ctx) as store:
        found = rows(store, opts.all)
    if opts.filter:
        found = [row for row in found if _keep(row, opts.filter)]
    if opts.json:
        print(json.dumps(found, indent=4))
        return 0
    if opts.format:
        from ocikit.common.gotemplate import render

        for row in found:
            item = {
                "ContainerID": row["id"],
                "Builder": "   *" if row["builder"] else "",
                "ImageID": row["imageid"],
                "ImageName": row["imagename"],
                "ContainerName": row["containername"],
            }
            print(render(opts.format, item))
        return 0
    if opts.quiet:
        for row in found:
            print(row["id"])
        return 0
    width = 64 if opts.notruncate else 12
    line = f"{{:{width}}}  {{:7}}  {{:{width}}} {{:32}} {{}}"
    if not opts.noheading:
        print(line.format("CONTAINER ID", "BUILDER", "IMAGE ID", "IMAGE NAME", "CONTAINER NAME"))
    for row in found:
        mark = "   *" if row["builder"] else ""
        print(line.format(row["id"][:width], mark, row["imageid"][:width], row["imagename"], row["containername"]))
    return 0
