"""buildah version."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="version [flags]",
    short="Display the Buildah version information",
    flags=(Flag("json", "bool", help="Print as JSON"),),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the versions of the program, of the specifications and of what it runs on."""
    import os
    import sys

    from ocikit.buildah.main import IMAGE_SPEC, RUNTIME_SPEC

    machine = os.uname().machine
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
    facts = {
        "version": ctx.program.version,
        "pythonVersion": ".".join(map(str, sys.version_info[:3])),
        "imageSpec": IMAGE_SPEC,
        "runtimeSpec": RUNTIME_SPEC,
        "osArch": f"linux/{arch}",
        "buildPlatform": f"linux/{arch}",
    }
    if opts.json:
        import json

        print(json.dumps(facts, indent=2))
        return 0
    labels = ("Version", "Python Version", "Image Spec", "Runtime Spec", "OS/Arch", "BuildPlatform")
    print("".join(f"{label + ':':17}{value}\n" for label, value in zip(labels, facts.values(), strict=True)), end="")
    return 0
