"""podman diff."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, any_args
from ocikit.common.cli.optionsets.container import LATEST
from ocikit.common.cli.optionsets.output import FORMAT

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.libpod.runtime import Runtime

COMMAND = Command(
    use="diff [options] {CONTAINER|IMAGE} [{CONTAINER|IMAGE}]",
    short="Display the changes to the object's file system",
    long="Prints what a container changed of its image, or an image of the one below it.",
    example="podman diff web\npodman diff alpine\npodman diff --format json web",
    flags=(FORMAT, LATEST),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """``A``, ``C`` or ``D`` and the path, a line each."""
    from ocikit.common.errors import OcikitError
    from ocikit.podman.engine import open_runtime

    if opts.latest and args:
        raise OcikitError("--latest and containers cannot be used together")
    if not opts.latest and not 1 <= len(args) <= 2:
        raise OcikitError(
            "you must provide at least one name or id"
            if not args
            else f"accepts at most 2 arg(s), received {len(args)}"
        )
    if opts.format not in ("", "json"):
        raise OcikitError("only supported value for '--format' is 'json'")
    runtime = open_runtime(ctx)
    names = [runtime.containers.latest().id] if opts.latest else args
    found = changes(runtime, *names)
    if opts.format == "json":
        from ocikit.common import jsonfast

        kinds = {"changed": "C", "added": "A", "deleted": "D"}
        document = {word: [path for kind, path in found if kind == letter] for word, letter in kinds.items()}
        document = {word: paths for word, paths in document.items() if paths}
        sys.stdout.write(jsonfast.dumps(document, indent="     ") + "\n")
    else:
        sys.stdout.write("".join(f"{kind} {path}\n" for kind, path in found))
    return 0


def changes(runtime: Runtime, name: str, other: str = "") -> list[tuple[str, str]]:
    """Of a container or an image, against its parent or against the other."""
    from ocikit.libpod.container.filesystem import changes as container_changes

    if not other and runtime.containers.exists(name):
        return container_changes(runtime.containers.get(name))
    layer = layer_of(runtime, name)
    return runtime.store.changes(layer, layer_of(runtime, other) if other else None)


def layer_of(runtime: Runtime, name: str) -> str:
    """The top layer of a container or an image."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.local.lookup import find

    if runtime.containers.exists(name):
        return runtime.store.container(runtime.containers.get(name).id).layer
    record = find(runtime.store, name)
    if record is None:
        raise OcikitError(f"{name} not found: layer not known")
    return record.layer
