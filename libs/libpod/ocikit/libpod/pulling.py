"""Pulling the image of a new container; imported only when the store does not have it."""

from __future__ import annotations

import sys
from typing import Any

from ocikit.common.errors import UsageError
from ocikit.image.context import SystemContext
from ocikit.image.copy.report import LineReporter, Reporter
from ocikit.image.local.common import Retries
from ocikit.image.local.pulling import PullOptions
from ocikit.image.local.pulling import pull as pull_image
from ocikit.libpod.container.options import CreateOptions
from ocikit.libpod.runtime import Runtime
from ocikit.storage import ImageRecord


def pull(runtime: Runtime, options: CreateOptions) -> ImageRecord:
    """Pulls what the options name, for their platform and with their credentials; progress goes to standard error."""
    if options.decryption_key:
        raise UsageError(
            "--decryption-key: decrypting images while creating a container is not possible here",
            hint="podman pull --decryption-key pulls and decrypts them.",
        )
    policy = options.pull.lower() or "missing"
    policy = {"ifnotpresent": "missing", "ifmissing": "missing", "true": "always", "false": "missing"}.get(
        policy, policy
    )
    ids = pull_image(
        runtime.store,
        options.image,
        PullOptions(
            policy,
            ctx=context(options),
            retries=Retries(options.retry, _delay(options.retry_delay)),
            say=_silent if options.quiet else _say,
            report=Reporter() if options.quiet else LineReporter(sys.stderr),
        ),
    )
    return runtime.store.image(ids[0])


def context(options: CreateOptions) -> SystemContext:
    """How to reach registries, and which platform is wanted."""
    values: dict[str, Any] = {}
    if options.tls_verify is not None:
        values["tls_verify"] = options.tls_verify
    if options.authfile:
        values["authfile"] = options.authfile
    if options.cert_dir:
        values["cert_dir"] = options.cert_dir
    if options.creds:
        user, _, password = options.creds.partition(":")
        values["creds"] = (user, password)
    if options.platform:
        system, slash, rest = options.platform.partition("/")
        if not slash or options.arch or options.os:
            raise UsageError("--platform option can not be specified with --arch or --os" if slash else f'invalid platform "{options.platform}": it must be OS/ARCH[/VARIANT]')  # fmt: skip
        arch, _, variant = rest.partition("/")
        values.update(os=system, arch=arch, variant=variant)
    for field in ("os", "arch", "variant"):
        if getattr(options, field):
            values[field] = getattr(options, field)
    return SystemContext(**values)


def _delay(text: str) -> float | None:
    from ocikit.common.units import parse_duration

    return parse_duration(text) if text else None


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _silent(_: str) -> None:
    return
