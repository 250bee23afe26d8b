"""Images in a local store: finding, pulling, pushing, listing, naming and removing them, for podman and buildah alike.

    from ocikit.image.local import find, pull
    record = find(store, "busybox") or pull(store, "busybox", PullOptions())[0]

The names below load their module at first use: ``run`` of a local image needs ``find`` alone.
"""

from __future__ import annotations

_WHERE = {
    "ImageSummary": "listing",
    "LoadOptions": "archive",
    "LocalImage": "image",
    "PullOptions": "pulling",
    "PushOptions": "pushing",
    "RemoveOptions": "removing",
    "SaveOptions": "archive",
    "find": "lookup",
    "find_named": "lookup",
    "history": "describing",
    "import_": "importing",
    "inspect_image": "describing",
    "list_images": "listing",
    "load": "archive",
    "parent_images": "tree",
    "prune": "removing",
    "pull": "pulling",
    "push": "pushing",
    "remove_images": "removing",
    "resolve": "lookup",
    "save": "archive",
    "tag": "naming",
    "untag": "naming",
}

__all__ = [*_WHERE]


def __getattr__(name: str) -> object:
    module = _WHERE.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    value: object = getattr(import_module(f"{__name__}.{module}"), name)
    globals()[name] = value
    return value
