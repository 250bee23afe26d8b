"""podman manifest annotate."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, Flag, between
from ocikit.image.cli.members import ENTRY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="annotate [options] LIST IMAGEORARTIFACT",
    short="Add or update information about an entry in a manifest list or image index",
    long="Alters what a list of local storage says of one of its entries, or (--index) of itself.",
    example="podman manifest annotate --annotation left=right mylist:v1.11 sha256:15352d97781ffdf357bf3459c037be3efac4133dc9070c2dce7eca7c05c3e736",
    flags=(
        *ENTRY,
        Flag("index", "bool", help="Alter the list itself"),
        Flag(
            "os-features",
            "strings",
            help="Features of the entry's operating system",
            metavar="features",
            complete="none",
        ),
        Flag("subject", help="Image that the list is about (with --index)", metavar="subject", complete="images"),
    ),
    args=between(1, 2),
    complete="images",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Alters and prints the list's id."""
    from ocikit.common.errors import UsageError
    from ocikit.image.cli import helpers, members
    from ocikit.image.context import SystemContext
    from ocikit.image.local import listedit, manifestlist

    store = helpers.open_store(ctx)
    target = manifestlist.find_list(store, args[0])
    context = SystemContext()
    if opts.index:
        if len(args) > 1:
            raise UsageError("did not expect image or artifact name when modifying the entire index", hint="-")
        subject = listedit.subject_descriptor(store, opts.subject, context) if opts.subject else None
        listedit.annotate_index(target, members.parse_annotations(opts.annotation), subject)
    else:
        if len(args) < 2:
            raise UsageError("expected image digest or file name, or --index", hint="-")
        if opts.subject:
            raise UsageError("--subject can only be used with --index", hint="-")
        digest = listedit.member_digest(target, args[1], context)
        listedit.annotate(target, digest, members.changes(opts))
    sys.stdout.write(target.save() + "\n")
    return 0
