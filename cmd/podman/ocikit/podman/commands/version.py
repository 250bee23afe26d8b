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
    long="Displays the version of this podman, of the API that it is compatible with and of Python.",
    example="podman version\npodman version --format '{{.Client.Version}}'",
    flags=(Flag("format", short="f", help="Print as JSON, or by a Go template", complete="format"),),
    args=none(),
)


def facts(version: str) -> dict[str, object]:
    """What is known of this program, under the names that templates use."""
    import os
    import sys

    machine = os.uname().machine
    arch = {"x86_64": "amd64", "aarch64": "arm64", "i686": "386", "armv7l": "arm"}.get(machine, machine)
    return {
        "APIVersion": version.partition("+")[0],
        "Version": version,
        "PythonVersion": ".".join(map(str, sys.version_info[:3])),
        # Go's own version, a commit and a build date do not apply; scripts ask for the names all the same.
        "GoVersion": "",
        "GitCommit": "",
        "BuiltTime": "",
        "Built": 0,
        "OsArch": f"linux/{arch}",
        "Os": "linux",
    }


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the versions of the program and of what it runs on."""
    import sys

    client = facts(ctx.program.version)
    if not opts.format:
        rows = {
            "Client": "Podman Engine (ocikit)",
            "Version": client["Version"],
            "API Version": client["APIVersion"],
            "Python Version": client["PythonVersion"],
            "OS/Arch": client["OsArch"],
        }
        sys.stdout.write("".join(f"{key + ':':17}{value}\n" for key, value in rows.items()))
    elif opts.format == "json":
        import json

        sys.stdout.write(json.dumps({"Client": client}, indent=2) + "\n")
    else:
        from ocikit.common import gotemplate

        data: dict[str, object] = {"Client": client, "Server": None}
        sys.stdout.write(gotemplate.render(gotemplate.unescape(opts.format), data, "version") + "\n")
    return 0
