"""Images as JSON and as data for --format templates."""

from __future__ import annotations

from ocikit.image.cli.jsontext import dump_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from ocikit.image.local.listing import ImageSummary
    from ocikit.podman.commands.images import Row

HEADINGS = {
    "ID": "IMAGE ID",
    "Id": "IMAGE ID",
    "Repository": "REPOSITORY",
    "Tag": "TAG",
    "Digest": "DIGEST",
    "Created": "CREATED",
    "CreatedSince": "CREATED",
    "Size": "SIZE",
    "History": "HISTORY",
    "ReadOnly": "R/O",
}


def summary_object(summary: ImageSummary) -> dict[str, Any]:
    """One element of ``podman images --format json``; empty fields as podman leaves them out."""
    from ocikit.common.units import format_rfc3339

    image = summary.image
    labels = summary.labels
    size = summary.size
    shown: dict[str, Any] = {
        "Id": summary.id,
        "ParentId": summary.parent_id,
        "RepoTags": None,
        "RepoDigests": summary.repo_digests(),
        "Size": size,
        "SharedSize": 0,
        "VirtualSize": size,
        "Labels": {k: labels[k] for k in sorted(labels)} if labels else None,
        "Containers": summary.containers,
    }
    if summary.read_only:
        shown["ReadOnly"] = True
    if summary.dangling:
        shown["Dangling"] = True
    config = {} if image.is_list else image.config
    if config.get("architecture"):
        shown["Arch"] = config["architecture"]
    if summary.digest:
        shown["Digest"] = summary.digest
    if summary.history:
        shown["History"] = summary.history
    shown["IsManifestList"] = image.is_list
    if summary.names:
        shown["Names"] = summary.names
    if config.get("os"):
        shown["Os"] = config["os"]
    shown["Created"] = summary.created // 1_000_000_000
    shown["CreatedAt"] = format_rfc3339(summary.created)
    return shown


class TemplateRow:
    """A row as templates see it; fields are computed when they are asked for."""

    def __init__(self, row: Row) -> None:
        self._row = row
        self._summary = row.summary

    def __getattr__(self, name: str) -> Any:
        found = _FIELDS.get(name.replace("_", "").lower())
        if found is None:
            raise AttributeError(name)
        return found(self._row)


_FIELDS: dict[str, Any] = {
    "id": lambda r: r.id,
    "repository": lambda r: r.repository,
    "tag": lambda r: r.tag,
    "created": lambda r: r.created,
    "createdsince": lambda r: r.created,
    "createdat": lambda r: r.created_at,
    "createdtime": lambda r: r.created_at,
    "size": lambda r: r.size,
    "virtualsize": lambda r: r.summary.size,
    "sharedsize": lambda r: 0,
    "names": lambda r: r.summary.names,
    "repotags": lambda r: r.summary.names,
    "repodigests": lambda r: r.summary.repo_digests(),
    "labels": lambda r: r.summary.labels,
    "parentid": lambda r: r.summary.parent_id,
    "digest": lambda r: r.digest,
    "history": lambda r: r.history,
    "containers": lambda r: r.summary.containers,
    "readonly": lambda r: r.summary.read_only,
    "dangling": lambda r: r.summary.dangling,
    "arch": lambda r: "" if r.summary.image.is_list else r.summary.image.config.get("architecture", ""),
    "os": lambda r: "" if r.summary.image.is_list else r.summary.image.config.get("os", ""),
    "ismanifestlist": lambda r: r.summary.image.is_list,
}


def render_images(template: str, rows: Sequence[Row], noheading: bool) -> str:
    """The rows by a Go template."""
    from ocikit.common.gotemplate import render_rows

    return render_rows(template, [TemplateRow(row) for row in rows], HEADINGS, "images", noheading)


__all__ = ["HEADINGS", "TemplateRow", "dump_json", "render_images", "summary_object"]
