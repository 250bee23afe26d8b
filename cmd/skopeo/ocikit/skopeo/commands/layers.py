"""skopeo layers (hidden, deprecated)"""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command
from ocikit.common.errors import OcikitError, UsageError
from ocikit.skopeo import shared
from ocikit.skopeo.flags import AUTHFILE, RETRY, image_flags

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="layers [command options] IMAGE-NAME [LAYER...]",
    short="Get layers of an image (deprecated: use copy)",
    long="Writes the layers, the config and the manifest into a new directory layers-NNNN.",
    flags=(AUTHFILE, *RETRY, *image_flags()),
    complete="transports",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    sys.stderr.write("DEPRECATED: skopeo layers is deprecated in favor of skopeo copy\n")
    if not args:
        raise UsageError("Usage: layers imageReference [layer...]")
    import tempfile

    from ocikit.image.errors import wrap
    from ocikit.image.inspection import InspectedImage
    from ocikit.image.reading import read_config
    from ocikit.image.streams import HashingStream
    from ocikit.image.transports.directory import DirReference

    ctx = shared.image_context(context, opts)
    reference = shared.parse_image(args[0])
    with shared.retried(opts, lambda: reference.open_source(ctx)) as source:
        image = InspectedImage(source, ctx)
        manifest = image.manifest
        wanted = [one if one.startswith("sha256:") else f"sha256:{one}" for one in args[1:]]
        known = {layer.digest: layer for layer in manifest.layers}
        chosen = [known[one] for one in wanted if one in known] if wanted else list(manifest.layers)
        missing = [one for one in wanted if one not in known]
        if missing:
            raise OcikitError(f"layer {missing[0]} is not part of {reference}", hint="layers: " + " ".join(known))
        folder = tempfile.mkdtemp(prefix="layers-", dir=".")
        with DirReference(folder).open_destination(ctx) as dest:
            for layer in chosen:
                stream, size = source.open_blob(layer)
                try:
                    dest.put_blob(HashingStream(stream, layer.digest, layer.size if layer.size >= 0 else size), layer)
                except OcikitError as error:
                    raise wrap(f'corrupt blob "{layer.digest}"', error) from error
                finally:
                    stream.close()
            if manifest.config is not None:
                from io import BytesIO

                dest.put_blob(
                    HashingStream(BytesIO(read_config(source, manifest.config))), manifest.config, is_config=True
                )
            dest.put_manifest(manifest.raw, manifest.media_type)
            dest.commit()
    return 0
