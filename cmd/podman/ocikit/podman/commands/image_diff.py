"""podman image diff."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, between
from ocikit.common.cli.optionsets.output import FORMAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="diff [options] IMAGE [IMAGE]",
    short="Inspect changes to the image's file systems",
    long="Prints what an image changes of the layer below its top one, or of another image.",
    example="podman image diff myImage\npodman image diff --format json redis:alpine",
    flags=(FORMAT,),
    args=between(1, 2),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """``A``, ``C`` or ``D`` and the path, a line each."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.lookup import resolve
    from ocikit.podman.imageformat import dump_json
    from ocikit.podman.imaging import open_store

    if opts.format not in ("", "json"):
        raise OcikitError("only supported value for '--format' is 'json'")
    store = open_store(ctx)
    layers = [resolve(store, name).layer for name in args]
    parent = layers[1] if len(layers) > 1 else store.layer(layers[0]).parent
    found = store.changes(layers[0], parent or None)
    if opts.format == "json":
        words = {"changed": "C", "added": "A", "deleted": "D"}
        shown = {word: [path for kind, path in found if kind == letter] for word, letter in words.items()}
        sys.stdout.write(dump_json({word: paths for word, paths in shown.items() if paths}, 5) + "\n")
    else:
        sys.stdout.write("".join([f"{kind} {path}\n" for kind, path in found]))
    return 0
