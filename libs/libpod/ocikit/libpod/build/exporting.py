"""``--output``: the file system of the result, as a directory or a tar.

Source: buildah-build(1), ``--output``; the specification of builds, 11.
"""

from __future__ import annotations

import os
import sys

from ocikit.libpod.build.errors import BuildError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import BinaryIO

    from ocikit.storage import Store

PIECE_BYTES = 1 << 20


def parse_output(text: str) -> tuple[str, str]:
    """("local" or "tar", path); "-" is a tar on standard output. Raises BuildError."""
    if "," not in text:
        # Without a comma the whole value is a path, whatever it looks like.
        return ("tar", "-") if text == "-" else ("local", text)
    fields = {}
    for part in text.split(","):
        key, equals, value = part.partition("=")
        if not equals or key not in ("type", "dest"):
            raise BuildError(
                f'invalid build output option "{text}", accepted keys are "type" and "dest" must be present'
            )
        fields[key] = value
    if set(fields) != {"type", "dest"} or not fields["dest"]:
        raise BuildError(f'invalid build output option "{text}", accepted keys are "type" and "dest" must be present')
    if fields["type"] not in ("local", "tar"):
        raise BuildError(f'invalid type "{fields["type"]}" selected for build output options "{text}"')
    return ("tar" if fields["dest"] == "-" else fields["type"]), fields["dest"]


def export(store: Store, image_id: str, text: str) -> None:
    """Writes an image's files where ``--output`` says. Raises BuildError for a place that cannot be written."""
    kind, place = parse_output(text)
    layer = store.image(image_id).layer
    try:
        if kind == "local":
            os.makedirs(place, 0o700, exist_ok=True)
            if layer:
                _unpack(store, layer, place)
        elif place == "-":
            sys.stdout.flush()
            _write(store, layer or "", sys.stdout.buffer)
        else:
            with open(place, "wb") as file:
                _write(store, layer or "", file)
    except OSError as error:
        raise BuildError(f"writing the build's output to {place}: {error.strerror or error}") from None


def _write(store: Store, layer: str, file: BinaryIO) -> None:
    if not layer:
        file.write(bytes(1024))
        return
    with store.diff(layer, "") as tar:
        while piece := tar.read(PIECE_BYTES):
            file.write(piece)
    file.flush()


def _unpack(store: Store, layer: str, place: str) -> None:
    from ocikit.storage.archive import ApplyOptions, apply_layer

    with store.diff(layer, "") as tar:
        apply_layer(tar, place, ApplyOptions(whiteouts="plain", ignore_chown_errors=os.geteuid() != 0))
