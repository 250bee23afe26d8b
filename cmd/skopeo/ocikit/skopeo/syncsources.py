"""What ``skopeo sync`` finds in its source: a repository, a directory, or a YAML file (image spec, section 12.3)."""

from __future__ import annotations

import os
import re

from ocikit.common import log
from ocikit.common.errors import OcikitError
from ocikit.image.errors import wrap
from ocikit.image.names import parse_image_name
from ocikit.image.reference import ImageName, parse_normalized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from ocikit.common.cli.declare import Values
    from ocikit.image.context import SystemContext
    from ocikit.image.transports.base import ImageReference


class Batch:
    """Images that are reached with the same context. ``folder``: the directory they were found in ("" for registries)."""

    def __init__(self, references: list[ImageReference], ctx: SystemContext, folder: str = "") -> None:
        self.references = references
        self.ctx = ctx
        self.folder = folder


def batches(kind: str, source: str, ctx: SystemContext, opts: Values) -> list[Batch]:
    if kind == "docker":
        return [_repository(source, ctx)]
    if kind == "dir":
        return [_directory(source, ctx)]
    return list(_yaml(source, ctx))


def _tags(name: ImageName, ctx: SystemContext) -> list[str]:
    from ocikit.image.transports.docker import DockerReference, list_tags

    log.info_about("Getting tags", image=name.name)
    try:
        return list_tags(ctx, DockerReference(name))
    except OcikitError as error:
        raise wrap(f"Error determining repository tags for repo {name.name}", error) from error


def _docker(name: ImageName) -> ImageReference:
    return parse_image_name(f"docker://{name}")


def _repository(source: str, ctx: SystemContext) -> Batch:
    try:
        name = parse_normalized(source)
    except OcikitError as error:
        raise wrap(
            f"Cannot obtain a valid image reference for transport docker and reference {source}", error
        ) from None
    tagged = not name.is_name_only
    log.info_about("Tag presence check", imagename=source, tagged=str(tagged).lower())
    if tagged:
        return Batch([_docker(name)], ctx)
    references = [_docker(name.with_tag(tag)) for tag in _tags(name, ctx)]
    if not references:
        raise OcikitError(f'No images to sync found in "{source}"')
    return Batch(references, ctx)


def _directory(source: str, ctx: SystemContext) -> Batch:
    if not os.path.isdir(source):
        raise OcikitError(f"Invalid source directory specified: stat {source}: no such file or directory")
    found = []
    for folder, names, files in os.walk(source):
        names.sort()
        if "manifest.json" in files:
            found.append(parse_image_name(f"dir:{folder}"))
    if not found:
        raise OcikitError(f'No images to sync found in "{source}"')
    return Batch(found, ctx, source)


def _yaml(path: str, ctx: SystemContext) -> Iterator[Batch]:
    from ocikit.image.registry.lookaside import read_yaml

    doc = read_yaml(path)
    for registry, wanted in doc.items():
        if not isinstance(wanted, dict):
            raise OcikitError(f"{path}: the entry of {registry} must be a mapping")
        keys = ("images", "images-by-tag-regex", "images-by-semver")
        if not any(wanted.get(key) for key in keys):
            log.warning(f"No images specified for registry {registry}")
            continue
        yield from _registry(str(registry), wanted, _context(wanted, ctx))


def _context(wanted: dict[str, Any], ctx: SystemContext) -> SystemContext:
    values: dict[str, Any] = {}
    if "tls-verify" in wanted:
        values["tls_verify"] = bool(wanted["tls-verify"])
    credentials = wanted.get("credentials")
    if isinstance(credentials, dict) and (credentials.get("username") or credentials.get("password")):
        values["creds"] = (str(credentials.get("username", "")), str(credentials.get("password", "")))
    if wanted.get("cert-dir"):
        values["cert_dir"] = str(wanted["cert-dir"])
    return ctx.replace(**values)


def _registry(registry: str, wanted: dict[str, Any], ctx: SystemContext) -> Iterator[Batch]:
    for repository, tags in (wanted.get("images") or {}).items():
        name = _name(registry, repository)
        if name is not None:
            yield from _batch(name, _listed(name, tags, ctx), ctx)
    for repository, pattern in (wanted.get("images-by-tag-regex") or {}).items():
        name = _name(registry, repository)
        if name is not None:
            try:
                found = re.compile(str(pattern))
            except re.error as error:
                raise OcikitError(f"invalid tag pattern {pattern} of {name.name}: {error}") from None
            yield from _batch(name, [_docker(name.with_tag(tag)) for tag in _tags(name, ctx) if found.search(tag)], ctx)
    for repository, constraint in (wanted.get("images-by-semver") or {}).items():
        name = _name(registry, repository)
        if name is not None:
            from ocikit.skopeo.semver import Constraint

            rule = Constraint(str(constraint))
            yield from _batch(name, [_docker(name.with_tag(tag)) for tag in _tags(name, ctx) if rule.allows(tag)], ctx)


def _batch(name: ImageName, references: list[ImageReference], ctx: SystemContext) -> Iterator[Batch]:
    if references:
        yield Batch(references, ctx)
    else:
        log.warning(f"No refs to sync found repo={name.name} registry={name.domain}")


def _name(registry: str, repository: object) -> ImageName | None:
    try:
        return parse_normalized(f"{registry}/{repository}")
    except OcikitError as error:
        log.error(f"Error parsing repository name, skipping repo={repository}: {error}")
        return None


def _listed(name: ImageName, tags: Any, ctx: SystemContext) -> list[ImageReference]:
    """The references that a list of tags and digests means; an empty list means all tags."""
    if not tags:
        return [_docker(name.with_tag(tag)) for tag in _tags(name, ctx)]
    found = []
    for tag in tags if isinstance(tags, list) else [tags]:
        text = str(tag)
        try:
            found.append(_docker(name.with_digest(text) if ":" in text else name.with_tag(text)))
        except OcikitError as error:
            log.error(f"Error processing tag {text} of {name.name}, skipping: {error}")
    return found
