"""What ``podman build`` and ``buildah build`` do around the engine: log file, id file."""

from __future__ import annotations

from ocikit.libpod.build.executor import build_image
from ocikit.libpod.build.output import Output

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TextIO

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
    if len(options.platforms) > 1 or options.manifest:
        return _several(store, options, around, opts)
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


class _Platform(Output):
    """Says for which platform a line is, where there are several."""

    def __init__(self, platform: str, *, quiet: bool, stream: TextIO | None) -> None:
        super().__init__(quiet=quiet, stream=stream)
        self.prefix = f"[{platform}] " if platform else ""

    def step(self, prefix: str, number: int, total: int, text: str) -> None:
        super().step(self.prefix + prefix, number, total, text)


def _several(store: Store, options: BuildOptions, around: Surroundings, opts: Values) -> str:
    """One build a platform, each a whole build; ``--manifest`` collects them in a list, made where it is missing."""
    from ocikit.libpod.build.platforms import parse_platform

    image_id = ""
    members = []
    for text in options.platforms or ("",):
        several = len(options.platforms) > 1
        name = str(parse_platform(text)) if text else ""
        log = f"{opts.logfile}_{name.replace('/', '_')}" if opts.logfile and opts.logsplit else opts.logfile
        one = options.replace(platform=text)
        if log:
            with open(log, "a") as stream:
                output = _Platform(name if several else "", quiet=options.quiet, stream=stream)
                image_id = build_image(store, one, output, around)
        else:
            output = _Platform(name if several else "", quiet=options.quiet, stream=None)
            image_id = build_image(store, one, output, around)
        members.append(image_id)
    if options.manifest:
        from ocikit.libpod.build.listing import add_to_list

        add_to_list(store, options.manifest, members)
    if opts.iidfile:
        with open(opts.iidfile, "w") as file:
            file.write(f"sha256:{image_id}")
    return image_id
