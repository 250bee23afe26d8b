"""skopeo inspect"""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag
from ocikit.common.errors import OcikitError, UsageError
from ocikit.skopeo import shared
from ocikit.skopeo.flags import AUTHFILE, RETRY, image_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.context import SystemContext
    from ocikit.image.inspection import InspectedImage
    from ocikit.image.transports.base import ImageReference, ImageSource

COMMAND = Command(
    use="inspect [command options] IMAGE-NAME",
    short="Show what an image is, without pulling it",
    long="Reads the manifest and the config of an image, in a registry or elsewhere, and prints what they say as JSON.",
    example="skopeo inspect docker://registry.fedoraproject.org/fedora\nskopeo inspect --config oci:layout:tag",
    flags=(
        AUTHFILE,
        Flag("config", "bool", help="Print the image's config instead"),
        Flag("cost", "bool", help="Print what pulling the image into the local store would download", ours=True),
        Flag("format", short="f", help="Print with this Go template", complete="none"),
        Flag("no-tags", "bool", "n", help="Don't list the tags of the repository"),
        Flag("raw", "bool", help="Print the exact bytes of the manifest, or of the config with --config"),
        Flag("validate", "bool", help="Check manifest and config against their schemas, and digests and sizes too", ours=True),
        *RETRY,
        *image_flags(),
    ),
    complete="transports",
)  # fmt: skip


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 1:
        raise UsageError("Exactly one argument expected")
    if opts.raw and opts.format:
        raise UsageError("raw output does not support format option")
    ctx = shared.image_context(context, opts)
    try:
        reference = shared.parse_image(args[0])
        source = shared.retried(opts, lambda: reference.open_source(ctx))
    except OcikitError as error:
        raise _wrapped(f'Error parsing image name "{args[0]}"', error) from error
    with source:
        from ocikit.image.inspection import InspectedImage

        image = shared.retried(opts, lambda: InspectedImage(source, ctx))
        if opts.validate:
            from ocikit.image.validation import validate_source

            validate_source(image)
        if opts.cost:
            return _cost(image, ctx, opts)
        return _show(context, opts, image, reference, ctx)


def _wrapped(prefix: str, error: OcikitError) -> OcikitError:
    from ocikit.image.errors import wrap

    return wrap(prefix, error)


def _show(context: Context, opts: Values, image: InspectedImage, reference: ImageReference, ctx: SystemContext) -> int:
    if opts.raw:
        data = image.config if opts.config else image.top
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return 0
    if opts.config:
        return _print(opts.format, image.oci_config(), _struct_config)
    tags: list[str] | None = []
    if reference.transport.name == "docker" and not opts.no_tags:
        tags = shared.retried(opts, lambda: _tags(context, ctx, reference, image.source))
    return _print(opts.format, shared.retried(opts, lambda: image.summary(tags)), dict)


def _tags(context: Context, ctx: SystemContext, reference: Any, source: ImageSource) -> list[str] | None:
    """The repository's tags; None with a warning where the registry doesn't let us see them."""
    from ocikit.image.registry.errors import Denied, RegistryError
    from ocikit.image.transports.docker import list_tags

    try:
        return list_tags(ctx, reference, source)
    except RegistryError as error:
        if isinstance(error, Denied) or "404 page not found" in str(error):
            context.warn("Registry disallows tag list retrieval; skipping")
            return None
        raise _wrapped("Error determining repository tags", error) from error


def _print(template: str, data: dict[str, Any], structure: Any) -> int:
    if template and template != "json":
        from ocikit.common import gotemplate

        if template.startswith("table "):
            sys.stdout.write(gotemplate.render_rows(template, [structure(data)], name="skopeo inspect", noheading=True))
            return 0
        text = gotemplate.render(gotemplate.unescape(template), structure(data), "skopeo inspect")
        sys.stdout.write(text + "\n")
        return 0
    from ocikit.common.jsonfast import dumps_go

    sys.stdout.write(dumps_go(data, indent="    ") + "\n")
    return 0


_GO_NAMES = {
    "created": "Created",
    "author": "Author",
    "architecture": "Architecture",
    "os": "OS",
    "os.version": "OSVersion",
    "os.features": "OSFeatures",
    "variant": "Variant",
    "config": "Config",
    "rootfs": "RootFS",
    "history": "History",
    "type": "Type",
    "diff_ids": "DiffIDs",
    "created_by": "CreatedBy",
    "comment": "Comment",
    "empty_layer": "EmptyLayer",
}


def _struct_config(data: dict[str, Any]) -> dict[str, Any]:
    """The config under the names of Go's structure, which is what templates address."""
    new: dict[str, Any] = {"Author": "", "History": [], "Variant": "", "OSVersion": "", "OSFeatures": []}
    for key, value in data.items():
        if key == "rootfs":
            value = {"Type": value["type"], "DiffIDs": value["diff_ids"]}
        elif key == "history":
            value = [{_GO_NAMES.get(k, k): v for k, v in entry.items()} for entry in value]
        new[_GO_NAMES.get(key, key)] = value
    new["Platform"] = {key: new[key] for key in ("Architecture", "OS", "OSVersion", "OSFeatures", "Variant")}
    return new


def _cost(image: InspectedImage, ctx: SystemContext, opts: Values) -> int:
    from ocikit.image.cost import pull_cost

    return _print(opts.format, pull_cost(image, ctx), dict)
