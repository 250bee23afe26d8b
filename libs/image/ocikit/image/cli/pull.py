"""podman pull, image pull."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command, at_least
from ocikit.common.cli.optionsets.registry import PULL, SIGNATURE_POLICY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="pull [options] IMAGE [IMAGE...]",
    short="Pull an image from a registry",
    long="Copies images from a registry, an archive or a directory into local storage and prints their ids.",
    example="podman pull docker.io/library/alpine\npodman pull oci-archive:/tmp/image.tar\npodman pull --all-tags quay.io/x/y",
    flags=(*PULL, SIGNATURE_POLICY),
    args=at_least(1),
    complete="none",
)


def run(ctx: Context, opts: Values, args: list[str]) -> int:
    """Pulls one image after the other; what fails doesn't keep the rest from being pulled."""
    from ocikit.common.errors import OcikitError
    from ocikit.image.cli import helpers
    from ocikit.image.local.pulling import PullOptions, pull

    store = helpers.open_store(ctx)
    options = PullOptions(
        opts.policy,
        ctx=helpers.system_context(opts),
        all_tags=opts.all_tags,
        retries=helpers.retries(opts),
        say=helpers.quiet_say if opts.quiet else helpers.say,
        report=helpers.reporter(opts.quiet),
        choose=helpers.chooser(),
        decryption=helpers.decryption(opts),
    )
    errors: list[OcikitError] = []
    for name in args:
        try:
            ids = pull(store, name, options)
        except OcikitError as error:
            errors.append(error)
            continue
        sys.stdout.write("".join([f"{image_id}\n" for image_id in ids]))
        sys.stdout.flush()
        helpers.event(ctx, store, "pull", ids[-1] if ids else "", name)
    if errors:
        if len(errors) == 1:
            raise errors[0]
        raise OcikitError(helpers.join_errors(errors))
    return 0
