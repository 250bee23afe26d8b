"""After a power cut: layers that had just been pulled may have lost files that were never written out.

The record files are synced, the files of layers are not (nor by the Go tools): at some hundred MB a layer that would cost
seconds. The kernel writes them out within half a minute. So at the first write to a store after a boot, the layers made in
the last minutes before it are read through once; what is damaged goes, with its image, and can be pulled again.
"""

from __future__ import annotations

import os
import time

from ocikit.common import log
from ocikit.common.files import makedirs_mode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .records import LayerRecord
    from .store import Store

SUSPECT_S = 180.0
"""Layers made so many seconds before the boot are looked at: several times the kernel's dirty_expire_centisecs."""


def mark_path(store: Store) -> str:
    """A file in the run root, which a boot empties: there when this was done."""
    return f"{store.runroot}/{store.driver}-layers/.ocikit-checked"


def boot_time() -> float:
    """When the machine started, in seconds since the epoch."""
    with open("/proc/uptime") as file:
        return time.time() - float(file.read().split()[0])


def suspects(layers: list[LayerRecord], booted: float) -> list[LayerRecord]:
    """Layers with contents that can be checked, made shortly before the boot."""
    from .check import _seconds

    return [
        layer
        for layer in layers
        if not layer.read_only and layer.diff_digest and 0 <= booted - _seconds(layer.created) <= SUSPECT_S
    ]


def look(store: Store) -> list[str]:
    """Check the suspects and remove the damaged; the ids of layers that were found damaged."""
    path = mark_path(store)
    makedirs_mode(os.path.dirname(path), 0o700)
    damaged: list[str] = []
    for layer in suspects(store.layers(), boot_time()):
        from .check import _layer

        texts = _layer(store, layer, {one.id: one for one in store.layers()}, False)
        if texts:
            damaged.append(layer.id)
            log.write("warning", f'Layer "{layer.id}" was damaged when the machine went down: {texts[0]}')
    if damaged:
        from .check import Report, repair

        report = Report(layers={key: ["layer content incorrect digest"] for key in damaged})
        bad = set(damaged)
        for image in store.images():
            if image.layer and not image.read_only and bad & {layer.id for layer in store.chain(image.layer)}:
                report.images[image.id] = ["layer is damaged"]
        done = repair(store, report)
        for image_id in done.images:
            log.write("warning", f'Removed image "{image_id}", which stood on it: pull it again')
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600))
    return damaged
