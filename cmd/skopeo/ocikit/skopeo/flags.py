"""Groups of flags that several commands share (image spec, section 12.2)."""

from __future__ import annotations

from ocikit.common.cli.declare import Flag

AUTHFILE = Flag(
    "authfile", help="Credentials file; default: REGISTRY_AUTH_FILE, then the usual places", complete="files"
)
RETRY = (
    Flag("retry-times", "int", help="How often to try again after a failure that may pass"),
    Flag("retry-delay", "duration", help="Fixed time between tries; default: one that doubles"),
)
DEPRECATED_TLS = Flag(
    "tls-verify", "bool", default=True, help="Deprecated: verify certificates on both sides", hidden=True
)


def registry_flags(side: str = "") -> tuple[Flag, ...]:
    """The flags of one registry: ``side`` is "", "src" or "dest"."""
    prefix = side + "-" if side else ""
    what = {"": "the registry", "src": "the source registry", "dest": "the destination registry"}[side]
    alias = {"": (), "src": ("screds",), "dest": ("dcreds",)}[side]
    flags = (
        Flag(prefix + "cert-dir", metavar="PATH", help=f"Directory of certificates (*.crt, *.cert, *.key) for {what}", complete="dirs"),
        Flag(prefix + "creds", metavar="USERNAME[:PASSWORD]", help=f"Log in to {what} with these", complete="none", aliases=alias),
        Flag(prefix + "no-creds", "bool", help=f"Use {what} without logging in"),
        Flag(prefix + "password", help=f"Password for {what}", complete="none"),
        Flag(prefix + "registry-token", help=f"Bearer token for {what}", complete="none"),
        Flag(prefix + "tls-verify", "bool", default=True, help=f"Ask for HTTPS and a valid certificate of {what} or daemon"),
        Flag(prefix + "username", help=f"User name for {what}", complete="none"),
    )  # fmt: skip
    if prefix:
        return (Flag(prefix + "authfile", help=f"Credentials file for {what}", complete="files"), *flags)
    return flags


def image_flags(side: str = "") -> tuple[Flag, ...]:
    """The registry's flags and those of images that are in no registry."""
    prefix = side + "-" if side else ""
    return (
        *registry_flags(side),
        Flag(prefix + "daemon-host", metavar="HOST", help="Docker daemon to talk to for docker-daemon:", complete="none"),
        Flag(prefix + "shared-blob-dir", metavar="DIRECTORY", help="Directory that OCI layouts share their blobs in", complete="dirs"),
    )  # fmt: skip


SIGNING = (
    Flag("sign-by", metavar="FINGERPRINT", help="Sign with this GPG key", complete="none"),
    Flag("sign-by-sigstore", metavar="PATH", help="Sign as a sigstore parameter file says", complete="files"),
    Flag("sign-by-sigstore-private-key", metavar="PATH", help="Sign with this sigstore private key", complete="files"),
    Flag("sign-by-sq-fingerprint", metavar="FINGERPRINT", help="Sign with this Sequoia-PGP key", complete="none",
         unsupported="signing with Sequoia-PGP is not supported in this build; use --sign-by with GnuPG"),
    Flag("sign-passphrase-file", metavar="PATH", help="Read the key's passphrase from here", complete="files"),
)  # fmt: skip
