"""skopeo list-tags"""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command
from ocikit.common.errors import InvalidReference, OcikitError, UsageError
from ocikit.common.jsonfast import dumps_go
from ocikit.skopeo import shared
from ocikit.skopeo.flags import AUTHFILE, RETRY, registry_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.context import SystemContext

COMMAND = Command(
    use="list-tags [command options] SOURCE-IMAGE",
    short="List the tags of a repository or of a docker archive",
    long="Prints all tags in the repository docker://NAME, or the names in docker-archive:PATH, as JSON.",
    example="skopeo list-tags docker://docker.io/fedora\nskopeo list-tags docker-archive:./busybox.tar",
    flags=(AUTHFILE, *RETRY, *registry_flags()),
    complete="transports",
)
SUPPORTED = "docker, docker-archive"


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 1:
        raise shared.usage_with_help(context, "Exactly one non-option argument expected")
    ctx = shared.image_context(context, opts)
    transport, colon, rest = args[0].partition(":")
    if not colon:
        raise InvalidReference(f'Invalid "{args[0]}": does not specify a transport')
    if transport == "docker":
        out = shared.retried(opts, lambda: _repository(ctx, rest))
    elif transport == "docker-archive":
        out = _archive(ctx, args[0])
    else:
        raise UsageError(f"Unsupported transport '{transport}' for tag listing. Only supported: {SUPPORTED}")
    sys.stdout.write(dumps_go(out, indent="    ") + "\n")
    return 0


def _repository(ctx: SystemContext, text: str) -> dict[str, Any]:
    from ocikit.image.errors import wrap
    from ocikit.image.reference import parse_normalized
    from ocikit.image.transports.docker import DockerReference, list_tags

    if not text.startswith("//"):
        raise InvalidReference(f"docker: image reference {text} does not start with //")
    name = parse_normalized(text[2:])
    if not name.is_name_only:
        raise InvalidReference("No tag or digest allowed in reference", hint=f"list docker://{name.repository()}")
    try:
        tags = list_tags(ctx, DockerReference(name))
    except OcikitError as error:
        raise wrap("Error listing repository tags", error) from error
    return {"Repository": name.name, "Tags": tags}


def _archive(ctx: SystemContext, text: str) -> dict[str, Any]:
    from ocikit.image.transports.docker_archive import DockerArchive, DockerArchiveReference

    reference = shared.parse_image(text)
    assert isinstance(reference, DockerArchiveReference)
    archive = DockerArchive(reference.path, ctx.big_tmpdir())
    tags: list[str] = []
    try:
        for number, item in enumerate(archive.items):
            tags += archive.tags(item) or [f"@{number}"]
    finally:
        archive.tar.close()
    return {"Tags": tags}
