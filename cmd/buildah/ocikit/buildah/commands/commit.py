"""buildah commit."""

from __future__ import annotations

from ocikit.common.cli.declare import Command, Flag, at_most
from ocikit.common.cli.optionsets import pick, unsupported
from ocikit.common.cli.optionsets.build import COMMITTED, PULL, SBOM
from ocikit.common.cli.optionsets.registry import ENCRYPTION, QUIET
from ocikit.libpod.build.unsupported import UNSUPPORTED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="commit [flags] CONTAINER [IMAGE]",
    short="Create an image from a working container",
    long="Writes a new image with all changes of a working container in one layer, and prints its id.",
    example="buildah commit work localhost/app\nbuildah commit --rm work",
    flags=unsupported(
        (
            Flag("add-file", "stringArray", help="Add a file to the image (repeatable)", metavar="source:destination", complete="files"),
            Flag("annotation", "stringArray", help="Add an annotation, as key=value (repeatable)", complete="none"),
            Flag("change", "stringArray", "c", help="Apply a Containerfile instruction to the configuration (repeatable)", metavar="instruction", complete="none"),
            Flag("config", help="Take the configuration from this file", metavar="file", complete="files"),
            Flag("iidfile", help="Write the image's id to this file", complete="files"),
            Flag("rm", "bool", help="Remove the working container afterwards"),
            QUIET,
            *(flag.but(short="f") if flag.name == "format" else flag for flag in COMMITTED),
            *pick(PULL, "pull", "authfile", "cert-dir", "creds", "tls-verify"),
            *(flag.but(kind="strings") if flag.name == "encryption-key" else flag for flag in ENCRYPTION),
            *SBOM,
        ),
        {
            **UNSUPPORTED,
            "add-file": "adding files while committing is not there yet; copy them into the container first",
            "config": "a configuration from a file is not there yet; use --change",
            "encrypt-layer": "encrypting while committing is not there yet; use buildah push --encryption-key",
            "encryption-key": "encrypting while committing is not there yet; use buildah push --encryption-key",
            "manifest": "adding to a manifest list while committing is not there yet; use buildah manifest add",
            "rewrite-timestamp": "times in layers are kept",
        },
    ),
    args=at_most(2),
    complete="containers",
)  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Commits and prints the id."""
    from ocikit.buildah.engine import open_store
    from ocikit.common.errors import OcikitError
    from ocikit.libpod.build.bases import full_name
    from ocikit.libpod.build.clock import clock
    from ocikit.libpod.build.config import apply
    from ocikit.libpod.build.flags import image_format, seconds
    from ocikit.libpod.build.lexer import parse_instruction
    from ocikit.libpod.build.options import BuildOptions
    from ocikit.libpod.build.working import WorkingContainer

    if not args:
        raise OcikitError("container ID must be specified")
    moment = seconds(opts, "timestamp")
    options = BuildOptions(
        image_format=image_format(opts), omit_history=opts.omit_history, created_annotation=opts.created_annotation
    )
    with open_store(ctx) as store:
        container = WorkingContainer.load(store, args[0])
        for text in opts.change:
            apply(container.config, parse_instruction(text))
        for name in opts.unsetenv:
            container.config.env.pop(name, None)
        container.config.annotations |= dict(pair.partition("=")[::2] for pair in opts.annotation)
        names = [full_name(args[1])] if len(args) > 1 else []
        epoch = moment if moment is not None else seconds(opts, "source-date-epoch")
        image_id = container.commit(names, clock(epoch), options, squash=opts.squash, mtime_s=moment)
        print(image_id)
        if opts.iidfile:
            with open(opts.iidfile, "w") as file:
                file.write(f"sha256:{image_id}")
        if opts.rm:
            container.delete()
    return 0
