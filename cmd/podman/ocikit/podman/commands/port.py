"""podman port."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="port [options] CONTAINER [PORT]",
    short="List port mappings or a specific mapping for the container",
    long="Prints the published ports of a container.",
    example="podman port web\npodman port web 80/tcp\npodman port --all",
    flags=(Flag("all", "bool", "a", help="Print the ports of every running container"), LATEST),
    args=any_args(),
    complete="containers",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """``80/tcp -> 0.0.0.0:8080`` a line."""
    from ocikit.common.errors import OcikitError
    from ocikit.podman.engine import open_runtime

    runtime = open_runtime(ctx)
    words = list(args)
    if opts.all:
        containers = [c for c in runtime.containers.list() if c.status == "running"]
    elif opts.latest:
        containers = [runtime.containers.latest()]
    else:
        if not words or len(words) > 2:
            raise OcikitError("you must supply a running container name or id")
        containers = [runtime.containers.get(words.pop(0))]
    wanted = words[0] if words else ""
    if wanted and "/" not in wanted:
        wanted += "/tcp"
    for container in containers:
        found = False
        prefix = f"{container.id[:12]}\t" if opts.all else ""
        for record in container.config.get("newPortMappings") or ():
            for offset in range(record["range"]):
                port = f"{record['container_port'] + offset}/{record['protocol']}"
                if wanted and port != wanted:
                    continue
                host = record["host_ip"] or "0.0.0.0"  # noqa: S104
                if wanted:
                    sys.stdout.write(f"{host}:{record['host_port'] + offset}\n")
                else:
                    sys.stdout.write(f"{prefix}{port} -> {host}:{record['host_port'] + offset}\n")
                found = True
        if wanted and not found:
            raise OcikitError(f"failed to find published port {wanted!r}".replace("'", '"'))
    return 0
