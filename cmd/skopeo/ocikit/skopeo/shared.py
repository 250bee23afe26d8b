"""From flags to library objects, and retries: what the commands share."""

from __future__ import annotations

from ocikit.common.errors import OcikitError, UsageError
from ocikit.image.context import SystemContext

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, TypeVar

    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context
    from ocikit.image.transports.base import ImageReference, ImageSource

    T = TypeVar("T")


def prepare(context: Context) -> None:
    """skopeo tells "there's no such image" by exit code 2 (spec 12.1)."""
    from ocikit.image.errors import ImageNotFound

    ImageNotFound.exit_code = 2


def base_context(context: Context) -> SystemContext:
    """What the global flags say."""
    import time

    from ocikit.common.version import SKOPEO

    globals_ = context.globals
    agent = f"skopeo/{SKOPEO}"
    prefix = globals_["user-agent-prefix"]
    timeout = globals_["command-timeout"]
    return SystemContext(
        registries_conf=globals_["registries-conf"],
        registries_d=globals_["registries.d"],
        policy=globals_["policy"],
        insecure_policy=globals_["insecure-policy"],
        os=globals_["override-os"],
        arch=globals_["override-arch"],
        variant=globals_["override-variant"],
        tmpdir=globals_["tmpdir"],
        user_agent=f"{prefix} {agent}" if prefix else agent,
        deadline=time.monotonic() + timeout if timeout else None,
    )


def image_context(context: Context, opts: Values, side: str = "", base: SystemContext | None = None) -> SystemContext:
    """The context of one side ("", "src", "dest") from its registry and image flags."""
    import os

    prefix = side + "-" if side else ""
    ctx = base or base_context(context)
    values: dict[str, Any] = {
        "authfile": (opts.get(prefix + "authfile") if prefix else "")
        or opts.get("authfile")
        or os.environ.get("REGISTRY_AUTH_FILE", ""),
        "cert_dir": opts[prefix + "cert-dir"],
        "registry_token": opts[prefix + "registry-token"],
        "no_creds": opts[prefix + "no-creds"],
        "daemon_host": opts.get(prefix + "daemon-host", ""),
        "shared_blob_dir": opts.get(prefix + "shared-blob-dir", ""),
        "creds": credentials(opts, prefix),
    }
    if opts.changed(prefix + "tls-verify"):
        values["tls_verify"] = opts[prefix + "tls-verify"]
    elif prefix and opts.changed("tls-verify"):
        values["tls_verify"] = opts["tls-verify"]
    return ctx.replace(**values)


def credentials(opts: Values, prefix: str) -> tuple[str, str] | None:
    """(user, password) from --creds or --username/--password; contradictions are refused."""
    given = opts.changed(prefix + "creds")
    user, password = opts[prefix + "username"], opts[prefix + "password"]
    if opts[prefix + "no-creds"]:
        if given:
            raise UsageError("creds and no-creds cannot be specified at the same time")
        if user:
            raise UsageError("username and no-creds cannot be specified at the same time")
        return None
    if given and user:
        raise UsageError("creds and username cannot be specified at the same time")
    if user and not password:
        raise UsageError("password must be specified when username is specified")
    if password and not user:
        raise UsageError("username must be specified when password is specified")
    if user:
        return user, password
    if not given:
        return None
    text = opts[prefix + "creds"]
    if not text:
        raise UsageError("credentials can't be empty")
    user, _, password = text.partition(":")
    if not user:
        raise UsageError("username can't be empty")
    return user, password


def warn_deprecated_tls(context: Context, opts: Values) -> None:
    if opts.changed("tls-verify"):
        context.warn("'--tls-verify' is deprecated, instead use: --src-tls-verify, --dest-tls-verify")


def retried(opts: Values, work: Callable[[], T]) -> T:
    """Runs ``work`` again after failures that may pass (spec 5.4), as often as --retry-times says."""
    times, fixed = opts["retry-times"], opts["retry-delay"]
    if not times:
        return work()
    import random
    import time

    from ocikit.common import log
    from ocikit.image.registry.errors import is_retryable

    for attempt in range(times + 1):
        try:
            return work()
        except OcikitError as error:
            if attempt == times or not is_retryable(error):
                raise
            delay = fixed or 2.0**attempt
            log.warning(f"Failed, retrying in {delay:g}s ... ({attempt + 1}/{times}). Error: {error}")
            time.sleep(delay * (1 + random.random() / 10))
    raise AssertionError("the loop returns or raises")


def parse_image(text: str) -> ImageReference:
    from ocikit.image.names import parse_image_name

    return parse_image_name(text)


def open_source(text: str, opts: Values, ctx: SystemContext) -> ImageSource:
    """The image named ``text``, opened for reading, with retries."""
    reference = parse_image(text)
    return retried(opts, lambda: reference.open_source(ctx))


def policy_check(context: Context, ctx: SystemContext) -> Any:
    """The ``accept`` of a copy; loading the policy fails before anything else happens."""
    from ocikit.image.signature.policy import load_policy

    try:
        policy = load_policy(ctx, required=True)
    except OcikitError as error:
        raise _prefixed("Error loading trust policy", error) from error

    def accept(reference: ImageReference, manifest: bytes, signatures: Any) -> None:
        policy.check(reference, manifest, signatures, ctx)

    return accept


def _prefixed(prefix: str, error: OcikitError) -> OcikitError:
    from ocikit.image.errors import wrap

    return error if str(error).startswith(prefix) else wrap(prefix, error)


def usage_with_help(context: Context, message: str) -> UsageError:
    """copy, sync and list-tags print their help on stderr before they complain about the number of words."""
    import sys

    from ocikit.common.cli import help as cli_help

    out, sys.stdout = sys.stdout, sys.stderr
    try:
        cli_help.show_topic(context, context.path)
    finally:
        sys.stdout = out
    return UsageError(message, hint="-")


def manifest_options(opts: Values) -> dict[str, Any]:
    """--format, --preserve-digests and --remove-signatures, of copy and sync alike."""
    from ocikit.image.manifest.mediatypes import FORMATS

    if opts.format and opts.format not in FORMATS:
        raise UsageError(
            f"unknown format \"{opts.format}\". Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'"
        )
    return {
        "format": FORMATS.get(opts.format, ""),
        "preserve_digests": opts.preserve_digests,
        "remove_signatures": opts.remove_signatures,
    }


def encryption(opts: Values) -> dict[str, Any]:
    """The encryption and decryption of a copy."""
    if opts.encryption_key and opts.decryption_key:
        raise UsageError("--encryption-key and --decryption-key cannot be specified together")
    if opts.changed("encrypt-layer") and not opts.encryption_key:
        raise UsageError("--encrypt-layer can only be used with --encryption-key")
    values: dict[str, Any] = {}
    if opts.encryption_key:
        from ocikit.image.encryption import Encryptor

        values["encryption"] = Encryptor(opts.encryption_key, opts.encrypt_layer)
    if opts.decryption_key:
        from ocikit.image.encryption import Decryptor

        values["decryption"] = Decryptor(opts.decryption_key)
    return values


def signing(opts: Values, identity: str = "") -> dict[str, Any]:
    """The signers of a copy."""
    values: dict[str, Any] = {}
    if identity:
        from ocikit.image.reference import parse_normalized

        try:
            values["sign_identity"] = parse_normalized(identity)
        except OcikitError as error:
            raise UsageError(f"Could not parse --sign-identity: {error}") from error
    if opts.sign_by or opts.sign_by_sigstore or opts.sign_by_sigstore_private_key:
        from ocikit.image.signature.signers import from_options

        values["signers"] = from_options(
            sign_by=opts.sign_by,
            sigstore_key=opts.sign_by_sigstore_private_key,
            sigstore_params=opts.sign_by_sigstore,
            passphrase_file=opts.sign_passphrase_file,
        )
    return values


def reporter(kind: str) -> Any:
    """How a copy shows its progress (on stdout): bars on a terminal, lines elsewhere, JSON lines or nothing when asked."""
    import sys

    from ocikit.common.cli.progress import Progress

    return Progress.choose(kind == "none", "" if kind == "auto" else kind, sys.stdout)
