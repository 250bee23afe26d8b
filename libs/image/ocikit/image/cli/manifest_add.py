"""podman manifest add."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_least
from ocikit.common.cli.optionsets.registry import ACCESS
from ocikit.image.cli.members import ENTRY, INSECURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="add [options] LIST IMAGEORARTIFACT [IMAGEORARTIFACT...]",
    short="Add images or artifacts to a manifest list or image index",
    long="Adds images, or files as an artifact, to a list of local storage. Layers are not copied.",
    example="podman manifest add mylist:v1.11 docker://fedora\npodman manifest add --artifact mylist:v1.11 notes.txt",
    flags=(
        Flag("all", "bool", help="Add every image of lists that are named"),
        *ENTRY,
        Flag("artifact", "bool", help="The words after the list are files that become one artifact"),
        Flag("artifact-config", help="File that becomes the artifact's config", complete="files"),
        Flag("artifact-config-type", help="Media type of the artifact's config", complete="none"),
        Flag("artifact-exclude-titles", "bool", help="Leave the files' names out of the artifact"),
        Flag("artifact-layer-type", help="Media type of the artifact's files", complete="none"),
        Flag("artifact-subject", help="Image that the artifact is about", complete="images"),
        Flag("artifact-type", help="Type of the artifact", complete="none"),
        *ACCESS,
        INSECURE,
    ),
    args=at_least(2),
    complete=("images", "files"),
)
_ARTIFACT_FLAGS = ("artifact-config", "artifact-config-type", "artifact-exclude-titles", "artifact-layer-type",
                   "artifact-subject", "artifact-type")  # fmt: skip


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Adds and prints the list's id."""
    from ocikit.common.errors import UsageError
    from ocikit.image.cli import helpers, members
    from ocikit.image.local import listedit, manifestlist

    members.insecure(opts)
    for flag in _ARTIFACT_FLAGS:
        if opts.changed(flag) and not opts.artifact:
            raise UsageError(f"--{flag} option can only be used with --artifact", hint="-")
    store = helpers.open_store(ctx)
    context = helpers.registry_context(opts).replace(os="", arch="", variant="")
    target = manifestlist.find_list(store, args[0])
    if opts.artifact:
        from ocikit.image.local.listartifact import ArtifactOptions, add_artifact

        digests = [
            add_artifact(
                target,
                args[1:],
                ArtifactOptions(
                    type=opts.artifact_type,
                    config=opts.artifact_config,
                    config_type=opts.artifact_config_type,
                    layer_type=opts.artifact_layer_type,
                    exclude_titles=opts.artifact_exclude_titles,
                    subject=opts.artifact_subject,
                ),
                context,
            )
        ]
    else:
        digests = []
        for name in args[1:]:
            digests += listedit.add_image(target, name, context, every=opts.all)
    for digest in digests:
        listedit.annotate(target, digest, members.changes(opts))
    sys.stdout.write(target.save() + "\n")
    return 0
