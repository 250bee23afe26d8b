"""``--filter`` of the volume commands (podman-volume-ls(1))."""

from __future__ import annotations

from ocikit.common.errors import OcikitError
from ocikit.libpod import times
from ocikit.libpod.filters import parse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.libpod.runtime import Runtime

KEYS = ("after", "anonymous", "dangling", "driver", "label", "label!", "name", "opt", "scope", "since", "until")


def select(runtime: Runtime, texts: Sequence[str]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The volumes that pass every key (one of its values; labels: all)."""
    filters = parse(texts)
    for key in filters:
        if key not in KEYS:
            raise OcikitError(f'"{key}" is an invalid volume filter')
    return [row for row in runtime.volumes.list() if all(_any(runtime, row[0], k, v) for k, v in filters.items())]


def _any(runtime: Runtime, config: dict[str, Any], key: str, values: Sequence[str]) -> bool:
    if key in ("label", "label!"):
        hit = all(_label(config, value) for value in values)
        return hit if key == "label" else not hit
    return any(_hit(runtime, config, key, value) for value in values)


def _label(config: dict[str, Any], value: str) -> bool:
    labels = config.get("labels") or {}
    name, equals, text = value.partition("=")
    return name in labels and (not equals or labels[name] == text)


def _hit(runtime: Runtime, config: dict[str, Any], key: str, value: str) -> bool:
    if key == "name":
        import re

        return re.search(value, config["name"]) is not None
    if key == "driver":
        return bool((config.get("volumeDriver") or "local") == value)
    if key == "scope":
        return value == "local"
    if key == "anonymous":
        return bool(config.get("isAnon")) == (value.lower() in ("true", "1"))
    if key == "dangling":
        return (not runtime.state.volume_users(config["name"])) == (value.lower() in ("true", "1"))
    if key == "opt":
        name, equals, text = value.partition("=")
        options = config.get("volumeOptions") or {}
        return name in options and (not equals or options[name] == text)
    created = times.parse_ns(config["createdAt"])
    if key == "until":
        return created < times.parse_when(value, "until")
    return created > times.parse_ns(runtime.volumes.get(value)[0]["createdAt"])
