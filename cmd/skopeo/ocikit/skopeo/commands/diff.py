"""skopeo diff (ours)"""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, exactly
from ocikit.common.errors import OcikitError, UsageError
from ocikit.skopeo import shared
from ocikit.skopeo.flags import AUTHFILE, RETRY, image_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="diff [command options] IMAGE-A IMAGE-B",
    short="Show in what two images differ",
    long="Compares config and layers of two images, wherever they are; with --files also the files that their layers make. "
    "Ends with 0 if nothing differs, with 3 if something does.",
    example="skopeo diff docker://busybox:1.35 docker://busybox:1.36\nskopeo diff --files oci:layout:a dir:/tmp/b",
    flags=(
        AUTHFILE,
        Flag("files", "bool", help="Read all layers and compare paths"),
        Flag("format", short="f", help='"json", or text if not given', complete="none"),
        *RETRY,
        *image_flags(),
    ),
    args=exactly(2, "Exactly two arguments expected"),
    complete="transports",
)
DIFFERENT = 3


def run(context: Context, opts: Values, args: list[str]) -> int:
    if opts.format not in ("", "json"):
        raise UsageError(f'unknown format "{opts.format}": the output is text, or JSON with --format json')
    from ocikit.image.difference import compare
    from ocikit.image.errors import wrap
    from ocikit.image.inspection import InspectedImage

    ctx = shared.image_context(context, opts)
    images, sources = [], []
    try:
        for text in args:
            try:
                sources.append(shared.open_source(text, opts, ctx))
            except OcikitError as error:
                raise wrap(f'Error parsing image name "{text}"', error) from error
            images.append(InspectedImage(sources[-1], ctx))
        result = compare(images[0], images[1], files=opts.files)
    finally:
        for source in sources:
            source.close()
    if opts.format == "json":
        from ocikit.common.jsonfast import dumps_go

        sys.stdout.write(dumps_go(result, indent="    ") + "\n")
    else:
        sys.stdout.write(as_text(result))
    same = result["Same"] and not any(result.get("Files", {}).values())
    return 0 if same else DIFFERENT


def as_text(result: dict[str, Any]) -> str:
    """Lines as diff prints them: - what only the first has, + what only the second has."""
    lines = [f"config {key}\n  - {_show(a)}\n  + {_show(b)}" for key, (a, b) in result["Config"].items()]
    layers = result["Layers"]
    if layers["Removed"] or layers["Added"]:
        lines.append(f"layers ({layers['Common']} in common)")
        lines += [f"  - {one}" for one in layers["Removed"]] + [f"  + {one}" for one in layers["Added"]]
    for key, mark in (("Removed", "-"), ("Added", "+"), ("Changed", "~")):
        lines += [f"file {mark} /{path}" for path in result.get("Files", {}).get(key, [])]
    return "".join(line + "\n" for line in lines) or "no difference\n"


def _show(value: object) -> str:
    from ocikit.common.jsonfast import dumps

    return "(absent)" if value is None else dumps(value)
