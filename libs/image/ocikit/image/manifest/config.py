"""Image configs: as OCI re-encodes them, and what tools ask of them (image spec, sections 2.2 and 2.5)."""

from __future__ import annotations

from ocikit.image.errors import ManifestError
from ocikit.image.manifest.gojson import (
    an_object,
    dump,
    field,
    objects,
    parse_object,
    rfc3339,
    sorted_map,
    strings,
    text,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

WHAT = "image config"


def parse_config(raw: bytes) -> dict[str, Any]:
    """The JSON object of a config blob. Raises :class:`ManifestError`."""
    return parse_object(raw, WHAT)


def diff_ids(doc: Mapping[str, Any]) -> list[str]:
    """Digests of the uncompressed layers, oldest first."""
    rootfs = an_object(doc, "rootfs", WHAT)
    return list(strings(rootfs, "diff_ids", WHAT) or ()) if rootfs is not None else []


def _copy_text(source: Mapping[str, Any], target: dict[str, Any], name: str) -> None:
    value = text(source, name, WHAT)
    if value:
        target[name] = value


def _copy_time(source: Mapping[str, Any], target: dict[str, Any], name: str) -> None:
    value = text(source, name, WHAT)
    if value:
        target[name] = rfc3339(value)


def _run_config(doc: Mapping[str, Any] | None) -> dict[str, Any]:
    new: dict[str, Any] = {}
    if doc is None:
        return new
    _copy_text(doc, new, "User")
    for name, kind in _RUN_FIELDS:
        value = field(doc, name)
        if not value:
            continue
        if not isinstance(value, kind):
            raise ManifestError(f"{WHAT}: config.{name} has the wrong type")
        if not isinstance(value, dict):
            new[name] = value
        elif name == "Labels":
            new[name] = sorted_map(value)
        else:
            new[name] = {key: {} for key in sorted(value)}
    return new


_RUN_FIELDS = (
    ("ExposedPorts", dict),
    ("Env", list),
    ("Entrypoint", list),
    ("Cmd", list),
    ("Volumes", dict),
    ("WorkingDir", str),
    ("Labels", dict),
    ("StopSignal", str),
    ("ArgsEscaped", bool),
)


def _history_entry(doc: Mapping[str, Any]) -> dict[str, Any]:
    new: dict[str, Any] = {}
    _copy_time(doc, new, "created")
    for name in ("created_by", "author", "comment"):
        _copy_text(doc, new, name)
    if field(doc, "empty_layer") is True:
        new["empty_layer"] = True
    return new


def oci_config(doc: Mapping[str, Any]) -> dict[str, Any]:
    """The config as the OCI structure holds it, keys in its order; fields that only Docker knows vanish."""
    new: dict[str, Any] = {}
    _copy_time(doc, new, "created")
    _copy_text(doc, new, "author")
    new["architecture"] = text(doc, "architecture", WHAT)
    new["os"] = text(doc, "os", WHAT)
    _copy_text(doc, new, "os.version")
    features = strings(doc, "os.features", WHAT)
    if features:
        new["os.features"] = features
    _copy_text(doc, new, "variant")
    new["config"] = _run_config(an_object(doc, "config", WHAT))
    rootfs = an_object(doc, "rootfs", WHAT) or {}
    new["rootfs"] = {"type": text(rootfs, "type", WHAT), "diff_ids": strings(rootfs, "diff_ids", WHAT)}
    history = objects(doc, "history", WHAT)
    if history:
        new["history"] = [_history_entry(entry) for entry in history]
    return new


def oci_config_bytes(raw: bytes) -> bytes:
    return dump(oci_config(parse_config(raw)))
