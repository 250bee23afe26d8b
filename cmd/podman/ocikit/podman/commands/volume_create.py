"""podman volume create."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, between

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="create [options] [NAME]",
    short="Create a new volume",
    long="Makes a volume; without a name it gets a random one.",
    example="podman volume create data\npodman volume create --opt type=tmpfs --opt device=tmpfs --opt o=size=1m scratch",
    flags=(
        Flag("driver", short="d", default="local", help="Volume driver", shown="local", complete="none"),
        Flag("gid", "int", help="Group that the volume belongs to"),
        Flag("ignore", "bool", help="A volume of that name is no error"),
        Flag("label", "stringArray", "l", help="Label, as key=value (repeatable)", complete="none"),
        Flag("opt", "stringArray", "o", help="Option of the driver (repeatable)", complete="none"),
        Flag("uid", "int", help="User that the volume belongs to"),
    ),
    args=between(0, 1),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the name."""
    from ocikit.common.files import random_hex
    from ocikit.podman.engine import open_runtime

    labels = dict(text.partition("=")[::2] for text in opts.label)
    options = dict(text.partition("=")[::2] for text in opts.opt)
    runtime = open_runtime(ctx)
    config = runtime.volumes.create(
        args[0] if args else random_hex(32),
        labels=labels,
        driver=opts.driver,
        options=options,
        uid=opts.uid,
        gid=opts.gid,
        exist_ok=opts.ignore,
    )
    sys.stdout.write(config["name"] + "\n")
    return 0
