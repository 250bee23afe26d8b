"""Images that a build starts from or copies out of: names, pulling, additional build contexts."""

from __future__ import annotations

import os
import sys

from ocikit.common.errors import OcikitError
from ocikit.libpod.build.errors import BuildError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from ocikit.image.context import SystemContext
    from ocikit.libpod.build.executor import Build
    from ocikit.libpod.build.ignore import Ignore
    from ocikit.libpod.build.options import BuildOptions
    from ocikit.storage import ImageRecord, Store

IMAGE_CONTEXTS = ("docker-image://", "docker://", "container-image://")


def full_name(tag: str) -> str:
    """The name that a tag gets in the store: ``localhost/`` in front of a bare one, ``:latest`` behind. Raises BuildError."""
    from ocikit.image.local.naming import normalize_name

    try:
        return normalize_name(tag)
    except OcikitError as error:
        raise BuildError(f"tag {tag}: {error}") from None


def base_image(store: Store, options: BuildOptions, name: str, platform: str) -> ImageRecord:
    """The image of that name, pulled according to the policy. Raises BuildError."""
    from ocikit.image.local.lookup import find

    target = options.build_contexts.get(name, "")
    if target.startswith(IMAGE_CONTEXTS):
        name = target.partition("://")[2]
    try:
        record = find(store, name) if options.pull in ("missing", "never") else None
        if record and (not platform or options.pull == "never" or is_for(store, record, platform)):
            return record
        from ocikit.image.copy.report import LineReporter
        from ocikit.image.local.pulling import PullOptions, pull

        wanted = PullOptions(options.pull, ctx=system_context(options, platform), retries=options.retries)
        if not options.quiet:
            wanted.say = _say
            wanted.report = LineReporter(sys.stderr)
        return store.image(pull(store, name, wanted)[0])
    except OcikitError as error:
        raise BuildError(f"creating build container: {error}", hint=error.hint) from None


def is_for(store: Store, record: ImageRecord, platform: str) -> bool:
    """Whether an image of the store is for this platform; one that does not say so is for any."""
    from ocikit.common import jsonfast
    from ocikit.libpod.build.platforms import parse_platform

    try:
        config = jsonfast.loads(store.image_data(record.id, f"sha256:{record.id}"))
    except (OcikitError, OSError, ValueError):
        return True
    wanted = parse_platform(platform)
    return (config.get("os") or wanted.os, config.get("architecture") or wanted.architecture) == (
        wanted.os,
        wanted.architecture,
    )


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def system_context(options: BuildOptions, platform: str = "") -> SystemContext:
    """How to reach registries, as the build's options say."""
    from ocikit.image.context import SystemContext

    fields: dict[str, Any] = dict(zip(("os", "arch", "variant"), filter(None, platform.split("/")), strict=False))
    if options.tls_verify is not None:
        fields["tls_verify"] = options.tls_verify
    if options.creds:
        user, _, password = options.creds.partition(":")
        fields["creds"] = (user, password)
    return SystemContext(authfile=options.authfile, cert_dir=options.cert_dir, **fields)


def context_root(build: Build, name: str) -> tuple[str, Ignore, str]:
    """The directory behind an additional build context (``--build-context name=value``)."""
    from ocikit.libpod.build.ignore import Ignore

    value = build.options.build_contexts[name]
    if value.startswith(IMAGE_CONTEXTS):
        record = base_image(build.store, build.options, name, build.options.platform)
        return build.mounted(record.id), Ignore([]), name
    if not os.path.isdir(value):
        raise BuildError(f'the build context {name} names "{value}", which is not a directory')
    return os.path.realpath(value), Ignore([]), value
