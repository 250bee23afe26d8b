"""buildah mount."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="mount [flags] [CONTAINER...]",
    short="Mount a working container's root filesystem",
    long="Mounts working containers and prints where; without names lists what is mounted.",
    example="buildah mount work\nbuildah mount",
    flags=(Flag("json", "bool", help="Print as JSON"),),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Mounts, or lists mounts."""
    import os

    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import OcikitError
    from ocikit.image.cli.jsontext import dump_json
    from ocikit.libpod.build.working import WorkingContainer

    if os.geteuid() != 0 and not os.environ.get("_CONTAINERS_USERNS_CONFIGURED"):
        raise OcikitError(
            "cannot mount using driver overlay in rootless mode. You need to run it in a `buildah unshare` session"
        )
    found: list[tuple[str, str]] = []
    with open_store(ctx) as store:
        for name in args:
            container = WorkingContainer.load(store, name)
            where = store.mount(container.record.id)
            found.append((name, where))
        if not args:
            everyone = [(c.name, store.mount_point(c.record.id)) for c in WorkingContainer.all(store)]
            found = [(name, where) for name, where in everyone if where]
    if opts.json:
        sys.stdout.write(dump_json([{"container": n, "mountPoint": w} for n, w in found], 4) + "\n")
    elif len(args) == 1:
        print(found[0][1])
    else:
        sys.stdout.write("".join([f"{name} {where}\n" for name, where in found]))
    return 0
