"""The skopeo command: its global flags and where each command lives. Commands are loaded when they are called."""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Flag, Program
from ocikit.common.version import SKOPEO, VERSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.program import Context

# One flag a line reads better than five.
GLOBAL_FLAGS = (
    Flag("command-timeout", "duration", help="Give up after this time"),
    Flag("debug", "bool", help="Show messages for finding faults"),
    Flag("insecure-policy", "bool", help="Accept every image, whatever the trust policy says"),
    Flag("override-arch", help="Choose images for this architecture instead of this machine's", metavar="ARCH", complete="none"),
    Flag("override-os", help="Choose images for this system instead of the running one", metavar="OS", complete="none"),
    Flag("override-variant", help="Choose images for this variant of the architecture", metavar="VARIANT", complete="none"),
    Flag("policy", help="Trust policy file to use instead of the usual one", complete="files"),
    Flag("registries.d", help="Directory of registry configuration files (where signatures are kept)", metavar="DIR", complete="dirs"),
    Flag("registries-conf", help="registries.conf to use instead of the usual one", complete="files", hidden=True),
    Flag("tmpdir", help="Directory for temporary files", complete="dirs"),
    Flag("user-agent-prefix", help="Put this before the name that registries are told", complete="none"),
    Flag("version", "bool", "v", help="Print the version"),
)  # fmt: skip

# Path -> (module, one-line help).
INDEX: dict[str, tuple[str, str]] = {
    "copy": ("ocikit.skopeo.commands.copy", "Copy an image from one place to another"),
    "delete": ("ocikit.skopeo.commands.delete", "Mark an image for deletion"),
    "diff": ("ocikit.skopeo.commands.diff", "Show in what two images differ"),
    "experimental-image-proxy": ("ocikit.skopeo.commands.image_proxy", "Serve images over a socket"),
    "generate-sigstore-key": ("ocikit.skopeo.commands.generate_sigstore_key", "Make a pair of sigstore keys"),
    "inspect": ("ocikit.skopeo.commands.inspect", "Show what an image is, without pulling it"),
    "layers": ("ocikit.skopeo.commands.layers", "Get layers of an image (deprecated: use copy)"),
    "list-tags": ("ocikit.skopeo.commands.list_tags", "List the tags of a repository or of a docker archive"),
    "login": ("ocikit.skopeo.commands.login", "Log in to a container registry"),
    "logout": ("ocikit.skopeo.commands.logout", "Log out of a container registry"),
    "manifest-digest": ("ocikit.skopeo.commands.manifest_digest", "Compute the digest of a manifest file"),
    "standalone-sign": ("ocikit.skopeo.commands.standalone_sign", "Create a signature with local files"),
    "standalone-verify": ("ocikit.skopeo.commands.standalone_verify", "Verify a signature with local files"),
    "sync": ("ocikit.skopeo.commands.sync", "Copy many images from one place to another"),
    "untrusted-signature-dump-without-verification": (
        "ocikit.skopeo.commands.signature_dump",
        "Print what a signature claims, without checking anything",
    ),
}


def _prepare(context: Context) -> None:
    from ocikit.skopeo.shared import prepare

    prepare(context)


PROGRAM = Program(
    name="skopeo",
    version=f"{SKOPEO}+ocikit.{VERSION}",
    short="Various operations with container images and container image registries",
    flags=GLOBAL_FLAGS,
    index=INDEX,
    error_style="skopeo",
    hidden=("layers", "experimental-image-proxy", "untrusted-signature-dump-without-verification"),
    prepare=_prepare,
    completers="ocikit.skopeo.completers",
)


def main() -> int:
    """Runs the command line of this process."""
    return PROGRAM.main(sys.argv[1:])
