"""``podman commit``: an image of what a container is now (podman-commit(1); libpod.md section 8)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from ocikit.common.errors import OcikitError
from ocikit.libpod import images, times
from ocikit.libpod.build.config import apply
from ocikit.libpod.build.imageconfig import BuildConfig
from ocikit.libpod.build.lexer import parse_instruction
from ocikit.libpod.build.platforms import Platform
from ocikit.libpod.build.snapshot import Snapshot, documents, history_entry
from ocikit.libpod.build.workspace import commit_layer
from ocikit.libpod.container.record import RUNNING, Container

INSTRUCTIONS = ("CMD", "ENTRYPOINT", "ENV", "EXPOSE", "LABEL", "ONBUILD", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR")


def commit(
    container: Container,
    names: Sequence[str] = (),
    *,
    author: str = "",
    changes: Sequence[str] = (),
    config_file: str = "",
    image_format: str = "oci",
    include_volumes: bool = False,
    message: str = "",
    pause: bool = False,
    squash: bool = False,
) -> str:
    """The id of the new image. ``changes`` are Containerfile instructions. A running container is frozen if ``pause``."""
    if image_format not in ("oci", "docker"):
        raise OcikitError(f'unrecognized image format "{image_format}"')
    if message and image_format == "oci":
        raise OcikitError("messages are only compatible with the docker image format (-f docker)")
    if not container.config.get("rootfsImageID"):
        raise OcikitError(f"cannot commit container {container.id}: it has a root directory of its own and no image")
    store = container.runtime.store
    with ExitStack() as stack:
        if pause and container.number == RUNNING:
            oci = container.runtime.oci_named(container.config.get("runtime", ""))
            oci.pause(container.id)
            stack.callback(oci.resume, container.id)
        base_record = store.image(container.config["rootfsImageID"])
        document = images.configuration(container.runtime, base_record)
        config = _config(container, document, include_volumes)
        if author:
            config.author = author
        if config_file:
            with open(config_file, encoding="utf-8") as file:
                _overlay(config, json.load(file))
        for text in changes:
            _change(config, text)
        created = times.now()
        layer = commit_layer(store, store.container(container.id).layer, base_record.layer or "", squash=squash)
    base = Snapshot() if squash else _base(container, document, base_record.layer or "")
    comment = message or f"FROM {container.config.get('rootfsImageName', '')}"
    entry = history_entry(created, "/bin/sh", author=author, comment=comment)
    snapshot = base.with_layer(entry, layer.diff_id, layer.size, layer.id)
    platform = Platform(
        str(document.get("os") or "linux"), str(document.get("architecture") or ""), str(document.get("variant") or "")
    )
    made = documents(snapshot, config, platform, created, docker=image_format == "docker")
    store.create_image(
        made.image_id,
        names=list(names),
        layer=layer.id,
        digest=made.manifest_digest,
        created=created,
        metadata="{}",
        data=[
            (made.config_digest, made.config, made.config_digest),
            (f"manifest-{made.manifest_digest}", made.manifest, made.manifest_digest),
            ("manifest", made.manifest, made.manifest_digest),
        ],
    )
    container.event("commit")
    return made.image_id


def _base(container: Container, document: dict[str, Any], layer: str) -> Snapshot:
    store = container.runtime.store
    chain = store.chain(layer) if layer else []
    return Snapshot(
        tuple((document.get("rootfs") or {}).get("diff_ids") or ()),
        tuple(record.diff_size for record in chain),
        tuple(document.get("history") or ()),
        layer,
    )


def _config(container: Container, document: dict[str, Any], include_volumes: bool) -> BuildConfig:
    """The image's configuration with what the container was made with on top."""
    record = container.config
    process = record["spec"]["process"]
    inner = dict(document.get("config") or {})
    inner["Env"] = [
        text
        for text in process.get("env") or ()
        if text.partition("=")[0] not in ("HOME", "HOSTNAME", "TERM", "container")
    ]
    if record.get("command"):
        inner["Cmd"] = record["command"]
    if record.get("entrypoint"):
        inner["Entrypoint"] = record["entrypoint"]
    inner["WorkingDir"] = process.get("cwd") or "/"
    if record.get("user"):
        inner["User"] = record["user"]
    if record.get("labels"):
        inner["Labels"] = record["labels"]
    if include_volumes and record.get("userVolumes"):
        inner["Volumes"] = {path: {} for path in record["userVolumes"]}
    return BuildConfig.from_image({**document, "config": inner})


def _overlay(config: BuildConfig, given: dict[str, Any]) -> None:
    """``--config FILE``: a Docker configuration whose fields win."""
    merged = {**config.oci(), **{key: value for key, value in given.items() if value not in (None, "", [], {})}}
    replaced = BuildConfig.from_image({"config": merged})
    for name, value in vars(replaced).items():
        setattr(config, name, value)


def _change(config: BuildConfig, text: str) -> None:
    """One ``--change``: ``CMD=x`` and ``CMD x`` are both taken."""
    word, separator, rest = text.partition(" ")
    if "=" in word and word.partition("=")[0].upper() in INSTRUCTIONS:
        word, separator, rest = text.partition("=")
    if word.upper() not in INSTRUCTIONS or not separator:
        raise OcikitError(
            f'invalid change "{text}" - must be formatted as KEY VALUE, with KEY one of {" | ".join(INSTRUCTIONS)}'
        )
    apply(config, parse_instruction(f"{word.upper()} {rest.strip()}"))
