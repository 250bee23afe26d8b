"""podman manifest create."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, at_least
from ocikit.common.cli.optionsets.registry import TLS_VERIFY
from ocikit.image.cli.members import INSECURE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="create [options] LIST [IMAGE...]",
    short="Create manifest list or image index",
    long="Makes a list of images, one per platform, in local storage.",
    example="podman manifest create mylist:v1.11\npodman manifest create --all mylist:v1.11 docker://fedora",
    flags=(
        Flag("all", "bool", help="Add every image of lists that are named"),
        Flag("amend", "bool", "a", help="Add to a list that is there already"),
        Flag("annotation", "stringArray", help="Set an annotation of the list, as key=value (repeatable)"),
        INSECURE,
        TLS_VERIFY,
    ),
    args=at_least(1),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Creates and prints the id."""
    from ocikit.image.cli import helpers, members
    from ocikit.image.local import listedit, manifestlist
    from ocikit.image.local.naming import normalize_name

    members.insecure(opts)
    store = helpers.open_store(ctx)
    context = helpers.system_context(opts)
    target = manifestlist.create_list(store, args[0], amend=opts.amend)
    for name in args[1:]:
        listedit.add_image(target, name, context, every=opts.all)
    if opts.annotation:
        listedit.annotate_index(target, members.parse_annotations(opts.annotation), None)
    sys.stdout.write(target.save([normalize_name(args[0])]) + "\n")
    return 0
