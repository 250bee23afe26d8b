"""What ``podman build`` and ``buildah build`` do around the engine: log file, id file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ocikit.libpod.build.executor import build_image
from ocikit.libpod.build.output import Output

if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.libpod.build.options import BuildOptions
    from ocikit.libpod.build.surroundings import Surroundings
    from ocikit.storage import Store


class _NoId(Output):
    """``buildah build --iidfile`` prints no ids: they are in the file."""

    def image(self, prefix: str, image_id: str) -> None:
        """Nothing."""

    def finished(self, image_id: str) -> None:
        """Nothing."""


def build_command(
    store: Store, options: BuildOptions, around: Surroundings, opts: Values, *, print_id_with_iidfile: bool
) -> str:
    """Builds as the flags say; the image's id. Raises BuildError."""
    kind = Output if print_id_with_iidfile or not opts.iidfile else _NoId
    if opts.logfile:
        with open(opts.logfile, "a") as log:
            image_id = build_image(store, options, kind(quiet=options.quiet, stream=log), around)
    else:
        image_id = build_image(store, options, kind(quiet=options.quiet), around)
    if opts.iidfile:
        with open(opts.iidfile, "w") as file:
            file.write(f"sha256:{image_id}")
    return image_id
