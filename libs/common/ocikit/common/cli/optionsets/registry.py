"""Talking to registries: where credentials, certificates and keys are, how often to try; for podman, buildah and skopeo."""

from ocikit.common.cli.declare import Flag

# podman and buildah.
AUTHFILE = Flag("authfile", help="File of registry credentials", complete="files")
CERT_DIR = Flag("cert-dir", help="Directory of certificates and keys for registries", complete="dirs")
CREDS = Flag("creds", help="Credentials for the registry", metavar="[username[:password]]", complete="none")
# Not given: what registries.conf says of the registry decides, so commands ask opts.changed("tls-verify").
TLS_VERIFY = Flag("tls-verify", "bool", default=True, help="Require HTTPS and check certificates", shown="true")
QUIET = Flag("quiet", "bool", "q", help="Show no progress")
RETRY = Flag("retry", "uint", help="How often to try again when a registry fails", shown="3")
RETRY_DELAY = Flag("retry-delay", help="Time between tries", complete="none")
DECRYPTION_KEY = Flag("decryption-key", "stringArray", help="Key for encrypted images (repeatable)", complete="files")
CONTENT_TRUST = Flag("disable-content-trust", "bool", help="Accepted for scripts written for Docker; does nothing")
SIGNATURE_POLICY = Flag("signature-policy", help="Trust policy file to use instead of the usual one", complete="files", hidden=True)  # fmt: skip

PLATFORM = (
    Flag("arch", help="Choose the image for this architecture", metavar="ARCH", complete="archs"),
    Flag("os", help="Choose the image for this operating system", metavar="OS", complete="none"),
    Flag("platform", help="Choose the image for this platform, as os/arch[/variant]", complete="platforms"),
    Flag("variant", help="Choose the image for this variant of the architecture", complete="none"),
)

ACCESS = (AUTHFILE, CERT_DIR, CREDS, TLS_VERIFY)
RETRIES = (RETRY, RETRY_DELAY)

PULL = (
    Flag("all-tags", "bool", "a", help="Pull every tag of the repository"),
    *PLATFORM,
    *ACCESS,
    *RETRIES,
    DECRYPTION_KEY,
    CONTENT_TRUST,
    QUIET,
    Flag("policy", default="always", help="When to pull", choices=("always", "missing", "never", "newer")),
)

COMPRESSION = (
    Flag("compression-format", help="How layers are compressed: gzip, zstd or zstd:chunked", choices=("gzip", "zstd", "zstd:chunked"), shown="gzip"),
    Flag("compression-level", "int", help="How hard to compress"),
    Flag("force-compression", "bool", help="Compress again what is compressed in another way"),
)  # fmt: skip

ENCRYPTION = (
    Flag("encrypt-layer", "ints", help="Layers to encrypt, counted from 0, -1 the last; all where left out"),
    Flag("encryption-key", "stringArray", help="Key to encrypt with, as jwe:/path (repeatable)", complete="files"),
)

SIGNING = (
    Flag("sign-by", help="Add a signature by this GPG key", metavar="FINGERPRINT", complete="none"),
    Flag("sign-by-sigstore", help="Sign as this sigstore parameter file says", metavar="PATH", complete="files"),
    Flag("sign-by-sigstore-private-key", help="Sign with this sigstore private key", metavar="PATH", complete="files"),
    Flag("sign-by-sq-fingerprint", help="Sign with this Sequoia key", metavar="FINGERPRINT", complete="none"),
    Flag("sign-passphrase-file", help="Read the key's passphrase from this file", metavar="PATH", complete="files"),
)

PUSH = (
    *ACCESS,
    *RETRIES,
    *COMPRESSION,
    *ENCRYPTION,
    *SIGNING,
    CONTENT_TRUST,
    QUIET,
    Flag("compress", "bool", help="Compress layers when the destination is a directory"),
    Flag("digestfile", help="Write the digest of the pushed image to this file", complete="files"),
    Flag("format", short="f", help="Manifest type to push", choices=("oci", "v2s2", "v2s1")),
    Flag("remove-signatures", "bool", help="Do not copy signatures"),
)

LOGIN = (
    AUTHFILE,
    CERT_DIR,
    Flag("compat-auth-file", help="Write a file for Docker as well as or instead of our own", complete="files"),
    Flag("get-login", "bool", help="Print the user that is logged in"),
    Flag("password", short="p", help="Password for the registry", complete="none"),
    Flag("password-stdin", "bool", help="Read the password from standard input"),
    Flag("secret", help="Take the password from this secret", complete="secrets"),
    Flag("tls-verify", "bool", help="Require HTTPS and check certificates"),
    Flag("username", short="u", help="User at the registry", complete="none"),
    Flag("verbose", "bool", "v", help="Say which file was written"),
)

LOGOUT = (
    Flag("all", "bool", "a", help="Forget every registry"),
    AUTHFILE,
    Flag("compat-auth-file", help="Write a file for Docker instead of our own", complete="files"),
)


def skopeo_access(prefix: str = "", daemon: bool = True) -> tuple[Flag, ...]:
    """skopeo's flags for one side of a copy (prefix "src-" or "dest-") or for the only image (no prefix)."""
    side = {"src-": " of the source", "dest-": " of the destination"}.get(prefix, "")
    flags = [
        Flag(f"{prefix}authfile", help=f"File of registry credentials{side}", complete="files"),
        Flag(f"{prefix}cert-dir", help=f"Directory of certificates and keys for the registry{side}", metavar="PATH", complete="dirs"),
        Flag(f"{prefix}creds", help=f"Credentials for the registry{side}", metavar="USERNAME[:PASSWORD]", complete="none"),
        Flag(f"{prefix}no-creds", "bool", help=f"Use the registry{side} without credentials"),
        Flag(f"{prefix}password", help=f"Password for the registry{side}", complete="none"),
        Flag(f"{prefix}registry-token", help=f"Bearer token for the registry{side}", complete="none"),
        Flag(f"{prefix}tls-verify", "bool", default=True, help=f"Require HTTPS and check certificates{side}", shown=""),
        Flag(f"{prefix}username", help=f"User at the registry{side}", complete="none"),
    ]  # fmt: skip
    if daemon:
        flags += [
            Flag(f"{prefix}daemon-host", help=f"Docker daemon{side} (docker-daemon: only)", metavar="HOST", complete="none"),
            Flag(f"{prefix}shared-blob-dir", help=f"Directory of blobs shared by OCI layouts{side}", metavar="DIRECTORY", complete="dirs"),
        ]  # fmt: skip
    return tuple(flags)


SKOPEO_RETRIES = (
    Flag("retry-delay", "duration", help="Time between tries", shown=""),
    Flag("retry-times", "int", help="How often to try again when a registry fails"),
)
