"""podman version."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="version [options]",
    short="Display the Podman version information",
    example="podman version\npodman version --format '{{.Client.Version}}'",
    flags=(Flag("format", short="f", help="Print as JSON, or by a Go template", complete="format"),),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the versions of the program and of what it runs on."""
    import os
    import sys

    machine = os.uname().machine
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    python = ".".join(map(str, sys.version_info[:3]))
    rows = {
        "Client": "Podman Engine (ocikit)",
        "Version": ctx.program.version,
        "API Version": ctx.program.version.partition("+")[0],
        "Python Version": python,
        "OS/Arch": f"linux/{arch}",
    }
    sys.stdout.write("".join(f"{key + ':':17}{value}\n" for key, value in rows.items()))
    return 0
