"""skopeo manifest-digest"""

from __future__ import annotations

import sys

from ocikit.common.cli.declare import Command
from ocikit.common.errors import OcikitError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from ocikit.common.cli.declare import Values
    from ocikit.common.cli.program import Context

COMMAND = Command(
    use="manifest-digest MANIFEST-FILE",
    short="Compute the digest of a manifest file",
    long="Prints the digest that a registry would give to the manifest in the file.",
    example="skopeo manifest-digest manifest.json",
    complete="files",
)


def run(context: Context, opts: Values, args: list[str]) -> int:
    if len(args) != 1:
        raise UsageError("Usage: skopeo manifest-digest manifest")
    from ocikit.image.manifest.guess import manifest_digest

    sys.stdout.write(manifest_digest(read(args[0], "manifest from ")) + "\n")
    return 0


def read(path: str, what: str = "") -> bytes:
    """The file's bytes; its name in the error."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except OSError as error:
        text = (error.strerror or "").lower()
        raise OcikitError(f"Error reading {what}{path}: open {path}: {text}") from None
