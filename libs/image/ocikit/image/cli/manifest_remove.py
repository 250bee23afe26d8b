"""podman manifest remove."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, exactly

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="remove LIST DIGEST",
    short="Remove an item from a manifest list or image index",
    long="Takes an entry out of a list of local storage; the image itself stays where it is.",
    example="podman manifest remove mylist:v1.11 sha256:15352d97781ffdf357bf3459c037be3efac4133dc9070c2dce7eca7c05c3e736",
    args=exactly(2),
    complete=("images", "none"),
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Removes and prints the list's id."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.cli import helpers
    from ocikit.image.digest import digest_problem
    from ocikit.image.local import manifestlist

    problem = digest_problem(args[1])
    if problem:
        raise OcikitError(f'removing from manifest list {args[0]}: invalid image digest "{args[1]}": {problem}')
    target = manifestlist.find_list(helpers.open_store(ctx), args[0])
    target.remove(args[1])
    sys.stdout.write(target.save() + "\n")
    return 0
