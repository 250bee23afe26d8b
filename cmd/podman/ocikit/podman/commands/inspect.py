"""podman inspect, and container inspect."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, any_args
from ocikit.common.cli.optionsets.container import LATEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.libpod.runtime import Runtime

TYPES = ("all", "artifact", "container", "image", "network", "pod", "volume")
FORMAT = Flag("format", short="f", default="json", help="Print as JSON, or by a Go template", complete="format")
SHARED = (LATEST, Flag("size", "bool", "s", help="Show sizes as well"))
COMMAND = Command(
    use="inspect [options] {ARTIFACT|CONTAINER|IMAGE|POD|NETWORK|VOLUME} [...]",
    short="Display the configuration of an object denoted by ID",
    long="Shows what is known of containers, images, volumes, networks and pods as JSON, or by a Go template.",
    example='podman inspect web\npodman inspect --format "{{.State.Status}}" web\npodman inspect --type image alpine',
    flags=(
        FORMAT,
        *SHARED,
        Flag("type", short="t", default="all", help="Look only for this kind of object", shown="all", complete="none"),
    ),
    args=any_args(),
    complete="objects",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Prints what was found, then fails for what was not."""
    return show(ctx, opts, args, opts.type)


def show(ctx: Context, opts: Values, args: list[str], kind: str) -> int:
    """For inspect and for the inspect of one kind."""
    from ocikit.common import jsonfast
    from ocikit.common.errors import OcikitError
    from ocikit.podman.engine import open_runtime

    if kind not in TYPES:
        raise OcikitError(f'"{kind}" is invalid, must be one of {", ".join(TYPES)}')
    if not args and not opts.latest:
        raise OcikitError("no containers or objects specified" if kind == "container" else "no names or ids specified")
    if args and opts.latest:
        raise OcikitError("--latest and arguments cannot be used together")
    runtime = open_runtime(ctx)
    names = [runtime.containers.latest().id] if opts.latest else args
    found: list[dict[str, Any]] = []
    errors: list[str] = []
    for name in names:
        try:
            found.append(look(runtime, name, kind, opts.size))
        except OcikitError as error:
            errors.append(str(error))
    if opts.format == "json":
        sys.stdout.write((jsonfast.dumps(found, indent="     ") if found else "[]") + "\n")
    elif found:
        from ocikit.common.gotemplate import render_rows

        sys.stdout.write(render_rows(opts.format, found, name="inspect"))
    sys.stdout.flush()
    if errors:
        for text in errors[:-1]:
            sys.stderr.write(f"Error: {text}\n")
        raise OcikitError(errors[-1])
    return 0


def look(runtime: Runtime, name: str, kind: str, size: bool) -> dict[str, Any]:
    """The document of one object. With kind "all" containers win over images, volumes, networks, pods."""
    from ocikit.common.errors import NotFound, OcikitError

    if kind in ("all", "container"):
        try:
            from ocikit.libpod.inspect import inspect_container

            container = runtime.containers.get(name)
            runtime.containers.freshen(container)
            return inspect_container(container, size=size)
        except NotFound:
            if kind == "container":
                raise OcikitError(f'no such container "{name}"') from None
    if kind in ("all", "image"):
        from ocikit.image.local.lookup import find

        try:
            record = find(runtime.store, name)
        except OcikitError:
            record = None
        if record is not None:
            from ocikit.image.local.describing import inspect_image

            return inspect_image(runtime.store, record)
        if kind == "image":
            raise OcikitError(f"{name}: image not known")
    if kind in ("all", "volume"):
        try:
            from ocikit.libpod.volumeview import volume_document

            return volume_document(*runtime.volumes.get(name))
        except NotFound:
            if kind == "volume":
                raise OcikitError(f"no such volume {name}") from None
    if kind in ("all", "network"):
        try:
            document: dict[str, Any] = runtime.networks.get(name).to_json()
            return document
        except OcikitError as error:
            if kind == "network":
                raise OcikitError(f"network {name}: {error}") from None
    if kind in ("all", "pod"):
        try:
            return runtime.state.pod(runtime.state.find_pod(name))[0]
        except NotFound:
            if kind == "pod":
                raise OcikitError(f"no such pod {name}") from None
    if kind == "artifact":
        raise OcikitError(f"{name}: artifact does not exist")
    raise OcikitError(f'no such object: "{name}"')
