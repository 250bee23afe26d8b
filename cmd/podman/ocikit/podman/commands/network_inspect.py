"""podman network inspect."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, at_least
from ocikit.common.cli.optionsets.output import FORMAT_F

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="network inspect [options] NETWORK [NETWORK...]",
    short="Inspect network configuration",
    long="Prints networks with the containers that run on them.",
    example="podman network inspect podman\npodman network inspect --format '{{range .Subnets}}{{.Subnet}}{{end}}' web",
    flags=(FORMAT_F,),
    args=at_least(1),
    complete="networks",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints what is found; unknown names are told on stderr."""
    from ocikit.libpod.networking import attached
    from ocikit.network.errors import NetworkError
    from ocikit.podman.engine import open_runtime
    from ocikit.podman.networking import complain, go_json, open_networks, struct

    nets = open_networks(ctx)
    runtime = open_runtime(ctx)
    documents: list[Any] = []
    structs: list[Any] = []
    code = 0
    for name in args:
        try:
            config = nets.get(name)
        except NetworkError as error:
            complain(NetworkError(f"network {name}: {error}"))
            code = 125
            continue
        containers = attached(runtime, config.name)
        documents.append({**config.to_json(), "containers": containers})
        structs.append({**struct(config), "Containers": containers})
    if not opts.format or opts.format in ("json", "{{json .}}", "{{ json . }}"):
        if opts.format.startswith("{{"):
            from ocikit.common.jsonfast import dumps_go

            sys.stdout.write("".join([dumps_go(document) + "\n" for document in documents]))
        else:
            sys.stdout.write(go_json(documents))
        return code
    from ocikit.common.gotemplate import render_rows

    sys.stdout.write(render_rows(opts.format, structs, name="inspect"))
    return code
