"""buildah info."""

from __future__ import annotations

import os
import sys

from ocikit.common.cli.declare import Command, Flag, none

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.storage import Store

COMMAND = Command(
    use="info [flags]",
    short="Display Buildah system information",
    long="Shows facts of the machine and of the store, as JSON.",
    example="buildah info\nbuildah info --format '{{.store.GraphRoot}}'",
    flags=(
        Flag("debug", "bool", "d", help="Also show facts of the program itself"),
        Flag("format", help="Print by a Go template", metavar="format", complete="format"),
    ),
    args=none(),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints the facts."""
    from ocikit.buildah.engine import open_store, surroundings

    with open_store(ctx) as store:
        shown: dict[str, Any] = {"host": _host(surroundings(store).runtime), "store": _store(store)}
    if opts.debug:
        shown = {"debug": {"buildah version": ctx.program.version, "git commit": "", "python": sys.version}} | shown
    if opts.format:
        from ocikit.common.gotemplate import render

        sys.stdout.write(render(opts.format, shown))
        return 0
    from ocikit.image.cli.jsontext import dump_json

    sys.stdout.write(dump_json(shown, 4) + "\n")
    return 0


def _host(runtime: str) -> dict[str, Any]:
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.build.platforms import host_platform
    from ocikit.libpod.oci import find_runtime
    from ocikit.storage.userns import in_user_namespace, is_rootless

    memory = _fields("/proc/meminfo", ":")
    release = _fields("/etc/os-release", "=")
    platform = host_platform()
    try:
        name = find_runtime(runtime).rpartition("/")[2]
    except OcikitError:
        name = ""
    with open("/proc/uptime") as file:
        seconds = float(file.read().split()[0])
    unified = os.path.exists("/sys/fs/cgroup/cgroup.controllers")
    return {
        "CgroupVersion": "v2" if unified else "v1",
        "Distribution": {"distribution": release.get("ID", ""), "version": release.get("VERSION_ID", "")},
        "MemFree": memory["MemFree"],
        "MemTotal": memory["MemTotal"],
        "OCIRuntime": name,
        "SwapFree": memory["SwapFree"],
        "SwapTotal": memory["SwapTotal"],
        "arch": platform.architecture,
        "cpus": os.cpu_count(),
        "hostname": os.uname().nodename,
        "kernel": os.uname().release,
        "os": platform.os,
        "rootless": is_rootless() or in_user_namespace(),
        "uptime": f"{int(seconds // 3600)}h {int(seconds % 3600 // 60)}m {seconds % 60:.2f}s",
        "variant": platform.variant,
    }


def _fields(path: str, separator: str) -> dict[str, Any]:
    """A file of names and values; sizes in kB become bytes."""
    found: dict[str, Any] = {}
    try:
        with open(path) as file:
            for line in file:
                name, _, value = line.strip().partition(separator)
                value = value.strip().strip('"')
                found[name] = int(value[:-3]) * 1024 if value.endswith(" kB") else value
    except FileNotFoundError:
        pass
    return found


def _store(store: Store) -> dict[str, Any]:
    return {
        "ContainerStore": {"number": len(store.containers())},
        "GraphDriverName": store.driver,
        "GraphImageStore": "",
        "GraphOptions": list(store.options),
        "GraphRoot": store.graphroot,
        "GraphStatus": {},
        "GraphTransientStore": False,
        "ImageStore": {"number": len(store.images())},
        "RunRoot": store.runroot,
    }
